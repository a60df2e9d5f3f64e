//! The items whose turn has come, by priority and then by age.
//!
//! Keeps the queue fair: the highest priority first, first in first out within
//! one, and one turn in eight for the oldest item of the lower priorities.

use std::collections::BTreeMap;

use super::Priority;
use super::items::{Items, Status};
use super::link::Link;
use super::memory::is_wasteful;
use super::slab::SlabIndex;

/// One turn in this number goes to the lower priorities, while they have items.
const SHARE: u32 = 8;

/// This many empty levels stay, as they will be needed again.
const KEPT: usize = 8;

/// Items that can be handed out.
#[derive(Debug, Default)]
pub(super) struct Ready {
    /// By priority, the highest last. There are few.
    levels: Vec<Level>,
    len: usize,
    issued: u64,
    /// Turns since a lower priority had one, counting only those in which one
    /// was passed over. Never reaches `SHARE`.
    passed_over: u32,
}

/// The ready items of one priority.
#[derive(Debug)]
struct Level {
    priority: Priority,
    /// The ends of a list of items, linked in the order of their age.
    oldest: Option<SlabIndex>,
    youngest: Option<SlabIndex>,
    /// The others by age: those that were raised when the list had a younger item.
    raised: BTreeMap<u64, SlabIndex>,
}

impl Ready {
    /// Adds an item as the youngest of all.
    #[inline]
    pub(super) fn insert<T>(&mut self, items: &mut Items<T>, index: SlabIndex, priority: Priority) {
        let age = self.issued;
        self.issued += 1;
        self.len += 1;
        self.level(priority).push(items, index, age);
    }

    /// Moves an item up to `priority`, where it keeps its age; never down.
    pub(super) fn raise<T>(&mut self, items: &mut Items<T>, index: SlabIndex, priority: Priority) {
        if priority > priority_of(items, index) {
            let age = items.link(index).age;
            self.remove(items, index);
            self.place(items, index, priority, age);
        }
    }

    /// Removes the item whose turn it is; it is idle then.
    #[inline]
    pub(super) fn take<T>(&mut self, items: &mut Items<T>) -> Option<SlabIndex> {
        let levels = self.levels.iter().enumerate().rev();
        let mut levels = levels.filter(|(_, level)| !level.is_empty());
        let mut at = levels.next()?.0;
        // Looks at one item per priority in use, of which there are few.
        let lower = levels
            .filter_map(|(at, level)| Some((items.link(level.first(items)?).age, at)))
            .min();
        if let Some((_, oldest)) = lower {
            self.passed_over += 1;
            if self.passed_over == SHARE {
                self.passed_over = 0;
                at = oldest;
            }
        }
        let index = self.levels[at].first(items)?;
        self.remove_from(at, items, index);
        Some(index)
    }

    /// Removes an item; it is idle then.
    pub(super) fn remove<T>(&mut self, items: &mut Items<T>, index: SlabIndex) {
        let at = self.find(priority_of(items, index));
        let at = at.unwrap_or_else(|_| unreachable!("a level with an item is kept"));
        self.remove_from(at, items, index);
    }

    #[inline]
    fn remove_from<T>(&mut self, at: usize, items: &mut Items<T>, index: SlabIndex) {
        let Status::Ready { link, raised, .. } = items.replace_status(index, Status::Idle) else {
            unreachable!("only ready items are linked");
        };
        self.len -= 1;
        let level = &mut self.levels[at];
        if raised {
            level.raised.remove(&link.age);
        } else {
            match link.older {
                Some(older) => items.link_mut(older).younger = link.younger,
                None => level.oldest = link.younger,
            }
            match link.younger {
                Some(younger) => items.link_mut(younger).older = link.older,
                None => level.youngest = link.older,
            }
        }
        if level.is_empty() && self.levels.len() > KEPT {
            self.levels.remove(at);
            if is_wasteful(self.levels.len(), self.levels.capacity()) {
                self.levels.shrink_to(self.levels.len() * 2);
            }
        }
    }

    /// Says whether an item of this priority is ready.
    pub(super) fn has(&self, priority: Priority) -> bool {
        let level = self.find(priority);
        level.is_ok_and(|at| !self.levels[at].is_empty())
    }

    /// Returns how many items are ready.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Keeps the levels true after all entries have moved.
    pub(super) fn follow(&mut self, moves: impl Fn(SlabIndex) -> SlabIndex) {
        for level in &mut self.levels {
            let ends = [&mut level.oldest, &mut level.youngest];
            let raised = level.raised.values_mut();
            for index in ends.into_iter().flatten().chain(raised) {
                *index = moves(*index);
            }
        }
    }

    /// Puts an idle item where its age belongs.
    fn place<T>(&mut self, items: &mut Items<T>, index: SlabIndex, priority: Priority, age: u64) {
        self.len += 1;
        let level = self.level(priority);
        let youngest = level.youngest;
        if youngest.is_none_or(|youngest| items.link(youngest).age < age) {
            return level.push(items, index, age);
        }
        let link = Link {
            age,
            older: None,
            younger: None,
        };
        let ready = Status::Ready {
            link,
            priority,
            raised: true,
        };
        items.set_status(index, ready);
        level.raised.insert(age, index);
    }

    /// Returns the level of this priority, a new one if need be.
    #[inline]
    fn level(&mut self, priority: Priority) -> &mut Level {
        let at = self.find(priority).unwrap_or_else(|at| {
            self.levels.insert(at, Level::new(priority));
            at
        });
        &mut self.levels[at]
    }

    #[inline]
    fn find(&self, priority: Priority) -> Result<usize, usize> {
        match &*self.levels {
            [only] if only.priority == priority => Ok(0),
            levels => levels.binary_search_by_key(&priority, |level| level.priority),
        }
    }
}

fn priority_of<T>(items: &Items<T>, index: SlabIndex) -> Priority {
    match items.status(index) {
        Status::Ready { priority, .. } => priority,
        _ => unreachable!("only ready items have a level"),
    }
}

impl Level {
    fn new(priority: Priority) -> Self {
        Self {
            priority,
            oldest: None,
            youngest: None,
            raised: BTreeMap::new(),
        }
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.oldest.is_none() && self.raised.is_empty()
    }

    /// Adds an idle item that is younger than all others at the end of the list.
    #[inline]
    fn push<T>(&mut self, items: &mut Items<T>, index: SlabIndex, age: u64) {
        let older = self.youngest.replace(index);
        let link = Link {
            age,
            older,
            younger: None,
        };
        let ready = Status::Ready {
            link,
            priority: self.priority,
            raised: false,
        };
        items.set_status(index, ready);
        match older {
            Some(older) => items.link_mut(older).younger = Some(index),
            None => self.oldest = Some(index),
        }
    }

    /// Returns the oldest item.
    #[inline]
    fn first<T>(&self, items: &Items<T>) -> Option<SlabIndex> {
        let Some((&age, &raised)) = self.raised.first_key_value() else {
            return self.oldest;
        };
        self.oldest
            .filter(|&oldest| items.link(oldest).age < age)
            .or(Some(raised))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contained::Contained;

    type Item = &'static str;

    /// Ready items, and nothing else.
    #[derive(Default)]
    struct Line {
        items: Items<Item>,
        ready: Ready,
    }

    impl Line {
        fn insert(&mut self, item: Item, priority: Priority) -> SlabIndex {
            let index = self.items.find_or_insert(&mut Contained::new(item));
            self.ready.insert(&mut self.items, index, priority);
            index
        }

        fn raise(&mut self, index: SlabIndex, priority: Priority) {
            self.ready.raise(&mut self.items, index, priority);
        }

        fn take(&mut self) -> Option<Item> {
            let index = self.ready.take(&mut self.items)?;
            Some(self.items.remove(index))
        }
    }

    #[test]
    fn one_turn_in_eight_takes_the_oldest_of_the_lower_priorities() {
        const TOP: [Item; 20] = [
            "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q",
            "r", "s", "t",
        ];
        let mut line = Line::default();
        line.insert("older, lowest", Priority::LOW);
        line.insert("younger, low", Priority::new(-1));
        for item in TOP {
            line.insert(item, Priority::HIGH);
        }

        let turns: Vec<_> = std::iter::from_fn(|| line.take()).take(16).collect();

        assert_eq!(turns[..7], TOP[..7]);
        assert_eq!(turns[7], "older, lowest");
        assert_eq!(turns[8..15], TOP[7..14]);
        assert_eq!(turns[15], "younger, low");
    }

    #[test]
    fn raised_item_keeps_its_age() {
        let mut line = Line::default();
        let index = line.insert("old", Priority::LOW);
        line.insert("young", Priority::NORMAL);

        line.raise(index, Priority::NORMAL);
        line.raise(index, Priority::LOW);

        assert_eq!(line.ready.len(), 2);
        assert_eq!(line.take(), Some("old"));
        assert_eq!(line.take(), Some("young"));
        assert_eq!(line.take(), None);
    }

    #[test]
    fn item_leaves_from_the_middle_of_its_level() {
        let mut line = Line::default();
        line.insert("first", Priority::NORMAL);
        let middle = line.insert("middle", Priority::NORMAL);
        line.insert("last", Priority::NORMAL);

        line.ready.remove(&mut line.items, middle);

        assert_eq!(line.take(), Some("first"));
        assert_eq!(line.take(), Some("last"));
        assert_eq!(line.take(), None);
    }

    #[test]
    fn few_levels_stay_when_all_were_used() {
        let mut line = Line::default();
        for (value, item) in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]
            .into_iter()
            .enumerate()
        {
            line.insert(item, Priority::new(i32::try_from(value).expect("small")));
        }

        while line.take().is_some() {}

        assert_eq!(line.ready.levels.len(), KEPT);
    }
}
