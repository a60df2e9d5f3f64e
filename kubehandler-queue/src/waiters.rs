//! Who waits for a queue, and who has to be woken.
//!
//! Pure: no lock, no clock, no runtime. [`Waiters::settle`] restores these
//! invariants after every change, and so no wake-up is ever lost:
//!
//! 1. While items are ready and getters sleep, enough getters are on their way, that is, woken
//!    and not back yet: as many as there are items, but no more than the runtime has threads,
//!    and one for every [`BACKLOG`] items beyond that.
//! 2. While items only wait for their time, one getter keeps the timer for the
//!    next of them, or a woken getter is on its way to take that role. Only one
//!    has it, so that a due time wakes one getter instead of all.
//! 3. When the queue is closed, every getter is woken; when it is drained, every drainer.
//!
//! The first makes a chain: a getter that comes back takes an item, is no longer on its way, and
//! the same change wakes the next in its place if more items are ready. So a getter with work
//! passes the wake-up on before it works, a few short items are served by one getter without a
//! switch of tasks for each, and once those on their way are back, no item is ready while a
//! getter sleeps.
//! A chain of one would do for that, but not for callbacks that compute: tokio runs a task that
//! was woken by another only after that one, and lets no other thread have it, unless it is
//! woken together with a second.
//!
//! A getter that was woken and goes away is simply missing from the count, and
//! the same change wakes another in its place.

use std::task::Waker;
use std::time::Duration;

use super::slab::{Slab, SlabIndex};

/// For each this many items one more getter is woken, so that a slow one does not hold up all items.
const BACKLOG: usize = 8;

/// Identifies one waiting getter or drainer.
pub(super) type WaiterId = SlabIndex;

/// What a queue has for its waiting getters.
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
    getters: Slab<WaitingGetter>,
    /// The getter that fell asleep last, the keeper left out, and is woken first.
    /// Each names the one that fell asleep before it.
    last_asleep: Option<WaiterId>,
    /// How many getters are `Woken`.
    woken: usize,
    /// The getter that sleeps only until the time it names, `Keeper` or `Woken`.
    timer: Option<(WaiterId, Duration)>,
    /// How many threads run getters.
    threads: usize,
    drainers: Slab<Option<Waker>>,
}

/// A getter that has had to wait.
#[derive(Debug)]
enum WaitingGetter {
    /// Sleeps, and is linked with the others that do.
    Asleep {
        waker: Waker,
        earlier: Option<WaiterId>,
        later: Option<WaiterId>,
    },
    /// Sleeps and keeps the timer. It is woken last, so that the timer is set anew rarely.
    Keeper(Waker),
    /// Was woken and has not come back yet.
    Woken,
}

/// Whom to wake, once the lock is released.
#[derive(Debug)]
#[must_use]
pub(super) enum Wake {
    Nobody,
    /// What most changes need, without memory.
    One(Waker),
    Many(Vec<Waker>),
}

impl Wake {
    fn push(&mut self, waker: Waker) {
        *self = match std::mem::replace(self, Self::Nobody) {
            Self::Nobody => Self::One(waker),
            Self::One(first) => Self::Many(vec![first, waker]),
            Self::Many(mut wakers) => {
                wakers.push(waker);
                Self::Many(wakers)
            }
        };
    }

    /// Wakes them.
    pub(super) fn wake(self) {
        match self {
            Self::Nobody => {}
            Self::One(waker) => waker.wake(),
            Self::Many(wakers) => wakers.into_iter().for_each(Waker::wake),
        }
    }
}

/// The getters.
impl Waiters {
    /// Puts a getter that found nothing to sleep. `threads` is the number of its runtime's threads.
    ///
    /// Returns who it is, and how long it sleeps at most if it is the one that keeps the timer.
    pub(super) fn sleep(
        &mut self,
        id: Option<WaiterId>,
        waker: &Waker,
        next_due: Option<Duration>,
        threads: usize,
    ) -> (WaiterId, Option<Duration>) {
        self.threads = self.threads.max(threads);
        let id = id.unwrap_or_else(|| {
            self.woken += 1;
            self.getters.insert(WaitingGetter::Woken)
        });
        let waker = match self.wake(id) {
            Some(known) if known.will_wake(waker) => known,
            _ => waker.clone(),
        };
        self.woken -= 1;
        if self.timer.is_none_or(|(keeper, _)| keeper == id) {
            self.timer = next_due.map(|due| (id, due));
            if next_due.is_some() {
                *self.getters.get_mut(id) = WaitingGetter::Keeper(waker);
                return (id, next_due);
            }
        }
        *self.getters.get_mut(id) = WaitingGetter::Asleep {
            waker,
            earlier: self.last_asleep,
            later: None,
        };
        if let Some(earlier) = self.last_asleep.replace(id) {
            self.link(earlier, |_, later| *later = Some(id));
        }
        (id, None)
    }

    /// Forgets a getter that has its item or went away.
    pub(super) fn leave(&mut self, id: WaiterId) {
        self.wake(id);
        self.woken -= 1;
        self.getters.remove(id);
        if self.getters.len() == 0 {
            self.getters.compact([]);
        }
        if self.timer.is_some_and(|(keeper, _)| keeper == id) {
            self.timer = None;
        }
    }

    /// Makes a getter one that is `Woken`; returns its waker if it was not yet.
    fn wake(&mut self, id: WaiterId) -> Option<Waker> {
        match std::mem::replace(self.getters.get_mut(id), WaitingGetter::Woken) {
            WaitingGetter::Woken => None,
            WaitingGetter::Keeper(waker) => {
                self.woken += 1;
                Some(waker)
            }
            WaitingGetter::Asleep {
                waker,
                earlier,
                later,
            } => {
                self.woken += 1;
                match later {
                    Some(other) => self.link(other, |known, _| *known = earlier),
                    None => self.last_asleep = earlier,
                }
                if let Some(other) = earlier {
                    self.link(other, |_, known| *known = later);
                }
                Some(waker)
            }
        }
    }

    /// Changes who fell asleep earlier and later than a getter.
    fn link(
        &mut self,
        id: WaiterId,
        change: impl FnOnce(&mut Option<WaiterId>, &mut Option<WaiterId>),
    ) {
        if let WaitingGetter::Asleep { earlier, later, .. } = self.getters.get_mut(id) {
            change(earlier, later);
        }
    }

    /// Wakes one getter, if one sleeps.
    fn wake_one(&mut self) -> Option<Waker> {
        let keeper = || self.timer.map(|(keeper, _)| keeper);
        self.last_asleep
            .or_else(keeper)
            .and_then(|id| self.wake(id))
    }
}

/// The drainers.
impl Waiters {
    /// Puts a drainer to sleep; returns who it is.
    pub(super) fn sleep_until_drained(&mut self, id: Option<WaiterId>, waker: &Waker) -> WaiterId {
        let id = id.unwrap_or_else(|| self.drainers.insert(None));
        *self.drainers.get_mut(id) = Some(waker.clone());
        id
    }

    /// Forgets a drainer that went away.
    pub(super) fn leave_drainer(&mut self, id: WaiterId) {
        self.drainers.remove(id);
    }
}

/// The invariants.
impl Waiters {
    /// Returns true if no getter sleeps, so that nothing needs to be settled.
    #[inline]
    pub(super) fn is_awake(&self) -> bool {
        self.getters.len() == self.woken && self.drainers.len() == 0
    }

    /// Restores the invariants; returns whom to wake, once the lock is released.
    pub(super) fn settle(&mut self, supply: Supply) -> Wake {
        let mut wake = Wake::Nobody;
        if supply.drained {
            for waker in self.drainers.values_mut().filter_map(Option::take) {
                wake.push(waker);
            }
        }
        let wanted = if supply.closed {
            usize::MAX
        } else {
            supply.ready.min(self.threads + supply.ready / BACKLOG)
        };
        while self.woken < wanted
            && let Some(waker) = self.wake_one()
        {
            wake.push(waker);
        }
        if let Some(due) = supply.next_due
            && let Some(waker) = self.settle_timer(due)
        {
            wake.push(waker);
        }
        wake
    }

    /// Wakes the getter that has to set its timer anew, or to take that role.
    fn settle_timer(&mut self, due: Duration) -> Option<Waker> {
        match self.timer {
            Some((_, armed)) if armed <= due => None,
            Some((keeper, _)) => self.wake(keeper),
            // A getter that is woken already takes the role, or leaves it to the next `settle`.
            None if self.woken == 0 => self.wake_one(),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests;
