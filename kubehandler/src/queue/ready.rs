//! The items whose turn has come, by priority and then by age.
//!
//! Keeps the queue fair: the highest priority first, first in first out within
//! one, and one turn in eight for the oldest item of the lower priorities.

use std::collections::BTreeMap;

use super::Priority;

/// One turn in so many goes to the lower priorities, while they have items.
const SHARE: u32 = 8;

/// Items that can be handed out.
#[derive(Debug)]
pub(super) struct Ready<T> {
    /// Items by age within their priority. Holds no empty level, so that the
    /// last key is the highest priority with an item.
    levels: BTreeMap<Priority, BTreeMap<u64, T>>,
    len: usize,
    issued: u64,
    /// Turns since a lower priority had one, counting only those in which one
    /// was passed over. Never reaches `SHARE`.
    passed_over: u32,
}

/// Finds one ready item again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    priority: Priority,
    /// Its place among all ready items, in the order in which they became ready.
    age: u64,
}

impl<T> Default for Ready<T> {
    fn default() -> Self {
        Self {
            levels: BTreeMap::new(),
            len: 0,
            issued: 0,
            passed_over: 0,
        }
    }
}

impl<T> Ready<T> {
    /// Adds an item as the youngest of all.
    pub(super) fn insert(&mut self, item: T, priority: Priority) -> Slot {
        let slot = Slot {
            priority,
            age: self.issued,
        };
        self.issued += 1;
        self.len += 1;
        self.levels
            .entry(priority)
            .or_default()
            .insert(slot.age, item);
        slot
    }

    /// Moves an item up to `priority`, where it keeps its age; never down.
    pub(super) fn raise(&mut self, slot: Slot, priority: Priority) -> Slot {
        if priority <= slot.priority {
            return slot;
        }
        if let Some(item) = self.remove(slot) {
            self.len += 1;
            self.levels
                .entry(priority)
                .or_default()
                .insert(slot.age, item);
        }
        Slot { priority, ..slot }
    }

    /// Removes the item whose turn it is.
    pub(super) fn take(&mut self) -> Option<T> {
        let (&top, _) = self.levels.last_key_value()?;
        let slot = match self.oldest_below(top) {
            Some(lower) if self.passed_over + 1 >= SHARE => {
                self.passed_over = 0;
                lower
            }
            lower => {
                self.passed_over += u32::from(lower.is_some());
                self.first_of(top)?
            }
        };
        self.remove(slot)
    }

    /// Removes the item of this slot; `None` if it has left already.
    pub(super) fn remove(&mut self, slot: Slot) -> Option<T> {
        let level = self.levels.get_mut(&slot.priority)?;
        let item = level.remove(&slot.age)?;
        if level.is_empty() {
            self.levels.remove(&slot.priority);
        }
        self.len -= 1;
        Some(item)
    }

    /// Returns how many items are ready.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Looks at one item per priority in use, of which there are few.
    fn oldest_below(&self, top: Priority) -> Option<Slot> {
        let lower = self.levels.range(..top);
        lower
            .filter_map(|(&priority, level)| {
                let (&age, _) = level.first_key_value()?;
                Some(Slot { priority, age })
            })
            .min_by_key(|slot| slot.age)
    }

    fn first_of(&self, priority: Priority) -> Option<Slot> {
        let (&age, _) = self.levels.get(&priority)?.first_key_value()?;
        Some(Slot { priority, age })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_turn_in_eight_takes_the_oldest_of_the_lower_priorities() {
        let mut ready = Ready::default();
        ready.insert("older, lowest", Priority::LOW);
        ready.insert("younger, low", Priority::new(-1));
        for _ in 0..20 {
            ready.insert("top", Priority::HIGH);
        }

        let turns: Vec<_> = std::iter::from_fn(|| ready.take()).take(16).collect();

        assert_eq!(turns[..7], ["top"; 7]);
        assert_eq!(turns[7], "older, lowest");
        assert_eq!(turns[8..15], ["top"; 7]);
        assert_eq!(turns[15], "younger, low");
    }

    #[test]
    fn raised_item_keeps_its_age() {
        let mut ready = Ready::default();
        let slot = ready.insert("old", Priority::LOW);
        ready.insert("young", Priority::NORMAL);

        let slot = ready.raise(slot, Priority::NORMAL);
        ready.raise(slot, Priority::LOW);

        assert_eq!(ready.len(), 2);
        assert_eq!(ready.take(), Some("old"));
        assert_eq!(ready.take(), Some("young"));
        assert_eq!(ready.take(), None);
    }
}
