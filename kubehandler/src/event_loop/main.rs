//! `main` in one call: runtime, logging, client, run.

use tokio::{
    runtime::{Builder, Handle},
    task::JoinError,
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
    /// As [`run`](Self::run), and if the runtime cannot be made.
    ///
    /// # Panics
    ///
    /// Panics if called from within a tokio runtime: use [`run`](Self::run) there.
    pub fn run_blocking(self) -> Result<(), RunError> {
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

/// Carries a panic of the loop itself on; nothing else ends its task early.
fn resume(error: JoinError) -> Result<(), RunError> {
    match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => Ok(()),
    }
}
