//! The two lives of an object that can be owed something: the one in view, and the one before.

use tokio::time::Instant;

use super::{
    tries::Tries,
    turn::{Offer, Outcome, Patience, RunningTurn, Skip, Started, Verdict, after},
};
use crate::{
    event::{Call, EventType},
    informer::Stored,
    lane::cause::{Cause, Causes, Outside},
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
    /// Its end must be reported: a callback has started, or an earlier run may have called one.
    owes_delete: bool,
    /// The last callback failed: what it left half done must be done again.
    unsettled: bool,
    /// Outlives the retry in `due`, which a predicate may drop: the failures before that still count,
    /// and further ones do not before its time.
    tries: Tries,
    due: Due,
    /// What came from elsewhere and led to calls that failed: it is a cause until a call succeeds.
    unsettled_causes: Option<Box<Outside>>,
}

/// How far a life is that can be told without more: see `Quiet`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LifePhase {
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
    /// Causes from elsewhere.
    outside: Option<Box<Outside>>,
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
            unsettled_causes: None,
        }
    }

    /// Makes the life that is so far.
    pub(super) fn at(object: Stored, phase: LifePhase, resync: bool) -> Self {
        let mut life = Self::new(object, true);
        match phase {
            LifePhase::New => {}
            LifePhase::Handled => {
                life.handled = Some(life.current.clone());
                life.due.change = None;
            }
            LifePhase::Refused {
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
    pub(super) fn phase(&self) -> Option<(LifePhase, bool)> {
        let Due { later, outside, .. } = &self.due;
        if self.unsettled || self.tries.failures() > 0 || later.is_some() || outside.is_some() {
            return None;
        }
        let phase = match (&self.handled, self.due.change) {
            (None, Some(Priority::LOW)) if self.initial && self.owes_delete => LifePhase::New,
            (None, None) => LifePhase::Refused {
                initial: self.initial,
                owes_delete: self.owes_delete,
            },
            // With what it was given at the start, when the first call is over.
            (Some(handled), None) if handled.is(&self.current) && self.owes_delete => {
                LifePhase::Handled
            }
            _ => return None,
        };
        Some((phase, self.due.resync))
    }

    pub(super) fn current(&self) -> &Stored {
        &self.current
    }

    /// Returns which callback the next call is, while the life lasts.
    pub(super) fn event_type(&self) -> EventType {
        match self.handled {
            None => EventType::Add,
            Some(_) => EventType::Update,
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

    /// Makes a call due for a cause from elsewhere.
    pub(super) fn add_cause(&mut self, cause: Cause, priority: Priority) {
        Outside::add(&mut self.due.outside, cause, priority);
    }

    /// Returns what is owed after the end of this life, if anything is.
    pub(super) fn end(self, last: Stored) -> Option<EndedLife> {
        self.owes_delete.then_some(EndedLife {
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
            outside,
        } = &self.due;
        let resync = resync.then_some(Priority::LOW);
        let outside = outside.as_ref().map(|outside| outside.priority());
        match (*change).max(resync).max(outside) {
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
            outside,
        } = &self.due;
        let is_retried = later.is_some_and(|later| later.is_retry);
        change.is_some() || *resync || outside.is_some() || is_retried
    }

    pub(super) fn offer(&self, key: &ObjectKey, now: Instant) -> Offer {
        Offer {
            only_changed: self.is_only_changed(now),
            call: Call {
                key: key.clone(),
                event_type: self.event_type(),
                snapshot: self.current.clone(),
                handled: self.handled.clone(),
                attempt: self.tries.failures(),
                initial: self.initial && self.handled.is_none(),
                causes: Causes::default(),
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
        let is_caused = self.due.resync || self.due.outside.is_some();
        !(self.unsettled || is_caused || later_is_due || deletion_began)
    }

    /// Books the start of a call.
    pub(super) fn start(&mut self, now: Instant) -> Started {
        let priority = self
            .due()
            .map_or(Priority::NORMAL, |(_, priority)| priority);
        self.owes_delete = true;
        Started {
            priority,
            is_early: self.tries.is_early(now),
            causes: self.take_causes(now),
        }
    }

    /// Returns why a call is due now; nothing is due from then on.
    fn take_causes(&mut self, now: Instant) -> Causes {
        let Due {
            change,
            resync,
            later,
            outside,
        } = std::mem::take(&mut self.due);
        let later = later.filter(|later| later.at <= now);
        let is_retry = later.is_some_and(|later| later.is_retry);
        let is_requeue = later.is_some_and(|later| !later.is_retry);
        let outside = Outside::merge(self.unsettled_causes.take(), outside);
        Causes::new([change.is_some(), resync, is_retry, is_requeue], outside)
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
        call: RunningTurn,
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
                self.unsettled_causes = call.causes.into_outside();
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
pub(super) struct EndedLife {
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

impl EndedLife {
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
                event_type: EventType::Delete,
                snapshot: self.last.clone(),
                handled: self.handled.clone(),
                attempt: self.tries.failures(),
                initial: self.initial && self.handled.is_none(),
                causes: Causes::default(),
            },
        }
    }

    /// Books the start of the delete.
    pub(super) fn start(&mut self, now: Instant) -> Started {
        let is_retry = self.tries.failures() > 0 && !self.is_hurried;
        self.is_hurried = false;
        Started {
            priority: Priority::NORMAL,
            is_early: self.tries.is_early(now),
            causes: Causes::new([!is_retry, false, is_retry, false], None),
        }
    }

    /// Books how the delete ended; it is paid unless it is to be retried.
    pub(super) fn finish(
        &mut self,
        call: &RunningTurn,
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
