//! What a queue owes: the pure state machine under [`Queue`](super::Queue).
//!
//! Each item that the queue knows has one [`Status`]: it may be held, and it may
//! be owed one more delivery. From "one status an item, one delivery a
//! status" follow the queue's promises: no item is held twice, none is queued twice,
//! and the memory is that of the items known.
//!
//! Time only moves in [`State::advance`]; every other call acts at that time.

use std::hash::Hash;
use std::time::Duration;

use super::Priority;
use super::delay::Waiting;
use super::items::{Hold, Items, Status};
use super::ready::Ready;
use super::slab::SlabIndex;
use crate::contained::Contained;

/// The items of one queue, and where each of them is.
#[derive(Debug)]
pub(super) struct State<T> {
    /// Exactly the items that are held or owed.
    items: Items<T>,
    /// The items whose status is `Ready`.
    ready: Ready,
    /// The items whose status is `Waiting`.
    waiting: Waiting<SlabIndex>,
    /// How many items are held.
    held: usize,
    /// How many items are `Dirty`.
    dirty: usize,
    now: Duration,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// Takes no more items, still hands out those it has.
    ShutDown,
    /// Hands out nothing any more.
    Stopped,
}

/// What was dropped from a queue; its items are to be dropped outside of the lock.
#[derive(Debug)]
pub(super) struct Dropped<T> {
    _items: Vec<Contained<T>>,
}

/// A delivery that is owed no more; its item, unless somebody holds that, is to be dropped outside of
/// the lock.
#[derive(Debug)]
pub(super) struct Removed<T> {
    _item: Option<Contained<T>>,
}

impl<T> Default for State<T> {
    fn default() -> Self {
        Self {
            items: Items::default(),
            ready: Ready::default(),
            waiting: Waiting::default(),
            held: 0,
            dirty: 0,
            now: Duration::ZERO,
            phase: Phase::Open,
        }
    }
}

impl<T> State<T> {
    /// Says whether an item of this priority can be handed out.
    pub(super) fn has_ready(&self, priority: Priority) -> bool {
        self.ready.has(priority)
    }

    /// Returns how many items can be handed out.
    pub(super) fn len(&self) -> usize {
        self.ready.len()
    }

    /// Returns when the next waiting item is due.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.waiting.next_due()
    }

    /// Says whether a holder that is done may make an item ready.
    pub(super) fn has_dirty(&self) -> bool {
        self.dirty > 0
    }

    /// Says whether new items are refused.
    pub(super) fn is_shutting_down(&self) -> bool {
        self.phase != Phase::Open
    }

    /// Says whether nothing will be handed out any more.
    ///
    /// A dirty item will come back, so a queue that has one is not closed.
    pub(super) fn is_closed(&self) -> bool {
        match self.phase {
            Phase::Open => false,
            Phase::ShutDown => self.ready.len() == 0 && self.dirty == 0,
            Phase::Stopped => true,
        }
    }

    /// Says whether the queue is closed and nothing is held.
    pub(super) fn is_drained(&self) -> bool {
        self.is_closed() && self.held == 0
    }
}

/// Time, and what is owed.
impl<T: Eq + Hash> State<T> {
    /// Moves the time on, and with it the items that have come due; never back.
    pub(super) fn advance(&mut self, now: Duration) {
        self.now = self.now.max(now);
        while let Some(index) = self.waiting.pop_due(self.now) {
            if let Status::Waiting { priority, held, .. } = self.items.status(index) {
                self.owe(index, priority, held);
            }
        }
    }

    /// Owes a delivery now; one owed already keeps its age and the higher priority.
    ///
    /// As in the other adds, an item that is known already stays with the caller.
    #[inline]
    pub(super) fn add(&mut self, item: &mut Contained<T>, priority: Priority) {
        if self.is_shutting_down() {
            return;
        }
        let index = self.items.find_or_insert(item);
        self.bring_forward(index, priority);
    }

    /// Owes a delivery after `delay`; one owed already keeps the earlier time
    /// and the higher priority.
    pub(super) fn add_after(
        &mut self,
        item: &mut Contained<T>,
        delay: Duration,
        priority: Priority,
    ) {
        if self.is_shutting_down() {
            return;
        }
        let due = self.now.saturating_add(delay);
        let index = self.items.find_or_insert(item);
        match self.items.status(index) {
            Status::Ready { .. } | Status::Dirty(_) => self.bring_forward(index, priority),
            Status::Idle | Status::Held => self.wait(index, due, priority),
            Status::Waiting {
                ticket,
                priority: earlier,
                ..
            } => self.wait(index, ticket.due().min(due), priority.max(earlier)),
        }
    }

    /// Owes a delivery after `delay`, whatever a waiting entry said before;
    /// an item that is ready stays ready.
    pub(super) fn replace_after(
        &mut self,
        item: &mut Contained<T>,
        delay: Duration,
        priority: Priority,
    ) {
        if self.is_shutting_down() {
            return;
        }
        let due = self.now.saturating_add(delay);
        let index = self.items.find_or_insert(item);
        match self.items.status(index) {
            Status::Ready { .. } | Status::Dirty(_) => self.bring_forward(index, priority),
            Status::Idle | Status::Held | Status::Waiting { .. } => {
                self.wait(index, due, priority);
            }
        }
    }

    /// Removes a waiting entry, if there is one.
    pub(super) fn cancel(&mut self, item: &T) -> Option<Removed<T>> {
        let index = self.items.find(item)?;
        match self.items.status(index) {
            Status::Waiting { .. } => self.disown(index),
            _ => None,
        }
    }

    /// Removes the delivery that is owed, if there is one, whatever it waits for.
    pub(super) fn remove(&mut self, item: &T) -> Option<Removed<T>> {
        let index = self.items.find(item)?;
        self.disown(index)
    }

    /// Makes an item's delivery one that is owed now.
    #[inline]
    fn bring_forward(&mut self, index: SlabIndex, priority: Priority) {
        match self.items.status(index) {
            Status::Idle => self.owe(index, priority, false),
            Status::Held => self.owe(index, priority, true),
            Status::Ready { .. } => self.ready.raise(&mut self.items, index, priority),
            Status::Dirty(earlier) => {
                let dirty = Status::Dirty(priority.max(earlier));
                self.items.set_status(index, dirty);
            }
            Status::Waiting {
                ticket,
                priority: earlier,
                held,
            } => {
                self.waiting.remove(ticket);
                self.owe(index, priority.max(earlier), held);
            }
        }
    }

    /// Owes a delivery now. The item is owed none so far, or one that has left `waiting`.
    #[inline]
    fn owe(&mut self, index: SlabIndex, priority: Priority, held: bool) {
        if held {
            self.dirty += 1;
            self.items.set_status(index, Status::Dirty(priority));
        } else {
            self.ready.insert(&mut self.items, index, priority);
        }
    }

    /// Owes a delivery at `due`, in place of one that waits. The item is not ready or dirty.
    fn wait(&mut self, index: SlabIndex, due: Duration, priority: Priority) {
        let (held, known) = match self.items.status(index) {
            Status::Waiting { held, ticket, .. } => (held, Some(ticket)),
            status => (matches!(status, Status::Held), None),
        };
        // A ticket for the same time keeps its place among those due then.
        let kept = known.filter(|ticket| ticket.due() == due);
        if kept.is_none() {
            known.map(|ticket| self.waiting.remove(ticket));
        }
        if due <= self.now {
            return self.owe(index, priority, held);
        }
        let waiting = Status::Waiting {
            ticket: kept.unwrap_or_else(|| self.waiting.insert(index, due)),
            priority,
            held,
        };
        self.items.set_status(index, waiting);
    }

    /// Removes the delivery that an item is owed, if there is one.
    fn disown(&mut self, index: SlabIndex) -> Option<Removed<T>> {
        let held = match self.items.status(index) {
            Status::Idle | Status::Held => return None,
            Status::Ready { .. } => {
                self.ready.remove(&mut self.items, index);
                false
            }
            Status::Dirty(_) => {
                self.dirty -= 1;
                true
            }
            Status::Waiting { ticket, held, .. } => {
                self.waiting.remove(ticket);
                held
            }
        };
        let item = if held {
            self.items.set_status(index, Status::Held);
            None
        } else {
            Some(Contained::new(self.forget(index)))
        };
        Some(Removed { _item: item })
    }
}

/// Holds.
impl<T: Clone + Eq + Hash> State<T> {
    /// Hands out the item whose turn it is; it is held until [`done`](Self::done).
    #[inline]
    pub(super) fn take(&mut self) -> Option<(T, Hold)> {
        let index = self.ready.take(&mut self.items)?;
        // If this panics, the queue goes on without the item; it is idle, so it can be added again.
        let held = self.items.hand_out(index);
        self.held += 1;
        Some(held)
    }

    /// Ends a hold; an item that became dirty meanwhile is ready again.
    ///
    /// Returns the item if it is not owed anything, to be dropped outside of the lock.
    #[inline]
    pub(super) fn done(&mut self, hold: Hold, item: &T) -> Option<T> {
        let index = self.items.find_held(hold, item)?;
        let mut done = None;
        match self.items.status(index) {
            Status::Held => done = Some(self.forget(index)),
            Status::Dirty(priority) => {
                self.dirty -= 1;
                self.owe(index, priority, false);
            }
            Status::Waiting {
                ticket,
                priority,
                held: true,
            } => {
                let waiting = Status::Waiting {
                    ticket,
                    priority,
                    held: false,
                };
                self.items.set_status(index, waiting);
            }
            // Not of an item that is held.
            Status::Idle | Status::Ready { .. } | Status::Waiting { held: false, .. } => {
                return None;
            }
        }
        self.held -= 1;
        done
    }
}

/// Ending it.
impl<T> State<T> {
    /// Takes no more items; what is ready or dirty is still handed out, what waits is dropped.
    pub(super) fn shut_down(&mut self) -> Dropped<T> {
        if self.phase == Phase::Open {
            self.phase = Phase::ShutDown;
        }
        self.waiting = Waiting::default();
        self.disown_all(|status| matches!(status, Status::Waiting { .. }))
    }

    /// Takes no more items and hands out none.
    pub(super) fn stop(&mut self) -> Dropped<T> {
        self.phase = Phase::Stopped;
        self.waiting = Waiting::default();
        self.ready = Ready::default();
        self.dirty = 0;
        self.disown_all(|_| true)
    }

    /// Forgets what is owed to the items of some status, which the lists have forgotten.
    fn disown_all(&mut self, some: impl Fn(Status) -> bool) -> Dropped<T> {
        let disowned: Vec<_> = self
            .items
            .iter()
            .filter(|&(_, status)| some(status))
            .collect();
        let mut dropped = Vec::new();
        for (index, status) in disowned {
            match status {
                Status::Held | Status::Dirty(_) | Status::Waiting { held: true, .. } => {
                    self.items.set_status(index, Status::Held);
                }
                Status::Idle | Status::Ready { .. } | Status::Waiting { held: false, .. } => {
                    dropped.push(Contained::new(self.items.remove(index)));
                }
            }
        }
        self.shrink();
        Dropped { _items: dropped }
    }

    /// Forgets an item that is idle and in no list.
    #[inline]
    fn forget(&mut self, index: SlabIndex) -> T {
        let item = self.items.remove(index);
        self.shrink();
        item
    }

    /// Gives memory back after a burst.
    fn shrink(&mut self) {
        if let Some(moved) = self.items.shrink() {
            self.ready.follow(|index| moved.follow(index));
            for index in self.waiting.values_mut() {
                *index = moved.follow(*index);
            }
        }
    }
}

#[cfg(all(test, not(kubehandler_loom)))]
mod model;
#[cfg(all(test, not(kubehandler_loom)))]
mod tests;
