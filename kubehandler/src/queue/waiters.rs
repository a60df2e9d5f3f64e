//! Who waits for a queue, and who has to be woken.
//!
//! Pure: no lock, no clock, no runtime. [`Waiters::settle`] restores these
//! invariants after every change, and so no wake-up is ever lost:
//!
//! 1. While items are ready, as many getters are woken as there are items, or all.
//! 2. While items only wait for their time, one getter keeps the timer for the
//!    next of them, or a woken getter is on its way to take that role. Only one
//!    has it, so that a due time wakes one getter instead of all.
//! 3. When the queue is closed, every getter is woken; when it is drained, every drainer.
//!
//! A getter that was woken and goes away is simply missing from the count, and
//! the next `settle` wakes another in its place.

use std::collections::{BTreeMap, BTreeSet};
use std::task::Waker;
use std::time::Duration;

/// Identifies one waiting getter or drainer; the earlier one has the lower number.
pub(super) type WaiterId = u64;

/// What a queue has for those who wait for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Supply {
    /// How many items can be handed out.
    pub(super) ready: usize,
    /// When the next waiting item is due.
    pub(super) next_due: Option<Duration>,
    /// Nothing will be handed out any more.
    pub(super) closed: bool,
    /// Closed, and nothing is held.
    pub(super) drained: bool,
}

/// The getters and drainers of one queue.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    /// Getters that sleep.
    asleep: BTreeMap<WaiterId, Waker>,
    /// Getters that were woken and have not come back yet. Disjoint from `asleep`.
    woken: BTreeSet<WaiterId>,
    /// The getter that sleeps only until the time it names. In `asleep` or `woken`.
    timer: Option<(WaiterId, Duration)>,
    drainers: BTreeMap<WaiterId, Waker>,
    issued: WaiterId,
}

impl Waiters {
    /// Returns a number for a getter or drainer that begins to wait.
    pub(super) fn issue(&mut self) -> WaiterId {
        self.issued += 1;
        self.issued
    }

    /// Puts a getter that found nothing to sleep.
    ///
    /// Returns how long at most, if it is the one that keeps the timer.
    pub(super) fn sleep(
        &mut self,
        id: WaiterId,
        waker: &Waker,
        next_due: Option<Duration>,
    ) -> Option<Duration> {
        self.woken.remove(&id);
        self.asleep
            .entry(id)
            .and_modify(|known| known.clone_from(waker))
            .or_insert_with(|| waker.clone());
        if self.timer.is_none_or(|(keeper, _)| keeper == id) {
            self.timer = next_due.map(|due| (id, due));
            return next_due;
        }
        None
    }

    /// Forgets a getter that has its item or went away.
    pub(super) fn leave(&mut self, id: WaiterId) {
        self.asleep.remove(&id);
        self.woken.remove(&id);
        if self.timer.is_some_and(|(keeper, _)| keeper == id) {
            self.timer = None;
        }
    }

    /// Puts a drainer to sleep.
    pub(super) fn sleep_until_drained(&mut self, id: WaiterId, waker: &Waker) {
        self.drainers.insert(id, waker.clone());
    }

    /// Forgets a drainer that went away.
    pub(super) fn leave_drainer(&mut self, id: WaiterId) {
        self.drainers.remove(&id);
    }

    /// Restores the invariants; returns whom to wake, once the lock is released.
    pub(super) fn settle(&mut self, supply: Supply) -> Vec<Waker> {
        let mut wake = Vec::new();
        if supply.drained {
            wake.extend(std::mem::take(&mut self.drainers).into_values());
        }
        let wanted = if supply.closed {
            usize::MAX
        } else {
            supply.ready
        };
        while self.woken.len() < wanted
            && let Some((id, waker)) = self.asleep.pop_first()
        {
            self.woken.insert(id);
            wake.push(waker);
        }
        if let Some(due) = supply.next_due {
            wake.extend(self.settle_timer(due));
        }
        wake
    }

    /// Wakes the getter that has to set its timer anew, or to take that role.
    fn settle_timer(&mut self, due: Duration) -> Option<Waker> {
        let id = match self.timer {
            Some((_, armed)) if armed <= due => return None,
            Some((keeper, _)) => keeper,
            // Whoever is woken already takes the role, or leaves it to the next `settle`.
            None if self.woken.is_empty() => *self.asleep.first_key_value()?.0,
            None => return None,
        };
        let waker = self.asleep.remove(&id)?;
        self.woken.insert(id);
        Some(waker)
    }
}

#[cfg(test)]
mod tests;
