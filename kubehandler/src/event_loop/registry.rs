//! What a running event loop consists of, and the handle that shows it.

use std::{
    fmt,
    pin::pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    event::EventKind,
    informer::{Shared, Subscriber},
    lane::{Lane, RunningCall},
    object_key::ObjectKey,
};

/// The parts of a loop, as they were wired when it started.
#[derive(Default)]
pub(super) struct Wired {
    /// Each informer once.
    pub(super) informers: Vec<Arc<Shared>>,
    /// The lane of each handler, with its informer.
    pub(super) lanes: Vec<(Arc<Lane>, Arc<Shared>)>,
}

/// What the loop and its handles share.
#[derive(Default)]
pub(super) struct Registry {
    wired: OnceLock<Wired>,
    /// Cancelled when the loop begins to stop, for whatever reason.
    stopping: CancellationToken,
    ended: AtomicBool,
    progress: Arc<Notify>,
}

impl Registry {
    pub(super) fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    pub(super) fn progress(&self) -> &Arc<Notify> {
        &self.progress
    }

    /// Takes the parts of the loop: it runs now.
    pub(super) fn start(&self, wired: Wired) {
        if self.wired.set(wired).is_err() {
            unreachable!("a loop is consumed by running it");
        }
        self.notify();
    }

    pub(super) fn notify(&self) {
        self.progress.notify_waiters();
    }

    pub(super) fn informers(&self) -> &[Arc<Shared>] {
        self.wired.get().map_or(&[], |wired| &wired.informers)
    }

    fn lanes(&self) -> impl Iterator<Item = &Arc<Lane>> {
        let lanes = self.wired.get().map_or(&[][..], |wired| &wired.lanes);
        lanes.iter().map(|(lane, _)| lane)
    }

    /// Takes the lanes off their informers, which may outlive the loop, and wakes all who wait for it.
    pub(super) fn end(&self) {
        for (lane, informer) in self.wired.get().map_or(&[][..], |wired| &wired.lanes) {
            let lane: Arc<dyn Subscriber> = lane.clone();
            informer.unsubscribe(&lane);
        }
        self.ended.store(true, Ordering::Release);
        self.notify();
    }

    pub(super) fn running(&self) -> Vec<RunningCallback> {
        let running = self.lanes().flat_map(|lane| lane.running());
        running.map(RunningCallback).collect()
    }

    fn have_informers_synced(&self) -> bool {
        self.wired
            .get()
            .is_some_and(|wired| wired.informers.iter().all(|informer| informer.has_synced()))
    }

    fn has_synced(&self) -> bool {
        self.have_informers_synced() && self.lanes().all(|lane| lane.has_tried_first_list())
    }

    fn is_idle(&self) -> bool {
        self.have_informers_synced() && self.lanes().all(|lane| lane.is_idle())
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Waits until `is_so`, or until the loop has ended.
    async fn wait(&self, is_so: impl Fn(&Self) -> bool) -> bool {
        loop {
            // Listen before looking: what happens between the two still wakes us.
            let mut progress = pin!(self.progress.notified());
            progress.as_mut().enable();
            if is_so(self) {
                return true;
            }
            if self.has_ended() {
                return false;
            }
            progress.await;
        }
    }
}

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

/// A callback that was running when it was asked for.
#[derive(Clone, Debug)]
pub struct RunningCallback(RunningCall);

impl RunningCallback {
    /// Returns the handler's name.
    #[must_use]
    pub fn handler(&self) -> &str {
        &self.0.handler
    }

    /// Returns the object it was called for.
    #[must_use]
    pub fn object(&self) -> &ObjectKey {
        &self.0.key
    }

    /// Returns which callback it is.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        self.0.kind
    }

    /// Returns how long it has run by now.
    #[must_use]
    pub fn running_for(&self) -> Duration {
        Instant::now().saturating_duration_since(self.0.since)
    }

    pub(super) fn is_same_call(&self, other: &Self) -> bool {
        self == other
    }
}

impl PartialEq for RunningCallback {
    fn eq(&self, other: &Self) -> bool {
        let call = |of: &Self| (of.0.handler.clone(), of.0.key.clone(), of.0.since);
        call(self) == call(other)
    }
}

impl Eq for RunningCallback {}

/// `add of default/web by pods`, with what is quoted in backquotes.
impl fmt::Display for RunningCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RunningCall {
            handler, key, kind, ..
        } = &self.0;
        write!(f, "{kind} of `{key}` by `{handler}`")
    }
}
