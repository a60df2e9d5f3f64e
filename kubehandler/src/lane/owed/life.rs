//! The two lives of an object that can be owed something: the one in view, and the one before.

use tokio::time::Instant;

use super::{Offer, Outcome, Patience, Running, Skip, Verdict, after, tries::Tries};
use crate::{
    event::{Call, EventKind},
    informer::Stored,
    object_key::ObjectKey,
    queue::Priority,
    settings::Retry,
};

/// Once the object exists again, its owed delete may fail this often before it is given up.
const DELETE_FAILURES_AFTER_RECREATION: u32 = 5;

/// From when on a call is due (none: at once), and how it ranks.
pub(super) type DueFrom = (Option<Instant>, Priority);

/// The life in view.
#[derive(Debug)]
pub(super) struct Life {
    current: Stored,
    /// What the last successful callback of this life saw; none until an add succeeded.
    handled: Option<Stored>,
    /// It came with the first list.
    initial: bool,
    /// Its end must be told: a callback has started, or an earlier run may have called one.
    owes_delete: bool,
    /// The last callback failed: what it left half done must be done again.
    unsettled: bool,
    /// Outlives the retry in `due`, which a predicate may drop: the failures before that still count,
    /// and further ones do not before its time.
    tries: Tries,
    due: Due,
}

/// How far a life is that can be told without more: see `Quiet`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It came with the first list, and waits for its add.
    New,
    /// Its current state has been handled.
    Handled,
    /// A predicate refused its add.
    Refused {
        /// It came with the first list.
        initial: bool,
        owes_delete: bool,
    },
}

/// Why a call is due.
#[derive(Debug, Default)]
struct Due {
    /// The current state has not been handed out; how that ranks.
    change: Option<Priority>,
    resync: bool,
    later: Option<Later>,
}

/// A retry or a requeue.
#[derive(Clone, Copy, Debug)]
struct Later {
    at: Instant,
    priority: Priority,
    is_retry: bool,
}

impl Life {
    pub(super) fn new(object: Stored, initial: bool) -> Self {
        let priority = if initial {
            Priority::LOW
        } else {
            Priority::NORMAL
        };
        Self {
            current: object,
            handled: None,
            initial,
            owes_delete: initial,
            unsettled: false,
            tries: Tries::default(),
            due: Due {
                change: Some(priority),
                ..Due::default()
            },
        }
    }

    /// Makes the life that is so far.
    pub(super) fn at(object: Stored, phase: Phase, resync: bool) -> Self {
        let mut life = Self::new(object, true);
        match phase {
            Phase::New => {}
            Phase::Handled => {
                life.handled = Some(life.current.clone());
                life.due.change = None;
            }
            Phase::Refused {
                initial,
                owes_delete,
            } => {
                life.initial = initial;
                life.owes_delete = owes_delete;
                life.due.change = None;
            }
        }
        life.due.resync = resync;
        life
    }

    /// Returns how far the life is and whether a resync is due, if that says it all.
    pub(super) fn phase(&self) -> Option<(Phase, bool)> {
        if self.unsettled || self.tries.failures() > 0 || self.due.later.is_some() {
            return None;
        }
        let phase = match (&self.handled, self.due.change) {
            (None, Some(Priority::LOW)) if self.initial && self.owes_delete => Phase::New,
            (None, None) => Phase::Refused {
                initial: self.initial,
                owes_delete: self.owes_delete,
            },
            // With what it was given at the start, when the first call is over.
            (Some(handled), None) if handled.is(&self.current) && self.owes_delete => {
                Phase::Handled
            }
            _ => return None,
        };
        Some((phase, self.due.resync))
    }

    pub(super) fn current(&self) -> &Stored {
        &self.current
    }

    /// Returns which callback the next call is, while the life lasts.
    pub(super) fn kind(&self) -> EventKind {
        match self.handled {
            None => EventKind::Add,
            Some(_) => EventKind::Update,
        }
    }

    pub(super) fn failures(&self) -> u32 {
        self.tries.failures()
    }

    pub(super) fn owes_delete(&self) -> bool {
        self.owes_delete
    }

    pub(super) fn set_owes_delete(&mut self, owes_delete: bool) {
        self.owes_delete = owes_delete;
    }

    /// Takes a newer state.
    pub(super) fn change(&mut self, object: Stored) {
        self.current = object;
        self.due.change = Some(Priority::NORMAL);
    }

    pub(super) fn resync(&mut self) {
        self.due.resync = true;
    }

    /// Returns what is owed after the end of this life, if anything is.
    pub(super) fn end(self, last: Stored) -> Option<Ended> {
        self.owes_delete.then_some(Ended {
            last,
            handled: self.handled,
            initial: self.initial,
            tries: Tries::default(),
            failing_since: None,
            failures_since_recreation: None,
            is_hurried: false,
        })
    }

    /// Says from when on a call is due, if one is.
    pub(super) fn due(&self) -> Option<DueFrom> {
        let Due {
            change,
            resync,
            later,
        } = &self.due;
        let resync = resync.then_some(Priority::LOW);
        match (*change).max(resync) {
            Some(priority) => Some((None, priority)),
            None => later.map(|later| (Some(later.at), later.priority)),
        }
    }

    /// Returns true if a callback is due, or waits for its retry.
    pub(super) fn is_owing(&self) -> bool {
        let Due {
            change,
            resync,
            later,
        } = &self.due;
        change.is_some() || *resync || later.is_some_and(|later| later.is_retry)
    }

    pub(super) fn offer(&self, key: &ObjectKey, now: Instant) -> Offer {
        Offer {
            only_changed: self.is_only_changed(now),
            call: Call {
                key: key.clone(),
                kind: self.kind(),
                snapshot: self.current.clone(),
                handled: self.handled.clone(),
                attempt: self.tries.failures(),
                initial: self.initial && self.handled.is_none(),
            },
        }
    }

    /// Returns true if a change of a settled object, and nothing else, is why a call is due.
    fn is_only_changed(&self, now: Instant) -> bool {
        let Some(handled) = &self.handled else {
            return false;
        };
        let later_is_due = self.due.later.is_some_and(|later| later.at <= now);
        let deletion_began = self.current.is_deleting() && !handled.is_deleting();
        !(self.unsettled || self.due.resync || later_is_due || deletion_began)
    }

    /// Books the start of a call; returns how it ranks, and whether it comes before the retry is due.
    pub(super) fn start(&mut self, now: Instant) -> (Priority, bool) {
        let priority = self
            .due()
            .map_or(Priority::NORMAL, |(_, priority)| priority);
        self.owes_delete = true;
        self.due = Due::default();
        (priority, self.tries.is_early(now))
    }

    /// Books that the due call is dropped.
    ///
    /// A requeue keeps its time. Where only a change was due, what has come due while the
    /// predicate ran was not asked about, and stays.
    pub(super) fn skip(&mut self, skip: Skip, now: Instant) {
        match skip {
            Skip::Unchanged => {
                self.due.change = None;
                self.handled = Some(self.current.clone());
            }
            Skip::Filtered => {
                let later = self.due.later;
                self.due = Due {
                    later: later.filter(|later| !later.is_retry && later.at > now),
                    ..Due::default()
                };
            }
        }
    }

    /// Books how a call ended.
    pub(super) fn finish(
        &mut self,
        call: Running,
        outcome: Outcome,
        retry: &Retry,
        now: Instant,
    ) -> Verdict {
        match outcome {
            Outcome::Done(requeue) => {
                self.handled = Some(call.snapshot);
                self.unsettled = false;
                self.tries.forget();
                self.due.later = requeue.map(|delay| Later {
                    at: after(now, delay),
                    priority: Priority::NORMAL,
                    is_retry: false,
                });
                Verdict::Settled
            }
            Outcome::Failed(retrying) => {
                let verdict = self.tries.fail(call.is_early, retrying, retry, now);
                self.unsettled = true;
                self.due.later = self.tries.retry_at().map(|at| Later {
                    at,
                    priority: call.priority,
                    is_retry: true,
                });
                verdict
            }
        }
    }
}

/// A life that ended and is owed its delete.
#[derive(Debug)]
pub(super) struct Ended {
    last: Stored,
    handled: Option<Stored>,
    initial: bool,
    tries: Tries,
    /// When the delete failed first.
    failing_since: Option<Instant>,
    /// Failed tries since the object exists again; none before.
    failures_since_recreation: Option<u32>,
    /// The object was created since the last call started: the next one does not wait for its retry.
    is_hurried: bool,
}

impl Ended {
    pub(super) fn last(&self) -> &Stored {
        &self.last
    }

    pub(super) fn failures(&self) -> u32 {
        self.tries.failures()
    }

    /// Notes what the last add or update saw, which ended after the life did.
    pub(super) fn handled(&mut self, snapshot: Stored) {
        self.handled = Some(snapshot);
    }

    /// Notes that the object exists again: its next life waits for this delete.
    ///
    /// The first time, the delete is due. Calls for further re-creations are early, as those for
    /// changes are, or an object that comes and goes would use up the failures that are left.
    pub(super) fn recreate(&mut self) {
        self.is_hurried = true;
        if self.failures_since_recreation.is_none() {
            self.failures_since_recreation = Some(0);
            self.tries.hurry();
        }
    }

    /// Says from when on the delete is due.
    pub(super) fn due(&self) -> DueFrom {
        let at = self.tries.retry_at().filter(|_| !self.is_hurried);
        (at, Priority::NORMAL)
    }

    pub(super) fn offer(&self, key: &ObjectKey) -> Offer {
        Offer {
            only_changed: false,
            call: Call {
                key: key.clone(),
                kind: EventKind::Delete,
                snapshot: self.last.clone(),
                handled: self.handled.clone(),
                attempt: self.tries.failures(),
                initial: self.initial && self.handled.is_none(),
            },
        }
    }

    /// Books the start of the delete; returns how it ranks, and whether it comes before its retry is due.
    pub(super) fn start(&mut self, now: Instant) -> (Priority, bool) {
        self.is_hurried = false;
        (Priority::NORMAL, self.tries.is_early(now))
    }

    /// Books how the delete ended; it is paid unless it is to be retried.
    pub(super) fn finish(
        &mut self,
        call: &Running,
        outcome: Outcome,
        patience: &Patience,
        now: Instant,
    ) -> Verdict {
        let Outcome::Failed(retrying) = outcome else {
            return Verdict::Settled;
        };
        let verdict = self
            .tries
            .fail(call.is_early, retrying, &patience.retry, now);
        let since = *self.failing_since.get_or_insert(now);
        let failing_for = now.saturating_duration_since(since);
        if verdict != Verdict::GaveUp && failing_for >= patience.delete_deadline {
            return Verdict::Expired(failing_for);
        }
        if let Some(failures) = &mut self.failures_since_recreation
            && !call.is_early
        {
            *failures += 1;
            if *failures >= DELETE_FAILURES_AFTER_RECREATION {
                return Verdict::GaveUp;
            }
        }
        match verdict {
            // The last try comes at the deadline, whatever delay was asked for.
            Verdict::Retry(_) => {
                let last = after(since, patience.delete_deadline);
                Verdict::Retry(self.tries.bring_forward(last, now))
            }
            verdict => verdict,
        }
    }
}
