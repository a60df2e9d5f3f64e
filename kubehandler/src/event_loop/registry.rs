//! What a running event loop consists of, and the handle that shows it.

use std::{
    fmt,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::{Mutex, MutexGuard};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    event::EventKind,
    informer::{Shared, Subscriber},
    lane::{Lane, RunningCall, WaitingCall},
    object_key::ObjectKey,
    printable::Printable,
    watchdog::OnThread,
};

/// The parts of a loop, as they were wired when it started.
///
/// When this is dropped, the lanes come off their informers, which may outlive the loop.
#[derive(Default)]
pub(super) struct Wired {
    /// Each informer once.
    pub(super) informers: Vec<Arc<Shared>>,
    /// The lane of each handler, with its informer.
    pub(super) lanes: Vec<(Arc<Lane>, Arc<Shared>)>,
}

impl Wired {
    fn have_informers_synced(&self) -> bool {
        let mut informers = self.informers.iter();
        informers.all(|informer| informer.has_synced())
    }

    fn all(&self, is_so: impl Fn(&Lane) -> bool) -> bool {
        self.lanes.iter().all(|(lane, _)| is_so(lane))
    }
}

impl Drop for Wired {
    fn drop(&mut self) {
        for (lane, informer) in &self.lanes {
            let lane: Arc<dyn Subscriber> = lane.clone();
            informer.unsubscribe(&lane);
        }
    }
}

/// What the loop and its handles share.
#[derive(Default)]
pub(super) struct Registry {
    /// None before the loop runs, and after it: a handle keeps no handler alive.
    wired: Mutex<Option<Arc<Wired>>>,
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
        *self.parts() = Some(Arc::new(wired));
        self.notify();
    }

    pub(super) fn notify(&self) {
        self.progress.notify_waiters();
    }

    fn parts(&self) -> MutexGuard<'_, Option<Arc<Wired>>> {
        self.wired.lock()
    }

    /// Returns the parts of the loop while it runs.
    fn wired(&self) -> Option<Arc<Wired>> {
        self.parts().clone()
    }

    pub(super) fn informers(&self) -> Vec<Arc<Shared>> {
        self.wired()
            .map_or_else(Vec::new, |wired| wired.informers.clone())
    }

    /// Lets go of the parts of the loop, and wakes all who wait.
    pub(super) fn end(&self) {
        let wired = self.parts().take();
        drop(wired); // Outside of the lock.
        self.ended.store(true, Ordering::Release);
        self.notify();
    }

    pub(super) fn running(&self) -> Vec<RunningCallback> {
        let wired = self.wired();
        let lanes = wired.iter().flat_map(|wired| &wired.lanes);
        let running = lanes.flat_map(|(lane, _)| lane.running());
        running.map(RunningCallback).collect()
    }

    /// Returns the calls whose callbacks run on a thread right now, and do not await.
    pub(super) fn on_thread(&self) -> OnThreads {
        let wired = self.wired();
        let lanes = wired.iter().flat_map(|wired| &wired.lanes);
        let calls = lanes.map(|(lane, _)| (lane.name().clone(), lane.bench().on_thread()));
        OnThreads(calls.collect())
    }

    fn waiting(&self) -> Vec<WaitingCallback> {
        let wired = self.wired();
        let lanes = wired.iter().flat_map(|wired| &wired.lanes);
        let waiting = lanes.flat_map(|(lane, _)| lane.waiting());
        waiting.map(WaitingCallback).collect()
    }

    fn has_synced(&self) -> bool {
        self.wired().is_some_and(|wired| {
            wired.have_informers_synced() && wired.all(Lane::has_tried_first_list)
        })
    }

    fn is_idle(&self) -> bool {
        self.wired()
            .is_some_and(|wired| wired.have_informers_synced() && wired.all(Lane::is_idle))
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

/// The calls of each handler that were on a thread at one moment.
pub(super) struct OnThreads(Vec<(Arc<str>, OnThread)>);

impl OnThreads {
    /// Returns true if this callback was on a thread, and has not let go of it since.
    pub(super) fn still_has(&self, callback: &RunningCallback) -> bool {
        let RunningCall { handler, key, .. } = &callback.0;
        let mut lanes = self.0.iter();
        lanes.any(|(name, calls)| name == handler && calls.still_has(None, key))
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
            informer: informer.describe(),
            has_synced: informer.has_synced(),
            is_watching: informer.is_watching(),
            is_healthy: informer.is_healthy(),
            unwatched_for: informer.unwatched_for(),
            last_error: informer.last_error(),
        });
        informers.collect()
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

/// A callback that was due, or waited for its retry, when it was asked for.
#[derive(Clone, Debug)]
pub struct WaitingCallback(WaitingCall);

impl WaitingCallback {
    /// Returns the handler's name.
    #[must_use]
    pub fn handler(&self) -> &str {
        &self.0.handler
    }

    /// Returns the object it is to be called for.
    #[must_use]
    pub fn object(&self) -> &ObjectKey {
        &self.0.key
    }

    /// Returns which callback it is.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        self.0.kind
    }

    /// Returns how many tries have failed in a row: see [`Event::attempt`](crate::Event::attempt).
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.0.failures
    }

    /// Returns the time until its retry; none if it only waits for a worker.
    #[must_use]
    pub fn due_in(&self) -> Option<Duration> {
        let due = self.0.due?;
        Some(due.saturating_duration_since(Instant::now()))
    }
}

/// As in ``add of `default/web` by `pods`, which failed and is retried in 20s``.
impl fmt::Display for WaitingCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WaitingCall {
            handler, key, kind, ..
        } = &self.0;
        let (key, handler) = (Printable::new(key), Printable::new(handler));
        write!(f, "{kind} of `{key}` by `{handler}`")?;
        match self.due_in() {
            None => write!(f, ", which waits for a worker"),
            Some(time) => write!(f, ", which failed and is retried in {time:?}"),
        }
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
        let (key, handler) = (Printable::new(key), Printable::new(handler));
        write!(f, "{kind} of `{key}` by `{handler}`")
    }
}
