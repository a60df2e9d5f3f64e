//! What the server tells its clients, and how far it has come.
//!
//! There is no history to keep: who knows the round and the index of the last event knows the next one.

use std::{
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use kubehandler_peers::{report::unix_nanos, version};

/// All that changes while the server runs.
#[derive(Debug)]
pub(crate) struct State {
    pods: u32,
    moment: Mutex<Moment>,
    changed: Condvar,
    pub(crate) counters: Counters,
}

/// What is true now.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moment {
    /// The last round that has been started; each object has the version of this round.
    pub(crate) round: u32,
    /// How often all watches were ended.
    pub(crate) cuts: u32,
    /// How many bookmarks each watch was owed since the start.
    pub(crate) ticks: u64,
    /// Watches are refused with 410 until a new list is taken.
    pub(crate) needs_list: bool,
}

/// What has been served.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) requests: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) events: AtomicU64,
    pub(crate) bookmarks: AtomicU64,
    /// Lists that were sent to their end, in pages or as a stream.
    pub(crate) lists: AtomicU64,
    pub(crate) watches: AtomicU64,
    /// Nanoseconds since 1970.
    first_list: AtomicU64,
}

impl State {
    pub(crate) fn new(pods: u32) -> Self {
        Self {
            pods,
            moment: Mutex::default(),
            changed: Condvar::new(),
            counters: Counters::default(),
        }
    }

    pub(crate) fn now(&self) -> Moment {
        *self.lock()
    }

    /// Returns the version of a list that is taken now.
    pub(crate) fn version(&self, moment: &Moment) -> u64 {
        version::of(moment.round, u64::from(self.pods) + moment.ticks)
    }

    /// Notes that a list begins; from now on, watches are served again.
    pub(crate) fn list(&self) -> Moment {
        let now = u64::try_from(unix_nanos()).unwrap_or(u64::MAX);
        let first = &self.counters.first_list;
        let _ = first.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
        let mut moment = self.lock();
        moment.needs_list = false;
        *moment
    }

    /// Makes a new version of every object, and sends it to those who watch; returns the round.
    pub(crate) fn start_round(&self) -> u32 {
        let mut moment = self.lock();
        moment.round += 1;
        self.changed.notify_all();
        moment.round
    }

    /// Ends all watches as expired; if `changed`, every object has a new version in the next list.
    pub(crate) fn relist(&self, changed: bool) -> u32 {
        let mut moment = self.lock();
        moment.cuts += 1;
        moment.round += u32::from(changed);
        moment.needs_list = true;
        self.changed.notify_all();
        moment.round
    }

    /// Owes each watch one more bookmark.
    pub(crate) fn tick(&self) {
        self.lock().ticks += 1;
        self.changed.notify_all();
    }

    /// Waits until something is other than in `known`, or until `deadline`.
    pub(crate) fn wait(&self, known: &Moment, deadline: Instant) -> Option<Moment> {
        let is_known = |moment: &Moment| {
            (moment.round, moment.cuts, moment.ticks) == (known.round, known.cuts, known.ticks)
        };
        let left = deadline.saturating_duration_since(Instant::now());
        let (moment, _) = self
            .changed
            .wait_timeout_while(self.lock(), left, |moment| is_known(moment))
            .unwrap_or_else(PoisonError::into_inner);
        (!is_known(&moment)).then_some(*moment)
    }

    /// Returns the counters as JSON.
    pub(crate) fn stats(&self) -> String {
        let counters = &self.counters;
        let moment = self.now();
        let figures = [
            ("round", u64::from(moment.round)),
            ("requests", counters.requests.load(Ordering::Relaxed)),
            ("bytes", counters.bytes.load(Ordering::Relaxed)),
            ("events", counters.events.load(Ordering::Relaxed)),
            ("bookmarks", counters.bookmarks.load(Ordering::Relaxed)),
            ("lists", counters.lists.load(Ordering::Relaxed)),
            ("watches", counters.watches.load(Ordering::Relaxed)),
            ("first_list", counters.first_list.load(Ordering::Relaxed)),
        ];
        let figures = figures.map(|(name, figure)| format!("\"{name}\":{figure}"));
        format!("{{{}}}", figures.join(","))
    }

    fn lock(&self) -> MutexGuard<'_, Moment> {
        self.moment.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
