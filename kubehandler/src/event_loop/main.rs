//! `main` in one call: runtime, logging, client, run.

use std::{
    pin::pin,
    task::{Context, Waker},
};

use tokio::{
    runtime::{Builder, Handle},
    task::{JoinError, coop::consume_budget},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{CutOff, EventLoop, LET_GO, RunError, signals::Signals};
use crate::{log, logging};

impl EventLoop {
    /// Runs the loop as a whole program: makes logging, a runtime and a client, and runs.
    ///
    /// Logs go to standard error, at `info` or as `RUST_LOG` says, as [`logging::init`] has it,
    /// unless a `tracing` subscriber is set already.
    ///
    /// # Errors
    ///
    /// As [`run_blocking`](Self::run_blocking); returned from `fn main`, an error makes exit
    /// code 1. If standard error is a pipe that nobody reads any more, so that the error could
    /// not be printed without waiting for ever, the process ends here, with that code.
    /// Its type is no `std::error::Error`: a `main` that returns `anyhow::Result` or a
    /// boxed error calls `run_blocking`, and sets up logging itself.
    pub fn main(self) -> crate::Result {
        let log = logging::init();
        let result = self.run_blocking();
        if !log.flush() && result.is_err() {
            std::process::exit(1);
        }
        Ok(result?)
    }

    /// Runs as [`run`](Self::run) does, on a runtime of its own; for programs with their own logging.
    ///
    /// Callbacks run on a multi-threaded runtime; signals and the drain deadline are watched
    /// from the calling thread, so that it returns in time even if every thread of the
    /// runtime is blocked by a callback.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), if the runtime cannot be made, and if called from async code of a
    /// tokio runtime: use [`run`](Self::run) there.
    pub fn run_blocking(self) -> Result<(), RunError> {
        if is_async() {
            return Err(RunError::InsideRuntime);
        }
        let mut workers = Builder::new_multi_thread();
        let callbacks = workers.enable_all().build().map_err(RunError::Runtime)?;
        let mut control = Builder::new_current_thread();
        let control = control.enable_all().build().map_err(RunError::Runtime)?;
        let result = control.block_on(self.supervise(callbacks.handle()));
        // A callback that blocks its thread is left behind; the process ends all the same.
        callbacks.shutdown_background();
        result
    }

    /// Runs the loop on `callbacks`, and returns in time even if that runtime is blocked.
    async fn supervise(self, callbacks: &Handle) -> Result<(), RunError> {
        let stop = CancellationToken::new();
        let signals = Signals::listen().map_err(RunError::Signals)?;
        log::tell_if_silent();
        let registry = self.registry.clone();
        let last_call = self.drain_timeout.saturating_add(2 * LET_GO);
        let run = callbacks.spawn(self.run_until(stop.clone()));
        tokio::select! {
            result = run => result.unwrap_or_else(resume),
            on_thread = async {
                // Told to stop, or stopping by itself: it may have no thread left to go on with.
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = registry.stopping().cancelled() => {}
                }
                sleep(last_call).await;
                let on_thread = registry.on_thread();
                sleep(LET_GO).await;
                on_thread
            } => {
                let callbacks = registry.running().into_iter();
                Err(RunError::CutOff(callbacks.map(|callback| CutOff {
                    is_blocking: on_thread.still_has(&callback),
                    callback,
                }).collect()))
            }
            never = signals.forward(stop.clone()) => match never {},
        }
    }
}

/// Returns true if a tokio runtime polls the code that calls this; that code must not block.
///
/// While it polls a task, tokio limits how often the task may go on without a pause. No limit
/// applies where blocking is allowed: outside of runtimes, in `spawn_blocking` and in
/// `block_in_place`. The limit is 128; this looks a little further.
fn is_async() -> bool {
    let mut context = Context::from_waker(Waker::noop());
    (0..256).any(|_| pin!(consume_budget()).poll(&mut context).is_pending())
}

/// Carries a panic of the loop itself on; nothing else ends its task early.
fn resume(error: JoinError) -> Result<(), RunError> {
    match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::{runtime::Runtime, task};

    use super::*;

    fn refusal() -> String {
        let result = EventLoop::new("test").run_blocking();
        result
            .expect_err("a loop without a handler is refused")
            .to_string()
    }

    #[tokio::test]
    async fn loop_that_would_block_async_code_says_what_to_call_instead() {
        let text = refusal();

        assert!(text.contains("`run().await`"), "{text}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn loop_that_would_block_a_task_says_what_to_call_instead() {
        let text = tokio::spawn(async { refusal() }).await.unwrap();

        assert!(text.contains("`run().await`"), "{text}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn loop_may_block_where_tokio_allows_it() {
        let spawned = task::spawn_blocking(refusal).await.unwrap();
        let in_place = task::block_in_place(refusal);

        for text in [spawned, in_place] {
            assert!(text.contains("has no handler"), "{text}");
        }
    }

    #[test]
    fn loop_may_block_beside_a_runtime() {
        let runtime = Runtime::new().unwrap();
        let _entered = runtime.enter();

        assert!(refusal().contains("has no handler"));
    }
}
