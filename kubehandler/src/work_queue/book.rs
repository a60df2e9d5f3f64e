//! What is owed to whom, and the queue in which the names wait for their turn.
//!
//! The queue holds a name exactly if a call of it is pending. To keep it so, both
//! change under one lock.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use kubehandler_queue::__private::memory::shrink;
use parking_lot::{Mutex, MutexGuard};
use tokio::time::Instant;

use super::error::UnfinishedCall;
use super::owed::{After, OwedWork};
use crate::event::EventType;
use crate::object_key::ObjectKey;
use crate::outcome::{HandlerError, Result, Retrying};
use crate::queue::Queue;
use crate::settings::Retry;

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
pub(super) struct WorkCall {
    pub(super) event_type: EventType,
    /// Failed tries in a row before this call.
    pub(super) attempt: u32,
}

/// What becomes of a call that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterCall {
    Done,
    /// It failed, and said that it is not to be retried.
    Terminal,
    /// It failed, and is called again after this time.
    Retry(Duration),
    /// It failed, and a delete that came meanwhile replaces it.
    Overtaken,
    /// A delete failed once too often, while its object exists again.
    GivenUp,
    /// A delete has failed for this long.
    Expired(Duration),
    /// It failed, and the queue is closed.
    Closed,
}

/// All names with something pending or running.
#[derive(Debug, Default)]
pub(super) struct Book {
    queue: Queue<WorkKey>,
    ledger: Mutex<WorkLedger>,
}

#[derive(Debug, Default)]
struct WorkLedger {
    /// Holds no idle entry.
    owed: HashMap<WorkKey, OwedWork>,
    /// How many owed deletes have failed.
    failing_deletes: usize,
    /// Nothing is taken any more.
    closed: bool,
}

impl Book {
    /// Returns the queue, to get names from.
    pub(super) fn queue(&self) -> &Queue<WorkKey> {
        &self.queue
    }

    /// Merges a call into what is pending for the name; ignored once closed.
    pub(super) fn enqueue(&self, key: WorkKey, event_type: EventType) {
        let mut ledger = self.ledger();
        if ledger.closed {
            return;
        }
        let owed = ledger.owed.entry(key.clone()).or_default();
        owed.enqueue(event_type);
        if owed.is_pending() {
            self.queue.add(key);
        } else {
            // The delete cancelled the add: no callback knows the object.
            self.queue.remove(&key);
            self.forget_idle(&mut ledger, &key);
        }
    }

    /// Starts the call whose turn it is; `None` if it was cancelled meanwhile.
    pub(super) fn start(&self, key: &WorkKey) -> Option<WorkCall> {
        let now = Instant::now();
        let event_type = self.ledger().owed.get_mut(key)?.start(now)?;
        let attempt = u32::try_from(self.queue.num_requeues(key)).unwrap_or(u32::MAX);
        Some(WorkCall {
            event_type,
            attempt,
        })
    }

    /// Ends the running call of a name, and says what becomes of it.
    pub(super) fn finish(&self, key: &WorkKey, result: &Result) -> AfterCall {
        let now = Instant::now();
        let mut ledger = self.ledger();
        let ended = ledger.finish(key, result, now, || self.queue.backoff(key, cause(result)));
        match ended {
            AfterCall::Retry(delay) => self.queue.add_after(key.clone(), delay),
            // The delete queued the name when it came.
            AfterCall::Overtaken => {}
            AfterCall::Closed => drop(ledger.owed.remove(key)),
            AfterCall::Done | AfterCall::Terminal | AfterCall::GivenUp | AfterCall::Expired(_) => {
                self.queue.forget(key);
                if ledger.owed.get(key).is_some_and(OwedWork::is_pending) {
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
                let event_type = owed.running()?;
                Some(UnfinishedCall {
                    kind: key.kind.to_string(),
                    event_type,
                    object: key.object.clone(),
                    is_blocking: false,
                })
            })
            .collect();
        calls.sort_by(|a, b| (&a.kind, &a.object).cmp(&(&b.kind, &b.object)));
        calls
    }

    fn forget_idle(&self, ledger: &mut WorkLedger, key: &WorkKey) {
        if ledger.owed.get(key).is_none_or(OwedWork::is_idle) {
            ledger.owed.remove(key);
            shrink(&mut ledger.owed);
            self.queue.forget(key);
        }
    }

    fn ledger(&self) -> MutexGuard<'_, WorkLedger> {
        self.ledger.lock()
    }
}

impl WorkLedger {
    /// Ends the running call of a name; `backoff` counts a failure and returns its delay.
    fn finish(
        &mut self,
        key: &WorkKey,
        result: &Result,
        now: Instant,
        backoff: impl FnOnce() -> Duration,
    ) -> AfterCall {
        let deadline = Retry::default().delete_deadline_among(self.failing_deletes);
        let Some(owed) = self.owed.get_mut(key) else {
            return AfterCall::Done;
        };
        let (was_failing, is_early) = (owed.is_failing_delete(), owed.is_early());
        let after = match result {
            Err(error) if !error.is_terminal() => owed.fail(now, deadline),
            _ => owed.settle(),
        };
        let ended = match (after, result) {
            (_, Ok(())) => AfterCall::Done,
            (_, Err(_)) if self.closed => AfterCall::Closed,
            (After::Retry, Err(error)) => {
                let delay = delay(owed, error, is_early, now, backoff);
                owed.set_retry_at(now.checked_add(delay), deadline);
                let at = owed.retry_at();
                AfterCall::Retry(at.map_or(delay, |at| at.saturating_duration_since(now)))
            }
            (After::Overtaken, Err(_)) => {
                if !is_early {
                    backoff();
                }
                AfterCall::Overtaken
            }
            (After::GivenUp, Err(_)) => AfterCall::GivenUp,
            (After::Expired(time), Err(_)) => AfterCall::Expired(time),
            (After::Settled, Err(_)) => AfterCall::Terminal,
        };
        match (was_failing, owed.is_failing_delete()) {
            (false, true) => self.failing_deletes += 1,
            (true, false) => self.failing_deletes -= 1,
            _ => {}
        }
        ended
    }
}

/// Returns the time until a failed call is due again.
///
/// The error's own delay goes before the backoff. After an early call the retry stays at its time,
/// unless the error asks for an earlier one.
fn delay(
    owed: &OwedWork,
    error: &HandlerError,
    is_early: bool,
    now: Instant,
    backoff: impl FnOnce() -> Duration,
) -> Duration {
    let asked = match error.retrying() {
        Retrying::After(delay) => Some(delay),
        Retrying::Backoff | Retrying::Never => None,
    };
    match owed.retry_at() {
        Some(at) if is_early => {
            let left = at.saturating_duration_since(now);
            asked.map_or(left, |delay| delay.min(left))
        }
        _ => {
            let backoff = backoff();
            asked.unwrap_or(backoff)
        }
    }
}

/// Returns what the rate limiter is to see of a failure.
fn cause(result: &Result) -> Option<&(dyn Error + 'static)> {
    let error: &(dyn Error + 'static) = result.as_ref().err()?.source();
    Some(error)
}

#[cfg(test)]
mod tests;
