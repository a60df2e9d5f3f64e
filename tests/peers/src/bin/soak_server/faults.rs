//! What a server does to its watches: how long each lasts, how it ends, and which are refused.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;

/// One watch from a version in this many is refused.
const EXPIRED: u64 = 15;

/// A watch lives this many milliseconds.
const LIFETIME: std::ops::Range<u64> = 1_000..9_000;

/// Decides, at random, and counts.
#[derive(Debug)]
pub(crate) struct Faults {
    random: Mutex<Rng>,
    ended: AtomicU64,
    closed: AtomicU64,
    torn: AtomicU64,
    expired: AtomicU64,
    opened: AtomicU64,
}

/// How a watch ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// As one whose time is over: the body is complete.
    Complete,
    /// The connection is closed between two events.
    Closed,
    /// The connection is closed within an event.
    Torn,
}

/// How a watch is refused whose version is too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expired {
    Status,
    Event,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        let zero = AtomicU64::default;
        Self {
            random: Mutex::new(Rng::with_seed(!seed)),
            ended: zero(),
            closed: zero(),
            torn: zero(),
            expired: zero(),
            opened: zero(),
        }
    }

    pub(crate) fn lifetime(&self) -> Duration {
        Duration::from_millis(self.random().u64(LIFETIME))
    }

    pub(crate) fn end(&self) -> End {
        let (end, counter) = match self.random().u32(..4) {
            0 => (End::Closed, &self.closed),
            1 => (End::Torn, &self.torn),
            _ => (End::Complete, &self.ended),
        };
        counter.fetch_add(1, Ordering::Relaxed);
        end
    }

    /// Returns how a watch from a version is refused, if it is.
    pub(crate) fn expires(&self) -> Option<Expired> {
        // At regular intervals, so that enough lists come in the first third, which is not judged.
        let opened = self.opened.fetch_add(1, Ordering::Relaxed) + 1;
        if !opened.is_multiple_of(EXPIRED) {
            return None;
        }
        let is_event = self.random().bool();
        Some(self.count_expired(is_event))
    }

    /// Returns how a watch is refused that the history does not reach back to.
    pub(crate) fn too_old(&self) -> Expired {
        let is_event = self.random().bool();
        self.count_expired(is_event)
    }

    pub(crate) fn stats(&self) -> String {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        format!(
            "\"ended\":{},\"closed\":{},\"torn\":{},\"expired\":{}",
            load(&self.ended),
            load(&self.closed),
            load(&self.torn),
            load(&self.expired)
        )
    }

    fn count_expired(&self, is_event: bool) -> Expired {
        self.expired.fetch_add(1, Ordering::Relaxed);
        if is_event {
            Expired::Event
        } else {
            Expired::Status
        }
    }

    fn random(&self) -> MutexGuard<'_, Rng> {
        self.random.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
