//! An event loop that runs against the kit's server.

use std::{fmt, sync::Arc};

use futures::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use kubehandler::{CancellationToken, EventLoop, EventLoopHandle, Fact, RunError};

use crate::{
    calls::{CallLog, Calls},
    idle::{self, NotIdle},
    kit::TestKit,
    requests::Requests,
};

/// How an event loop ended; shared by all who ask.
pub(crate) type Ended = Result<(), Arc<RunError>>;

/// An event loop that runs; dropping it stops the loop without waiting for it.
pub struct Run {
    kit: TestKit,
    running: Arc<Running>,
}

/// What the kit knows of a loop.
pub(crate) struct Running {
    /// What the loop's client is called.
    name: String,
    pub(crate) handle: EventLoopHandle,
    pub(crate) calls: CallLog,
    stop: CancellationToken,
    ended: Shared<BoxFuture<'static, Ended>>,
}

impl Running {
    /// Starts the loop in a task of its own.
    pub(crate) fn start(name: String, event_loop: EventLoop) -> Self {
        let calls = CallLog::default();
        let event_loop = event_loop.observe({
            let calls = calls.clone();
            move |fact| {
                if let Fact::Callback(report) = fact {
                    calls.note(report);
                }
            }
        });
        let handle = event_loop.handle();
        let stop = CancellationToken::new();
        let task = tokio::spawn(event_loop.run_until(stop.clone()));
        let ended = async move {
            match task.await {
                Ok(ended) => ended.map_err(Arc::new),
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            }
        };
        Self {
            name,
            handle,
            calls,
            stop,
            ended: ended.boxed().shared(),
        }
    }

    pub(crate) async fn ended(&self) -> Ended {
        self.ended.clone().await
    }
}

impl Run {
    pub(crate) fn new(kit: TestKit, running: Arc<Running>) -> Self {
        Self { kit, running }
    }

    /// Waits until nothing goes on that has not come to its end: no sleep, no guess.
    ///
    /// That is, at one moment:
    ///
    /// - every informer of every loop of the kit has synced and has its watch open;
    /// - every watch of the server, but for those of the test's [own client](TestKit::client), was
    ///   read to the head of the history, and what it brought has reached the handlers;
    /// - no callback runs, is due, or waits for its retry.
    ///
    /// Requeues and resyncs that are not yet due do not count: let their time pass with
    /// `tokio::time::sleep`. What the handlers left running in tasks of their own is not known here.
    ///
    /// A callback must not wait for it: while the callback runs, the loop is not idle.
    ///
    /// # Errors
    ///
    /// Fails if the loop has ended, and with all that is [not idle](crate::Busy) if that takes
    /// longer than [the timeout](TestKit::idle_timeout).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    pub async fn idle(&self) -> Result<(), NotIdle> {
        idle::wait(&self.kit.inner, &self.running).await
    }

    /// Returns the callbacks that were called so far, in the order in which they started.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.running.calls.calls()
    }

    /// Returns the callbacks of one handler so far, each as `add default/web`.
    #[must_use]
    pub fn calls_of(&self, handler: &str) -> Vec<String> {
        self.calls().of(handler).to_strings()
    }

    /// Returns the requests that this loop has made, of its informers and of its handlers through
    /// [`Event::client`](kubehandler::Event::client).
    #[must_use]
    pub fn requests(&self) -> Requests {
        let asked = self.kit.server().asked();
        let own = asked
            .into_iter()
            .filter(|asked| asked.client == self.running.name);
        Requests::new(own.collect())
    }

    /// Returns what the loop's client is called, for [faults](kubehandler_apiserver::When::client)
    /// that are to strike this loop alone.
    #[must_use]
    pub fn client_name(&self) -> &str {
        &self.running.name
    }

    /// Returns the handle of the loop.
    #[must_use]
    pub fn handle(&self) -> &EventLoopHandle {
        &self.running.handle
    }

    /// Waits until the loop ends by itself, as with an informer that cannot sync.
    ///
    /// # Errors
    ///
    /// Fails with what ended it.
    ///
    /// # Panics
    ///
    /// If the event loop panicked.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    pub async fn ended(&self) -> Result<(), Arc<RunError>> {
        self.running.ended().await
    }

    /// Stops the loop and waits until it is drained.
    ///
    /// # Errors
    ///
    /// Fails as [`EventLoop::run_until`] does: also with what ended the loop before.
    ///
    /// # Panics
    ///
    /// If the event loop panicked.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not undo the stop.
    pub async fn stop(self) -> Result<(), Arc<RunError>> {
        self.running.stop.cancel();
        self.running.ended().await
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.running.stop.cancel();
        self.kit.inner.remove(&self.running);
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.running, f)
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("client_name", &self.name)
            .field("handle", &self.handle)
            .finish_non_exhaustive()
    }
}
