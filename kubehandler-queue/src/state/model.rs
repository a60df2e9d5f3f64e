//! What a queue does, told as naively as possible: lists, searched from the front.

use std::time::Duration;

use crate::Priority;

pub(super) type Item = u8;

/// What can happen to a queue.
#[derive(Clone, Copy, Debug)]
pub(super) enum Op {
    Add(Item, Priority),
    AddAfter(Item, Duration, Priority),
    ReplaceAfter(Item, Duration, Priority),
    Cancel(Item),
    Remove(Item),
    Take,
    /// The holder of one of the held items is done.
    Done(usize),
    Advance(Duration),
    ShutDown,
    Stop,
}

/// A delivery that an item is owed, and when.
#[derive(Clone, Copy, Debug)]
struct Delivery {
    item: Item,
    priority: Priority,
    due: Duration,
    /// Orders deliveries that are due at one time.
    order: usize,
}

/// Picks a held item, if there is one.
fn nth(held: &[Item], index: usize) -> Option<Item> {
    held.get(index.checked_rem(held.len())?).copied()
}

#[derive(Debug, Default)]
pub(super) struct Model {
    now: Duration,
    /// Deliveries that are not due, in no order.
    later: Vec<Delivery>,
    /// Deliveries that are due while their item is held, in no order.
    after_done: Vec<(Item, Priority)>,
    /// Deliveries that can be made, in the order in which that became so.
    line: Vec<(Item, Priority)>,
    pub(super) held: Vec<Item>,
    ordered: usize,
    /// How often in a row a lower priority was passed over.
    passed_over: usize,
    shut_down: bool,
}

impl Model {
    /// Applies the operation; a take returns what is handed out, a removal whether it hit.
    pub(super) fn apply(&mut self, op: Op) -> (Option<Item>, bool) {
        match op {
            Op::Add(item, priority) => self.add(item, priority),
            Op::AddAfter(item, delay, priority) => self.add_after(item, delay, priority, false),
            Op::ReplaceAfter(item, delay, priority) => self.add_after(item, delay, priority, true),
            Op::Remove(item) => return (None, self.remove(item)),
            Op::Cancel(item) => return (None, self.remove_later(item).is_some()),
            Op::Take => return (self.take(), false),
            Op::Done(index) => {
                if let Some(item) = nth(&self.held, index) {
                    self.done(item);
                }
            }
            Op::Advance(by) => self.advance(by),
            Op::ShutDown => {
                self.shut_down = true;
                self.later.clear();
            }
            Op::Stop => {
                self.shut_down = true;
                self.later.clear();
                self.line.clear();
                self.after_done.clear();
            }
        }
        (None, false)
    }

    pub(super) fn ready(&self) -> usize {
        self.line.len()
    }

    pub(super) fn dirty(&self) -> usize {
        self.after_done.len()
    }

    pub(super) fn next_due(&self) -> Option<Duration> {
        self.later.iter().map(|delivery| delivery.due).min()
    }

    /// All items that a queue has to remember.
    pub(super) fn known(&self) -> usize {
        let waiting = self.later.iter().map(|delivery| delivery.item);
        let mut known: Vec<_> = self
            .held
            .iter()
            .copied()
            .chain(waiting)
            .chain(self.line.iter().map(|x| x.0))
            .collect();
        known.sort_unstable();
        known.dedup();
        known.len()
    }

    fn add(&mut self, item: Item, mut priority: Priority) {
        if self.shut_down {
            return;
        }
        if let Some(overtaken) = self.remove_later(item) {
            priority = priority.max(overtaken.priority);
        }
        let list = if self.held.contains(&item) {
            &mut self.after_done
        } else {
            &mut self.line
        };
        match list.iter_mut().find(|(known, _)| *known == item) {
            Some((_, known)) => *known = priority.max(*known),
            None => list.push((item, priority)),
        }
    }

    fn add_after(&mut self, item: Item, delay: Duration, mut priority: Priority, replace: bool) {
        let mut due = self.now + delay;
        let owed_now = self
            .line
            .iter()
            .chain(&self.after_done)
            .any(|(known, _)| *known == item);
        if owed_now || self.shut_down {
            return self.add(item, priority);
        }
        let mut order = self.ordered;
        if let Some(earlier) = self.remove_later(item) {
            if !replace {
                due = due.min(earlier.due);
                priority = priority.max(earlier.priority);
            }
            if due == earlier.due {
                order = earlier.order;
            }
        }
        self.ordered += 1;
        if due <= self.now {
            self.add(item, priority);
        } else {
            self.later.push(Delivery {
                item,
                priority,
                due,
                order,
            });
        }
    }

    fn remove_later(&mut self, item: Item) -> Option<Delivery> {
        let index = self
            .later
            .iter()
            .position(|delivery| delivery.item == item)?;
        Some(self.later.remove(index))
    }

    fn remove(&mut self, item: Item) -> bool {
        let owed = |model: &Self| model.later.len() + model.after_done.len() + model.line.len();
        let before = owed(self);
        self.remove_later(item);
        self.after_done.retain(|(known, _)| *known != item);
        self.line.retain(|(known, _)| *known != item);
        owed(self) < before
    }

    fn advance(&mut self, by: Duration) {
        self.now += by;
        self.later
            .sort_by_key(|delivery| (delivery.due, delivery.order));
        let due = self
            .later
            .iter()
            .take_while(|delivery| delivery.due <= self.now)
            .count();
        for delivery in self.later.drain(..due).collect::<Vec<_>>() {
            self.add(delivery.item, delivery.priority);
        }
    }

    fn take(&mut self) -> Option<Item> {
        let top = self.line.iter().map(|(_, priority)| *priority).max()?;
        let lower = self.line.iter().position(|(_, priority)| *priority < top);
        let index = match lower {
            Some(lower) if self.passed_over == 7 => {
                self.passed_over = 0;
                lower
            }
            _ => {
                self.passed_over += usize::from(lower.is_some());
                self.line
                    .iter()
                    .position(|(_, priority)| *priority == top)?
            }
        };
        let (item, _) = self.line.remove(index);
        self.held.push(item);
        Some(item)
    }

    fn done(&mut self, item: Item) {
        let Some(index) = self.held.iter().position(|held| *held == item) else {
            return;
        };
        self.held.remove(index);
        if let Some(index) = self.after_done.iter().position(|(known, _)| *known == item) {
            self.line.push(self.after_done.remove(index));
        }
    }
}
