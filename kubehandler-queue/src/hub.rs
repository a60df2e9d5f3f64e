//! The wake-up protocol: one lock around a queue's state and its waiting getters.
//!
//! Every access goes through [`Hub::change`], which settles who has to be woken
//! before it releases the lock and wakes them after. There is no clock and no
//! runtime in here, so that loom can check every interleaving of it:
//!
//! ```text
//! RUSTFLAGS="--cfg kubehandler_loom" cargo test -p kubehandler-queue --lib hub::loom
//! ```

use std::fmt;
use std::hash::Hash;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::items::Hold;
use super::state::State;
use super::sync::{Mutex, lock};
use super::waiters::{Supply, WaiterId, Waiters};

/// A queue's state and its waiting getters.
pub(super) struct Hub<T> {
    inner: Mutex<Inner<T>>,
}

struct Inner<T> {
    state: State<T>,
    waiters: Waiters,
}

impl<T> fmt::Debug for Hub<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").finish_non_exhaustive()
    }
}

impl<T> Default for Hub<T> {
    fn default() -> Self {
        let inner = Inner {
            state: State::default(),
            waiters: Waiters::default(),
        };
        Self {
            inner: Mutex::new(inner),
        }
    }
}

impl<T> Hub<T> {
    /// Changes the state, then wakes the getters that the change concerns.
    #[inline]
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut State<T>) -> R) -> R {
        self.settled(|inner| change(&mut inner.state))
    }

    /// Takes an item if one is ready, as a getter that never waits.
    ///
    /// `now` is asked for the time only if an item waits for its own.
    #[inline]
    pub(super) fn take(&self, now: impl FnOnce() -> Duration) -> Option<(T, Hold)>
    where
        T: Clone + Eq + Hash,
    {
        self.settled(|Inner { state, .. }| {
            if state.next_due().is_some() {
                state.advance(now());
            }
            state.take()
        })
    }

    /// Returns what a new getter polls until it has an item, on a runtime with this number of threads.
    pub(super) fn getter(&self, threads: usize) -> Getter<'_, T> {
        Getter {
            hub: self,
            id: None,
            threads,
        }
    }

    /// Returns what a new drainer polls until the queue is drained.
    pub(super) fn drainer(&self) -> Drainer<'_, T> {
        Drainer {
            hub: self,
            id: None,
        }
    }

    #[inline]
    fn settled<R>(&self, change: impl FnOnce(&mut Inner<T>) -> R) -> R {
        let mut inner = lock(&self.inner);
        let result = change(&mut inner);
        if inner.waiters.is_awake() {
            return result;
        }
        let supply = Supply::of(&inner.state);
        let wake = inner.waiters.settle(supply);
        drop(inner);
        // A waker is foreign code, which may come straight back for the lock.
        wake.wake();
        result
    }
}

impl Supply {
    fn of<T>(state: &State<T>) -> Self {
        Self {
            ready: state.len(),
            next_due: state.next_due(),
            closed: state.is_closed(),
            drained: state.is_drained(),
        }
    }
}

/// What a getter finds when it looks.
#[derive(Debug)]
pub(super) enum Polled<T> {
    /// An item, which it holds now.
    Item(T, Hold),
    /// The queue is closed.
    Closed,
    /// Nothing yet. The getter is woken when that changes, but has to look again
    /// by itself at this time, if there is one.
    Wait(Option<Duration>),
}

/// One waiting `get`. Dropping it passes on whatever it was woken for.
#[derive(Debug)]
pub(super) struct Getter<'a, T> {
    hub: &'a Hub<T>,
    /// Its place among the waiters, once it has had to wait.
    id: Option<WaiterId>,
    threads: usize,
}

impl<T: Clone + Eq + Hash> Getter<'_, T> {
    /// Looks for an item, and has `waker` woken when to look again.
    ///
    /// `now` is asked for the time only if an item waits for its own.
    pub(super) fn poll(&mut self, now: impl FnOnce() -> Duration, waker: &Waker) -> Polled<T> {
        self.hub.settled(|Inner { state, waiters }| {
            if state.next_due().is_some() {
                state.advance(now());
            }
            let polled = match state.take() {
                Some((item, hold)) => Polled::Item(item, hold),
                None if state.is_closed() => Polled::Closed,
                None => {
                    let due = state.next_due();
                    let (id, due) = waiters.sleep(self.id, waker, due, self.threads);
                    self.id = Some(id);
                    return Polled::Wait(due);
                }
            };
            if let Some(id) = self.id.take() {
                waiters.leave(id);
            }
            polled
        })
    }
}

impl<T> Drop for Getter<'_, T> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.hub.settled(|inner| inner.waiters.leave(id));
        }
    }
}

/// One waiting `shut_down_with_drain`.
#[derive(Debug)]
pub(super) struct Drainer<'a, T> {
    hub: &'a Hub<T>,
    id: Option<WaiterId>,
}

impl<T> Drainer<'_, T> {
    /// Is ready once the queue is closed and nothing is held.
    pub(super) fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.hub.settled(|Inner { state, waiters }| {
            if state.is_drained() {
                return Poll::Ready(());
            }
            self.id = Some(waiters.sleep_until_drained(self.id, cx.waker()));
            Poll::Pending
        })
    }
}

impl<T> Drop for Drainer<'_, T> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.hub.settled(|inner| inner.waiters.leave_drainer(id));
        }
    }
}

#[cfg(all(test, kubehandler_loom))]
mod loom;
