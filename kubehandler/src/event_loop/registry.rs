//! What a running event loop consists of.

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

use super::handle::HandlerState;
use crate::{
    Printable,
    event::EventType,
    informer::{InformerObserver, Source, Subscriber},
    lane::{Lane, RunningCall, WaitingCall, cause::Cause, source::MappedSource},
    object_key::ObjectKey,
    queue::Priority,
    watchdog::OnThread,
};

/// The parts of a loop, as they were wired when it started.
///
/// When this is dropped, the lanes and the observer come off the informers, which may outlive the loop.
#[derive(Default)]
pub(super) struct Wired {
    /// Each informer once.
    pub(super) informers: Vec<Arc<Source>>,
    /// The lane of each handler, with its informer.
    pub(super) lanes: Vec<(Arc<Lane>, Arc<Source>)>,
    /// The mapped sources of all lanes, each with its informer.
    pub(super) sources: Vec<(Arc<MappedSource>, Arc<Source>)>,
    /// Is told what the informers do.
    observer: Option<Arc<dyn InformerObserver>>,
}

impl Wired {
    /// Takes an informer, unless it is there already.
    pub(super) fn add_informer(&mut self, informer: &Arc<Source>) {
        if !self.informers.iter().any(|i| Arc::ptr_eq(i, informer)) {
            self.informers.push(informer.clone());
        }
    }

    /// Tells `observer` what the informers do, until this is dropped.
    pub(super) fn observe_informers(&mut self, observer: Arc<dyn InformerObserver>) {
        for informer in &self.informers {
            informer.upstream().add_observer(observer.clone());
        }
        self.observer = Some(observer);
    }

    /// Returns the subscribers of the informers, in the order in which they are to be subscribed.
    pub(super) fn subscribers(&self) -> impl Iterator<Item = (Arc<dyn Subscriber>, &Arc<Source>)> {
        let lanes = self.lanes.iter().map(|(lane, informer)| {
            let lane: Arc<dyn Subscriber> = lane.clone();
            (lane, informer)
        });
        let sources = self.sources.iter().map(|(source, informer)| {
            let source: Arc<dyn Subscriber> = source.clone();
            (source, informer)
        });
        lanes.chain(sources)
    }

    /// Returns the informers of a lane: its own, and those of its sources.
    pub(super) fn informers_of(&self, lane: &Arc<Lane>, own: &Arc<Source>) -> Vec<Arc<Source>> {
        let sources = self.sources.iter();
        let sources = sources.filter(|(source, _)| Arc::ptr_eq(source.lane(), lane));
        let informers = [own]
            .into_iter()
            .chain(sources.map(|(_, informer)| informer));
        informers.cloned().collect()
    }

    fn have_informers_synced(&self) -> bool {
        let mut informers = self.informers.iter();
        informers.all(|informer| informer.cache().has_synced())
    }

    fn all(&self, is_so: impl Fn(&Lane) -> bool) -> bool {
        self.lanes.iter().all(|(lane, _)| is_so(lane))
    }
}

impl Drop for Wired {
    fn drop(&mut self) {
        for (subscriber, informer) in self.subscribers() {
            informer.cache().unsubscribe(&subscriber);
        }
        if let Some(observer) = &self.observer {
            for informer in &self.informers {
                informer.upstream().remove_observer(observer);
            }
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

    pub(super) fn informers(&self) -> Vec<Arc<Source>> {
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

    pub(super) fn waiting(&self) -> Vec<WaitingCallback> {
        let wired = self.wired();
        let lanes = wired.iter().flat_map(|wired| &wired.lanes);
        let waiting = lanes.flat_map(|(lane, _)| lane.waiting());
        waiting.map(WaitingCallback).collect()
    }

    pub(super) fn has_synced(&self) -> bool {
        self.wired().is_some_and(|wired| {
            wired.have_informers_synced() && wired.all(Lane::has_tried_first_list)
        })
    }

    pub(super) fn handlers(&self) -> Vec<HandlerState> {
        let wired = self.wired();
        let lanes = wired.iter().flat_map(|wired| &wired.lanes);
        let handlers = lanes.map(|(lane, informer)| HandlerState {
            handler: lane.name().to_string(),
            informer: informer.upstream().describe(),
            // Asked first: the lane then knows each object of the first list.
            has_synced: informer.cache().has_synced() && lane.has_tried_first_list(),
        });
        handlers.collect()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.wired()
            .is_some_and(|wired| wired.have_informers_synced() && wired.all(Lane::is_idle))
    }

    /// Makes an object due; returns false if no handler that runs has this name.
    pub(super) async fn trigger(&self, handler: &str, key: ObjectKey) -> bool {
        let wired = self.wired();
        let mut lanes = wired.iter().flat_map(|wired| &wired.lanes);
        let Some((lane, _)) = lanes.find(|(lane, _)| **lane.name() == *handler) else {
            return false;
        };
        let cause = Cause::Trigger;
        lane.make_due(&[key], &cause, Priority::NORMAL).await;
        true
    }

    /// Makes every object of every handler an add, as after a restart.
    pub(super) async fn restart(&self) {
        let wired = self.wired();
        for (lane, _) in wired.iter().flat_map(|wired| &wired.lanes) {
            lane.restart().await;
        }
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Waits until `is_so`, or until the loop has ended.
    pub(super) async fn wait(&self, is_so: impl Fn(&Self) -> bool) -> bool {
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
    pub fn event_type(&self) -> EventType {
        self.0.event_type
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
            handler,
            key,
            event_type,
            ..
        } = &self.0;
        let (key, handler) = (Printable::new(key), Printable::new(handler));
        write!(f, "{event_type} of `{key}` by `{handler}`")?;
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
    pub fn event_type(&self) -> EventType {
        self.0.event_type
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
            handler,
            key,
            event_type,
            ..
        } = &self.0;
        let (key, handler) = (Printable::new(key), Printable::new(handler));
        write!(f, "{event_type} of `{key}` by `{handler}`")
    }
}
