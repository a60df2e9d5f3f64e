//! What is owed to one name: a pure state machine, in which pending calls merge.
//!
//! At most two calls are pending, a delete and then an add or an update, because
//!
//! - an update merges into a pending add or update, and an add into a pending update;
//! - a delete cancels a pending add of which the handlers know nothing, and replaces any
//!   other add or update;
//! - what comes after a pending delete stays after it.
//!
//! A failed call becomes pending again at the front, by the same rules: an update that
//! came meanwhile merges into it, a delete replaces it.
//!
//! A call that an event brought before the retry was due is early. If it fails, it does not count,
//! and the retry stays at its time.

use std::time::Duration;

use tokio::time::Instant;

use crate::event::EventType;

/// Once the object exists again, its owed delete may fail this often before it is given up.
const DELETE_FAILURES_AFTER_RECREATION: u32 = 5;

/// The calls of one kind and name.
#[derive(Debug, Default)]
pub(super) struct OwedWork {
    running: Option<RunningWork>,
    /// A delete is pending.
    delete: bool,
    /// The add or update that is pending, after the delete if there is one.
    change: Option<Change>,
    /// Failures of the delete while a change was pending after it.
    delete_failures: u32,
    /// A change has come since the delete is owed. The first one makes the delete due.
    is_recreated: bool,
    /// When the delete failed first.
    failing_since: Option<Instant>,
    /// When the call that failed is due again; none if the next call is a first try.
    retry_at: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct RunningWork {
    event_type: EventType,
    is_early: bool,
}

#[derive(Clone, Copy, Debug)]
struct Change {
    /// An add; otherwise an update.
    is_add: bool,
    /// Some call for this life of the object has started, so its end must be reported.
    known: bool,
}

/// What follows from the end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// The failures so far are forgotten. Whatever is pending can start now.
    Settled,
    /// The call is pending again, and waits for its backoff.
    Retry,
    /// The call failed, but a delete replaces it, which can start now.
    Overtaken,
    /// The delete failed once too often, and is over; as `Settled`.
    GivenUp,
    /// The delete has failed for this long, and is over; as `Settled`.
    Expired(Duration),
}

impl OwedWork {
    /// Says whether a call is pending.
    pub(super) fn is_pending(&self) -> bool {
        self.delete || self.change.is_some()
    }

    /// Returns the call that runs.
    pub(super) fn running(&self) -> Option<EventType> {
        self.running.map(|running| running.event_type)
    }

    /// Says whether the call that runs started before the retry was due.
    pub(super) fn is_early(&self) -> bool {
        self.running.is_some_and(|running| running.is_early)
    }

    /// Says whether a delete is owed that has failed.
    pub(super) fn is_failing_delete(&self) -> bool {
        self.failing_since.is_some()
    }

    /// Returns when the call that failed is due again.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Sets when the call that failed is due again; none if the clock has no such time.
    ///
    /// A delete is due at its deadline at the latest.
    pub(super) fn set_retry_at(&mut self, at: Option<Instant>, deadline: Duration) {
        let last = self
            .failing_since
            .and_then(|since| since.checked_add(deadline));
        self.retry_at = match (at, last) {
            (Some(at), Some(last)) => Some(at.min(last)),
            (at, last) => at.or(last),
        };
    }

    /// Says whether nothing is left to be remembered.
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_none() && !self.is_pending()
    }

    /// Merges one more call into the pending ones.
    pub(super) fn enqueue(&mut self, event_type: EventType) {
        match (event_type, &mut self.change) {
            (EventType::Add, Some(change)) => change.is_add = true,
            (EventType::Add, None) => {
                // The object that a running add or update is for, unless a delete comes between.
                let known = !self.delete && self.running().is_some_and(is_change);
                self.recreate();
                self.change = Some(Change {
                    is_add: true,
                    known,
                });
            }
            (EventType::Update, Some(_)) => {}
            (EventType::Update, None) => {
                self.recreate();
                self.change = Some(Change {
                    is_add: false,
                    known: true,
                });
            }
            (EventType::Delete, change) => {
                if change.take().is_none_or(|change| change.known) && !self.delete {
                    self.delete = true;
                    self.retry_at = None;
                }
                self.delete_failures = 0;
            }
        }
    }

    /// Makes the delete that is owed due, if this is the first change after it.
    ///
    /// Calls for further ones are early, or an object that comes and goes would use up the failures
    /// that are left.
    fn recreate(&mut self) {
        let is_owed = self.delete || self.running() == Some(EventType::Delete);
        if is_owed && !self.is_recreated {
            self.is_recreated = true;
            self.retry_at = None;
        }
    }

    /// Starts the call whose turn it is; `None` if none is pending or one runs.
    pub(super) fn start(&mut self, now: Instant) -> Option<EventType> {
        if self.running.is_some() {
            return None;
        }
        let event_type = if std::mem::take(&mut self.delete) {
            EventType::Delete
        } else {
            let change = self.change.take()?;
            if change.is_add {
                EventType::Add
            } else {
                EventType::Update
            }
        };
        self.running = Some(RunningWork {
            event_type,
            is_early: self.retry_at.is_some_and(|at| at > now),
        });
        Some(event_type)
    }

    /// Ends the running call, which succeeded or is not to be retried.
    pub(super) fn settle(&mut self) -> After {
        let ended = self.running.take();
        if ended.is_some_and(|ended| ended.event_type == EventType::Delete) {
            self.forget_delete();
        }
        self.retry_at = None;
        After::Settled
    }

    /// Ends the running call, which failed and is to be retried.
    ///
    /// A delete that has failed for as long as `deadline` is over.
    pub(super) fn fail(&mut self, now: Instant, deadline: Duration) -> After {
        let Some(RunningWork {
            event_type,
            is_early,
        }) = self.running.take()
        else {
            return After::Settled;
        };
        if event_type == EventType::Delete {
            return self.fail_delete(is_early, now, deadline);
        }
        if self.delete {
            return After::Overtaken;
        }
        let newer_is_add = self.change.is_some_and(|change| change.is_add);
        let is_add = newer_is_add || event_type == EventType::Add;
        self.change = Some(Change {
            is_add,
            known: true,
        });
        After::Retry
    }

    /// Forgets all pending calls.
    pub(super) fn clear(&mut self) {
        self.delete = false;
        self.change = None;
    }

    fn fail_delete(&mut self, is_early: bool, now: Instant, deadline: Duration) -> After {
        let since = *self.failing_since.get_or_insert(now);
        let failing_for = now.saturating_duration_since(since);
        if failing_for >= deadline {
            // One that has come meanwhile is another's, and stays.
            self.forget_delete();
            return After::Expired(failing_for);
        }
        if self.change.is_some() && !is_early {
            self.delete_failures += 1;
            if self.delete_failures >= DELETE_FAILURES_AFTER_RECREATION {
                self.delete = false;
                self.forget_delete();
                return After::GivenUp;
            }
        }
        self.delete = true;
        After::Retry
    }

    /// Forgets the delete, which is paid or given up.
    fn forget_delete(&mut self) {
        self.delete_failures = 0;
        self.is_recreated = false;
        self.failing_since = None;
        self.retry_at = None;
    }
}

fn is_change(event_type: EventType) -> bool {
    event_type != EventType::Delete
}

#[cfg(test)]
mod tests;
