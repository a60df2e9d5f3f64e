//! The untyped part of an informer: what is watched, the store, and who is told of its changes.

use std::{
    collections::HashSet,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kube::Client;
use parking_lot::{Mutex, MutexGuard};
use smallvec::SmallVec;
use tokio::{
    sync::watch,
    task::yield_now,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::contained::Contained;
use crate::informer::{
    arrived::Arrived,
    delta::{Delta, Subscriber},
    failure::Failure,
    limits::Limits,
    options::Options,
    reflector::{Progress, Reflector},
    store::Store,
    stored::Stored,
    target::Target,
    view::Garbage,
};
use crate::log::{debug, info, warn};

/// One watch, one store and its subscribers, however many informers and handlers use it.
pub(crate) struct Shared {
    pub(crate) target: Target,
    pub(crate) client: Client,
    pub(crate) limits: Limits,
    pub(crate) options: Options,
    /// What has come of the list that is coming.
    pub(crate) arrived: Arrived,
    content: Mutex<Content>,
    /// True once the store holds its first complete list.
    synced: watch::Sender<bool>,
    /// True while a watch that goes on from a complete list is open.
    watching: AtomicBool,
    /// True once such a watch was open.
    watched: watch::Sender<bool>,
    trouble: Mutex<Trouble>,
    /// Held by the one who lists and watches; whoever comes next goes on from there.
    progress: tokio::sync::Mutex<Progress>,
}

/// The store and who is told of its changes, under one lock: a subscriber's picture and what it is
/// yet to be told are at any time the store, or, while it comes, the part of it that it has seen.
#[derive(Default)]
struct Content {
    store: Store,
    subscribers: Vec<Arc<dyn Subscriber>>,
    /// What the subscribers are yet to be told: a few changes together cost one lock and wake one
    /// worker, where each by itself would cost a switch of tasks.
    untold: Vec<Delta>,
}

/// A reflector that panicked pauses for this long.
const RESTART: Duration = Duration::from_secs(5);

/// So many changes are told together at most, or the first would wait for the last.
const TOLD_TOGETHER: usize = 32;

/// So many objects are told under one lock to a subscriber that comes to a full store.
const TOLD_TO_NEWCOMER: usize = 512;

impl Content {
    fn tell(&mut self) {
        if !self.untold.is_empty() {
            for subscriber in &self.subscribers {
                subscriber.apply(&self.untold);
            }
            self.untold.clear();
            self.untold.shrink_to(TOLD_TOGETHER);
        }
    }
}

/// What went wrong since the last success.
#[derive(Default)]
struct Trouble {
    last: Option<String>,
    /// The request that failed last: `list` or `watch`.
    verb: &'static str,
    /// What was logged as a warning already.
    warned: HashSet<(&'static str, std::mem::Discriminant<Failure>, Option<u16>)>,
    /// When the first failure came after the last watch that worked.
    since: Option<Instant>,
    /// How long after `since` the next warning is due that says how long it has lasted.
    next_warning: Duration,
}

impl Shared {
    pub(crate) fn new(client: Client, target: Target, options: Options) -> Self {
        let last = target.invalid().or_else(|| options.invalid.clone());
        let limits = options.limits;
        Self {
            options,
            target,
            client,
            limits,
            arrived: Arrived::new(limits.pace()),
            content: Mutex::default(),
            synced: watch::Sender::new(false),
            watching: AtomicBool::new(false),
            watched: watch::Sender::new(false),
            trouble: Mutex::new(Trouble {
                last,
                ..Trouble::default()
            }),
            progress: tokio::sync::Mutex::default(),
        }
    }

    /// Adds a subscriber; it gets the store's content, then every change.
    ///
    /// What it gets first, and with the first complete list, is `initial`. It is told
    /// until it is [unsubscribed](Self::unsubscribe).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the subscriber has a part of the content, and every change.
    pub(crate) async fn subscribe(&self, subscriber: Arc<dyn Subscriber>) {
        let objects: Vec<Stored> = {
            let mut content = self.content();
            content.tell();
            content.subscribers.push(subscriber.clone());
            self.options.decoder.set_lanes(content.subscribers.len());
            content.store.iter().cloned().collect()
        };
        // A part at a time: the informer, its readers and other tasks go on in between.
        for objects in objects.chunks(TOLD_TO_NEWCOMER) {
            {
                let mut content = self.content();
                content.tell();
                for object in objects {
                    // What has changed since, or is gone, it was told of.
                    let current = content.store.get(object.key());
                    if current.is_some_and(|current| current.is(object)) {
                        let (object, initial) = (object.clone(), true);
                        subscriber.apply(&[Delta::Upsert { object, initial }]);
                    }
                }
            }
            yield_now().await;
        }
    }

    /// Tells this subscriber of no further change.
    pub(crate) fn unsubscribe(&self, subscriber: &Arc<dyn Subscriber>) {
        let mut content = self.content();
        content
            .subscribers
            .retain(|known| !Arc::ptr_eq(known, subscriber));
        self.options.decoder.set_lanes(content.subscribers.len());
    }

    pub(crate) fn has_synced(&self) -> bool {
        *self.synced.borrow()
    }

    /// Waits until the store holds its first complete list.
    pub(crate) async fn synced(&self) {
        // The sender lives as long as `self`, so that waiting cannot fail.
        let _ = self.synced.subscribe().wait_for(|synced| *synced).await;
    }

    /// Returns true while a watch that goes on from a complete list is open.
    pub(crate) fn is_watching(&self) -> bool {
        self.watching.load(Ordering::Acquire)
    }

    /// Returns true once a watch that goes on from a complete list was open.
    pub(crate) fn has_watched(&self) -> bool {
        *self.watched.borrow()
    }

    /// Waits until a watch that goes on from a complete list was open.
    pub(crate) async fn watched(&self) {
        // The sender lives as long as `self`, so that waiting cannot fail.
        let _ = self.watched.subscribe().wait_for(|watched| *watched).await;
    }

    /// Notes that such a watch is open, until the guard is dropped.
    pub(crate) fn watching(&self) -> Watching<'_> {
        self.watching.store(true, Ordering::Release);
        self.watched
            .send_if_modified(|watched| !std::mem::replace(watched, true));
        Watching(self)
    }

    /// Lists and watches until `stop`; waits its turn while another loop does.
    pub(crate) async fn run(self: &Arc<Self>, stop: CancellationToken) {
        if let Some(why) = self.invalid() {
            warn!(informer = %self.target, error = why, "cannot list or watch");
            stop.cancelled().await;
            return;
        }
        // Dropping the reflector at any of its awaits leaves the store and the progress whole.
        stop.run_until_cancelled(async {
            let mut progress = self.progress.lock().await;
            // A panic that the reflector does not contain is one of the program's logging.
            while Contained::new(Box::pin(Reflector::new(self, &mut progress).run()))
                .await
                .is_err()
            {
                sleep(RESTART).await;
            }
        })
        .await;
    }

    /// Says what is listed and watched, for messages: ``pods in namespace `web` ``.
    pub(crate) fn describe(&self) -> String {
        self.target.to_string()
    }

    /// Says why no server can answer for this informer, such as a namespace on a kind that has none.
    pub(crate) fn invalid(&self) -> Option<String> {
        self.target
            .invalid()
            .or_else(|| self.options.invalid.clone())
    }

    /// The last failure to list or watch, with what to do about it; `None` once it is overcome.
    pub(crate) fn last_error(&self) -> Option<String> {
        self.trouble().last.clone()
    }

    /// Says what has come of the list that is coming; `None` if nothing has.
    pub(crate) fn what_came(&self) -> Option<String> {
        let bytes = self.arrived.bytes();
        let objects = self.read(Store::len);
        let is_coming = bytes > 0 && !self.has_synced();
        is_coming.then(|| format!("{objects} objects, {bytes} bytes of the list have come"))
    }

    /// Notes that bytes of a list came, and logs each minute how far it is.
    pub(crate) fn list_came(&self, bytes: usize) {
        let now = Instant::now();
        self.arrived.came(bytes, now);
        if self.arrived.wants_a_report(now) {
            let (objects, bytes) = (self.read(Store::len), self.arrived.bytes());
            info!(informer = %self.target, objects, bytes, "the list is still coming");
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<Stored> {
        self.content().store.get(key).cloned()
    }

    /// Returns what `read` makes of the store; it runs under the lock, so it only copies.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Store) -> T) -> T {
        read(&self.content().store)
    }

    /// Changes the store and the views; the subscribers are told soon, by [`tell`](Self::tell) at the latest.
    pub(crate) fn change<D: IntoIterator<Item = Delta>, E>(
        &self,
        change: impl FnOnce(&mut Store) -> Result<D, E>,
    ) -> Result<(), E> {
        // Before the lock is taken, so that it is dropped after the lock is released.
        let mut garbage = SmallVec::<[Garbage; 2]>::new();
        let mut content = self.content();
        for delta in change(&mut content.store)? {
            for view in &self.options.views {
                garbage.extend(view.apply(&delta));
            }
            content.untold.push(delta);
        }
        if content.untold.len() >= TOLD_TOGETHER {
            content.tell();
        }
        Ok(())
    }

    /// Tells the subscribers of the changes they have not been told of.
    ///
    /// To be called before whoever changes the store waits for anything.
    pub(crate) fn tell(&self) {
        let mut content = self.content();
        content.tell();
        if content.store.has_synced() && !self.has_synced() {
            self.synced.send_replace(true);
        }
    }

    /// Notes and logs a failure: as a warning when it is new, and again at growing intervals
    /// while the informer cannot watch.
    pub(crate) fn failed(&self, verb: &'static str, failure: &Failure) {
        let report = self.target.report(verb, failure);
        let (class, code) = failure.class();
        let now = Instant::now();
        let (is_new, lasted) = {
            let mut trouble = self.trouble();
            trouble.last = Some(report.clone());
            trouble.verb = verb;
            let lasted = now.duration_since(*trouble.since.get_or_insert(now));
            trouble.next_warning = trouble.next_warning.max(self.limits.unwatched);
            let is_due = lasted >= trouble.next_warning;
            if is_due {
                trouble.next_warning = lasted.saturating_mul(2);
            }
            let is_new = !failure.is_routine() && trouble.warned.insert((verb, class, code));
            (is_new, is_due.then_some(lasted))
        };
        // Outside the lock: a log may come back to ask for the last error.
        if let Some(lasted) = lasted {
            let seconds = lasted.as_secs();
            warn!("{report}; for {seconds} s no watch has worked, and changes are not seen");
        } else if is_new {
            warn!("{report}; trying again, with growing delays");
        } else {
            debug!("{report}");
        }
    }

    /// Notes that a list is complete; whether a watch works is yet to be seen.
    pub(crate) fn listed(&self) {
        let mut trouble = self.trouble();
        if trouble.verb == "list" {
            trouble.last = None;
        }
    }

    /// Notes that a watch works.
    pub(crate) fn recovered(&self) {
        let had_warned = {
            let mut trouble = self.trouble();
            trouble.last = None;
            trouble.since = None;
            trouble.next_warning = Duration::ZERO;
            !std::mem::take(&mut trouble.warned).is_empty()
        };
        if had_warned {
            info!(informer = %self.target, "listing and watching again");
        }
    }

    /// Returns false once no watch has worked for longer than its limit.
    pub(crate) fn is_healthy(&self) -> bool {
        self.unwatched_for()
            .is_none_or(|lasted| lasted < self.limits.unwatched)
    }

    /// Returns how long no watch has worked, if requests fail.
    pub(crate) fn unwatched_for(&self) -> Option<Duration> {
        let since = self.trouble().since?;
        Some(since.elapsed())
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock()
    }

    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        self.trouble.lock()
    }
}

/// A watch is open until this is dropped.
pub(crate) struct Watching<'a>(&'a Shared);

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        self.0.watching.store(false, Ordering::Release);
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("target", &self.describe())
            .field("has_synced", &self.has_synced())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
