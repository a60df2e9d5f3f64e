//! What is owed to whom, and the queue in which the names wait for their turn.
//!
//! The queue holds a name exactly if a call of it is pending. To keep it so, both
//! change under one lock.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::error::UnfinishedCall;
use super::owed::{After, Owed};
use crate::event::EventKind;
use crate::object_key::ObjectKey;
use crate::outcome::{HandlerError, Result, Retrying};
use crate::queue::{Queue, shrink::shrink};

/// Whose turn it is: one object of one kind.
///
/// What happened to it is no part of the key, or an add and a delete of one object
/// could be in two hands at once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct WorkKey {
    pub(super) kind: Arc<str>,
    pub(super) object: ObjectKey,
}

/// A call that has started.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) event: EventKind,
    /// Failures in a row before this call.
    pub(super) attempt: u32,
}

/// What becomes of a call that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Done,
    /// It failed, and said that it is not to be retried.
    Terminal,
    /// It failed, and is called again after this time.
    Retry(Duration),
    /// It failed, and a delete that came meanwhile replaces it.
    Overtaken,
    /// A delete failed once too often, while its object exists again.
    GivenUp,
    /// It failed, and the queue is closed.
    Closed,
}

/// All names with something pending or running.
#[derive(Debug, Default)]
pub(super) struct Book {
    queue: Queue<WorkKey>,
    ledger: Mutex<Ledger>,
}

#[derive(Debug, Default)]
struct Ledger {
    /// Holds no idle entry.
    owed: HashMap<WorkKey, Owed>,
    /// Nothing is taken any more.
    closed: bool,
}

impl Book {
    /// Returns the queue, to get names from.
    pub(super) fn queue(&self) -> &Queue<WorkKey> {
        &self.queue
    }

    /// Merges a call into what is pending for the name; ignored once closed.
    pub(super) fn enqueue(&self, key: WorkKey, event: EventKind) {
        let mut ledger = self.ledger();
        if ledger.closed {
            return;
        }
        let owed = ledger.owed.entry(key.clone()).or_default();
        owed.enqueue(event);
        if owed.is_pending() {
            self.queue.add(key);
        } else {
            // A delete cancelled the add: nobody ever heard of the object.
            self.queue.remove(&key);
            self.forget_idle(&mut ledger, &key);
        }
    }

    /// Starts the call whose turn it is; `None` if it was cancelled meanwhile.
    pub(super) fn start(&self, key: &WorkKey) -> Option<Call> {
        let event = self.ledger().owed.get_mut(key)?.start()?;
        let attempt = u32::try_from(self.queue.num_requeues(key)).unwrap_or(u32::MAX);
        Some(Call { event, attempt })
    }

    /// Ends the running call of a name, and says what becomes of it.
    pub(super) fn finish(&self, key: &WorkKey, result: &Result) -> Ended {
        let mut ledger = self.ledger();
        let after = match (ledger.owed.get_mut(key), result) {
            (None, _) => After::Settled,
            (Some(owed), Err(error)) if !error.is_terminal() => owed.fail(),
            (Some(owed), _) => owed.settle(),
        };
        let ended = match (after, result) {
            (_, Ok(())) => Ended::Done,
            (_, Err(_)) if ledger.closed => Ended::Closed,
            (After::Retry, Err(error)) => Ended::Retry(self.backoff(key, error)),
            (After::Overtaken, Err(error)) => {
                self.backoff(key, error);
                Ended::Overtaken
            }
            (After::GivenUp, Err(_)) => Ended::GivenUp,
            (After::Settled, Err(_)) => Ended::Terminal,
        };
        match ended {
            Ended::Retry(delay) => self.queue.add_after(key.clone(), delay),
            // The delete queued the name when it came.
            Ended::Overtaken => {}
            Ended::Closed => drop(ledger.owed.remove(key)),
            Ended::Done | Ended::Terminal | Ended::GivenUp => {
                self.queue.forget(key);
                if ledger.owed.get(key).is_some_and(Owed::is_pending) {
                    self.queue.add(key.clone());
                }
            }
        }
        self.forget_idle(&mut ledger, key);
        ended
    }

    /// Hands out nothing any more, and takes nothing.
    pub(super) fn close(&self) {
        let mut ledger = self.ledger();
        ledger.closed = true;
        self.queue.shut_down_now();
        ledger.owed.retain(|_, owed| {
            owed.clear();
            !owed.is_idle()
        });
        shrink(&mut ledger.owed);
    }

    /// Returns the calls that run, in the order of their names.
    pub(super) fn running(&self) -> Vec<UnfinishedCall> {
        let ledger = self.ledger();
        let mut calls: Vec<_> = ledger
            .owed
            .iter()
            .filter_map(|(key, owed)| {
                let event = owed.running()?;
                Some(UnfinishedCall {
                    kind: key.kind.to_string(),
                    event,
                    object: key.object.clone(),
                    is_blocking: false,
                })
            })
            .collect();
        calls.sort_by(|a, b| (&a.kind, &a.object).cmp(&(&b.kind, &b.object)));
        calls
    }

    /// Counts a failure; the error's own delay goes before the backoff.
    fn backoff(&self, key: &WorkKey, error: &HandlerError) -> Duration {
        let backoff = self.queue.backoff(key, Some(error.source()));
        match error.retrying() {
            Retrying::After(delay) => delay,
            Retrying::Backoff | Retrying::Never => backoff,
        }
    }

    fn forget_idle(&self, ledger: &mut Ledger, key: &WorkKey) {
        if ledger.owed.get(key).is_none_or(Owed::is_idle) {
            ledger.owed.remove(key);
            shrink(&mut ledger.owed);
            self.queue.forget(key);
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock()
    }
}

#[cfg(all(test, not(kubehandler_loom)))]
mod tests;
