//! What is owed to one name: a pure state machine, in which pending calls merge.
//!
//! At most two calls are pending, a delete and then an add or an update, because
//!
//! - an update merges into a pending add or update, and an add into a pending update;
//! - a delete cancels a pending add of which the handlers know nothing, and replaces any
//!   other add or update;
//! - what comes after a pending delete stays behind it.
//!
//! A failed call becomes pending again at the front, by the same rules: an update that
//! came meanwhile merges into it, a delete replaces it.

use crate::event::EventKind;

/// Once the object exists again, its owed delete may fail this often before it is given up.
const DELETE_FAILURES_AFTER_RECREATION: u32 = 5;

/// The calls of one kind and name.
#[derive(Debug, Default)]
pub(super) struct Owed {
    running: Option<EventKind>,
    /// A delete is pending.
    delete: bool,
    /// The add or update that is pending, after the delete if there is one.
    change: Option<Change>,
    /// Failures of the delete while a change was pending behind it.
    delete_failures: u32,
}

#[derive(Clone, Copy, Debug)]
struct Change {
    /// An add; otherwise an update.
    is_add: bool,
    /// Some call for this life of the object has started, so its end must be told.
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
}

impl Owed {
    /// Says whether a call is pending.
    pub(super) fn is_pending(&self) -> bool {
        self.delete || self.change.is_some()
    }

    /// Returns the call that runs.
    pub(super) fn running(&self) -> Option<EventKind> {
        self.running
    }

    /// Says whether nothing is left to be remembered.
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_none() && !self.is_pending()
    }

    /// Merges one more call into the pending ones.
    pub(super) fn enqueue(&mut self, event: EventKind) {
        match (event, &mut self.change) {
            (EventKind::Add, Some(change)) => change.is_add = true,
            (EventKind::Add, None) => {
                // The object that a running add or update is for, unless a delete comes between.
                let known = !self.delete && self.running.is_some_and(is_change);
                self.change = Some(Change {
                    is_add: true,
                    known,
                });
            }
            (EventKind::Update, Some(_)) => {}
            (EventKind::Update, None) => {
                self.change = Some(Change {
                    is_add: false,
                    known: true,
                });
            }
            (EventKind::Delete, change) => {
                self.delete |= change.take().is_none_or(|change| change.known);
                self.delete_failures = 0;
            }
        }
    }

    /// Starts the call whose turn it is; `None` if none is pending or one runs.
    pub(super) fn start(&mut self) -> Option<EventKind> {
        if self.running.is_some() {
            return None;
        }
        self.running = if std::mem::take(&mut self.delete) {
            Some(EventKind::Delete)
        } else {
            let change = self.change.take()?;
            Some(if change.is_add {
                EventKind::Add
            } else {
                EventKind::Update
            })
        };
        self.running
    }

    /// Ends the running call, which succeeded or is not to be retried.
    pub(super) fn settle(&mut self) -> After {
        if self.running.take() == Some(EventKind::Delete) {
            self.delete_failures = 0;
        }
        After::Settled
    }

    /// Ends the running call, which failed and is to be retried.
    pub(super) fn fail(&mut self) -> After {
        match self.running.take() {
            None => After::Settled,
            Some(EventKind::Delete) => self.fail_delete(),
            Some(_) if self.delete => After::Overtaken,
            Some(event) => {
                let newer_is_add = self.change.is_some_and(|change| change.is_add);
                let is_add = newer_is_add || event == EventKind::Add;
                self.change = Some(Change {
                    is_add,
                    known: true,
                });
                After::Retry
            }
        }
    }

    /// Forgets all pending calls.
    pub(super) fn clear(&mut self) {
        self.delete = false;
        self.change = None;
    }

    fn fail_delete(&mut self) -> After {
        if self.change.is_some() {
            self.delete_failures += 1;
            if self.delete_failures >= DELETE_FAILURES_AFTER_RECREATION {
                self.delete_failures = 0;
                self.delete = false;
                return After::GivenUp;
            }
        }
        self.delete = true;
        After::Retry
    }
}

fn is_change(event: EventKind) -> bool {
    event != EventKind::Delete
}

#[cfg(all(test, not(kubehandler_loom)))]
mod tests;
