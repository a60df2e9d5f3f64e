//! What a queue owes: the pure state machine under [`Queue`](super::Queue).
//!
//! Each item that the queue knows has one [`Entry`]: it may be held, and it may
//! be owed one more delivery. From "one entry an item, one delivery an entry"
//! follow the queue's promises: no item is held twice, none is queued twice,
//! and the memory is that of the items known.
//!
//! Time only moves in [`State::advance`]; every other call acts at that time.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use super::Priority;
use super::delay::{Ticket, Waiting};
use super::ready::{Ready, Slot};
use super::shrink::shrink;

/// The items of one queue, and where each of them is.
#[derive(Debug)]
pub(super) struct State<T> {
    /// Exactly the items that are held or owed.
    entries: HashMap<T, Entry>,
    /// The items whose entry is owed as `Ready`.
    ready: Ready<T>,
    /// The items whose entry is owed as `Waiting`.
    waiting: Waiting<T>,
    /// How many entries are held.
    held: usize,
    /// How many entries are owed as `Dirty`.
    dirty: usize,
    now: Duration,
    phase: Phase,
}

#[derive(Debug)]
struct Entry {
    held: bool,
    owed: Option<Owed>,
}

/// The one delivery that an item is owed.
#[derive(Clone, Copy, Debug)]
enum Owed {
    /// It can be handed out. Its entry is not held.
    Ready(Slot),
    /// It will be ready as soon as its holder is done. Its entry is held.
    Dirty(Priority),
    /// It will be ready, or dirty, when it is due.
    Waiting(Ticket, Priority),
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
    _ready: Ready<T>,
    _waiting: Waiting<T>,
}

impl<T> Default for State<T> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
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
    /// Returns how many items can be handed out.
    pub(super) fn len(&self) -> usize {
        self.ready.len()
    }

    /// Returns when the next waiting item is due.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.waiting.next_due()
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

impl<T: Clone + Eq + Hash> State<T> {
    /// Moves the time on, and with it the items that have come due; never back.
    pub(super) fn advance(&mut self, now: Duration) {
        self.now = self.now.max(now);
        while let Some(item) = self.waiting.pop_due(self.now) {
            let Some(entry) = self.entries.get_mut(&item) else {
                continue;
            };
            let Some(Owed::Waiting(_, priority)) = entry.owed else {
                continue;
            };
            entry.owed = None;
            self.add(item, priority);
        }
    }

    /// Owes a delivery now; one owed already keeps its age and the higher priority.
    pub(super) fn add(&mut self, item: T, priority: Priority) {
        if self.is_shutting_down() {
            return;
        }
        let entry = self.entries.entry(item.clone()).or_insert(Entry {
            held: false,
            owed: None,
        });
        let priority = match entry.owed {
            Some(Owed::Ready(slot)) => {
                entry.owed = Some(Owed::Ready(self.ready.raise(slot, priority)));
                return;
            }
            Some(Owed::Dirty(earlier)) => {
                entry.owed = Some(Owed::Dirty(priority.max(earlier)));
                return;
            }
            Some(Owed::Waiting(ticket, earlier)) => {
                self.waiting.remove(ticket);
                priority.max(earlier)
            }
            None => priority,
        };
        entry.owed = Some(if entry.held {
            self.dirty += 1;
            Owed::Dirty(priority)
        } else {
            Owed::Ready(self.ready.insert(item, priority))
        });
    }

    /// Owes a delivery after `delay`; one owed already keeps the earlier time
    /// and the higher priority.
    pub(super) fn add_after(&mut self, item: T, delay: Duration, priority: Priority) {
        let due = self.now.saturating_add(delay);
        match self.entries.get(&item).and_then(|entry| entry.owed) {
            Some(Owed::Waiting(ticket, earlier)) => {
                self.wait(item, ticket.due().min(due), priority.max(earlier));
            }
            None => self.wait(item, due, priority),
            Some(Owed::Ready(_) | Owed::Dirty(_)) => self.add(item, priority),
        }
    }

    /// Owes a delivery after `delay`, whatever a waiting entry said before;
    /// an item that is ready stays ready.
    pub(super) fn replace_after(&mut self, item: T, delay: Duration, priority: Priority) {
        match self.entries.get(&item).and_then(|entry| entry.owed) {
            None | Some(Owed::Waiting(..)) => {
                self.wait(item, self.now.saturating_add(delay), priority);
            }
            Some(Owed::Ready(_) | Owed::Dirty(_)) => self.add(item, priority),
        }
    }

    /// Removes a waiting entry; false if there is none.
    pub(super) fn cancel(&mut self, item: &T) -> bool {
        let owed = self.entries.get(item).and_then(|entry| entry.owed);
        matches!(owed, Some(Owed::Waiting(..))) && self.remove(item)
    }

    /// Removes the delivery that is owed, whatever it waits for; false if there is none.
    pub(super) fn remove(&mut self, item: &T) -> bool {
        let Some(owed) = self
            .entries
            .get_mut(item)
            .and_then(|entry| entry.owed.take())
        else {
            return false;
        };
        match owed {
            Owed::Ready(slot) => drop(self.ready.remove(slot)),
            Owed::Dirty(_) => self.dirty -= 1,
            Owed::Waiting(ticket, _) => drop(self.waiting.remove(ticket)),
        }
        self.forget_idle(item);
        true
    }

    /// Hands out the item whose turn it is; it is held until [`done`](Self::done).
    pub(super) fn take(&mut self) -> Option<T> {
        let item = self.ready.take()?;
        if let Some(entry) = self.entries.get_mut(&item) {
            entry.held = true;
            entry.owed = None;
            self.held += 1;
        }
        Some(item)
    }

    /// Ends a hold; an item that became dirty meanwhile is ready again.
    pub(super) fn done(&mut self, item: &T) {
        let Some(entry) = self.entries.get_mut(item).filter(|entry| entry.held) else {
            return;
        };
        entry.held = false;
        self.held -= 1;
        if let Some(Owed::Dirty(priority)) = entry.owed {
            self.dirty -= 1;
            entry.owed = Some(Owed::Ready(self.ready.insert(item.clone(), priority)));
        }
        self.forget_idle(item);
    }

    /// Takes no more items; what is ready or dirty is still handed out, what waits is dropped.
    pub(super) fn shut_down(&mut self) -> Dropped<T> {
        if self.phase == Phase::Open {
            self.phase = Phase::ShutDown;
        }
        self.keep(|owed| !matches!(owed, Owed::Waiting(..)));
        Dropped {
            _ready: Ready::default(),
            _waiting: std::mem::take(&mut self.waiting),
        }
    }

    /// Takes no more items and hands out none.
    pub(super) fn stop(&mut self) -> Dropped<T> {
        self.phase = Phase::Stopped;
        self.keep(|_| false);
        self.dirty = 0;
        Dropped {
            _ready: std::mem::take(&mut self.ready),
            _waiting: std::mem::take(&mut self.waiting),
        }
    }

    /// Makes `due` the time of the item's waiting entry. The item is not ready or dirty.
    fn wait(&mut self, item: T, due: Duration, priority: Priority) {
        if self.is_shutting_down() {
            return;
        }
        if due <= self.now {
            self.cancel(&item);
            return self.add(item, priority);
        }
        let entry = self.entries.entry(item.clone()).or_insert(Entry {
            held: false,
            owed: None,
        });
        if let Some(Owed::Waiting(ticket, _)) = entry.owed {
            if ticket.due() == due {
                // It keeps its place among those due at the same time.
                entry.owed = Some(Owed::Waiting(ticket, priority));
                return;
            }
            self.waiting.remove(ticket);
        }
        entry.owed = Some(Owed::Waiting(self.waiting.insert(item, due), priority));
    }

    /// Forgets what is owed to items, except where `keep` says so.
    fn keep(&mut self, keep: impl Fn(Owed) -> bool) {
        self.entries.retain(|_, entry| {
            entry.owed = entry.owed.filter(|&owed| keep(owed));
            entry.held || entry.owed.is_some()
        });
        shrink(&mut self.entries);
    }

    /// Removes the item's entry if it is neither held nor owed.
    fn forget_idle(&mut self, item: &T) {
        if self
            .entries
            .get(item)
            .is_some_and(|entry| !entry.held && entry.owed.is_none())
        {
            self.entries.remove(item);
            shrink(&mut self.entries);
        }
    }
}

#[cfg(all(test, not(kubehandler_loom)))]
mod model;
#[cfg(all(test, not(kubehandler_loom)))]
mod tests;
