//! The handle that shows how far an event loop has come.

use std::{fmt, sync::Arc, time::Duration};

use super::registry::{Registry, RunningCallback, WaitingCallback};
use crate::object_key::ObjectKey;

/// Shows how far an event loop has come; cheap to clone.
#[derive(Clone)]
pub struct EventLoopHandle {
    registry: Arc<Registry>,
}

impl EventLoopHandle {
    pub(super) fn new(registry: Arc<Registry>) -> Self {
        Self { registry }
    }

    /// Returns true once each object of every handler's first list has been tried once.
    ///
    /// It is false before the loop runs and after it has ended.
    ///
    /// # Examples
    ///
    /// A readiness probe:
    ///
    /// ```no_run
    /// use kubehandler::{DefaultHandler, EventLoop, k8s::Pod, tokio};
    ///
    /// /// Answers `GET /readyz` with 200 if `is_ready` returns true, and with 503 if not.
    /// async fn serve_probes(is_ready: impl Fn() -> bool) {
    /// #   let _ = is_ready();
    ///     // ..
    /// }
    ///
    /// # async fn example() -> kubehandler::Result {
    /// let event_loop = EventLoop::new("pods").register(DefaultHandler::<Pod>::new("pods"));
    /// let handle = event_loop.handle();
    /// tokio::spawn(serve_probes(move || handle.has_synced()));
    /// event_loop.run().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn has_synced(&self) -> bool {
        self.registry.has_synced()
    }

    /// Waits for [`has_synced`](Self::has_synced); returns false if the loop ended before.
    ///
    /// A callback must not wait for it: its own object may be one of those that are still to be tried.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    pub async fn synced(&self) -> bool {
        self.registry.wait(Registry::has_synced).await
    }

    /// Returns true if every informer has synced and no callback runs, is due, or waits for its retry.
    ///
    /// Requeues and resyncs that are not yet due do not count, nor do changes that the server has
    /// made and not yet sent.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.registry.is_idle()
    }

    /// Waits for [`is_idle`](Self::is_idle); returns false if the loop ended before.
    ///
    /// A callback must not wait for it: while the callback runs, the loop is not idle.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    pub async fn idle(&self) -> bool {
        self.registry.wait(Registry::is_idle).await
    }

    /// Returns the callbacks that are due or wait for their retry: with those that run, all that
    /// keeps the loop from being idle once its informers have synced.
    #[must_use]
    pub fn waiting(&self) -> Vec<WaitingCallback> {
        self.registry.waiting()
    }

    /// Returns the informers of the handlers, each once; none before the loop runs.
    #[must_use]
    pub fn informers(&self) -> Vec<InformerState> {
        let informers = self.registry.informers();
        let informers = informers.iter().map(|informer| InformerState {
            informer: informer.upstream().describe(),
            has_synced: informer.cache().has_synced(),
            is_watching: informer.upstream().is_watching(),
            is_healthy: informer.upstream().is_healthy(),
            unwatched_for: informer.upstream().unwatched_for(),
            last_error: informer.upstream().last_error(),
        });
        informers.collect()
    }

    /// Returns the handlers, in the order in which they were registered; none before the loop runs.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn example(handle: &kubehandler::EventLoopHandle) {
    /// for state in handle.handlers() {
    ///     if !state.has_synced {
    ///         println!("{} waits for its {}", state.handler, state.informer);
    ///     }
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn handlers(&self) -> Vec<HandlerState> {
        self.registry.handlers()
    }

    /// Makes an object due for a handler, because something outside of the cluster asks for it.
    ///
    /// Returns false if no handler of the running loop has this name. An object that is not in the
    /// handler's view is passed over.
    ///
    /// # Cancel safety
    ///
    /// The object is due, or it is not.
    #[doc(hidden)]
    pub async fn trigger(&self, handler: &str, key: ObjectKey) -> bool {
        self.registry.trigger(handler, key).await
    }

    /// Makes every object of every handler an add again, as after a restart of the program.
    ///
    /// For a gate that is about to open after another process has had the objects: what that process has
    /// handled, and which deletes it has seen, is not known here. While no loop runs it does nothing.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves a part of the objects as they were; the loop is not idle any more.
    #[doc(hidden)]
    pub async fn restart_lives(&self) {
        self.registry.restart().await;
    }

    /// Returns the callbacks that run now.
    #[must_use]
    pub fn running(&self) -> Vec<RunningCallback> {
        self.registry.running()
    }
}

impl fmt::Debug for EventLoopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLoopHandle")
            .field("has_synced", &self.has_synced())
            .field("is_idle", &self.is_idle())
            .field("running", &self.running())
            .finish()
    }
}

/// How far a handler of an event loop has come.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandlerState {
    /// The handler's name.
    pub handler: String,
    /// What its informer lists and watches, such as ``pods with labels `app=web` ``.
    pub informer: String,
    /// Each object of the first list has been tried once.
    pub has_synced: bool,
}

/// How an informer of an event loop fares.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InformerState {
    /// What is listed and watched, such as ``pods with labels `app=web` ``.
    pub informer: String,
    /// Its store holds the first complete list.
    pub has_synced: bool,
    /// A watch that goes on from a complete list is open; false while it lists or backs off.
    pub is_watching: bool,
    /// False once no watch has worked for five minutes: the store is then likely to be out of date.
    pub is_healthy: bool,
    /// How long requests have failed and no watch has worked; none while all is well.
    pub unwatched_for: Option<Duration>,
    /// The last failure, with what to do about it; none while all is well.
    pub last_error: Option<String>,
}
