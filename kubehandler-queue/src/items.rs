//! The items that a queue knows, each once, and the status of each.

use std::hash::{BuildHasher, Hash};
use std::mem;

use foldhash::quality::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Found;

use super::Priority;
use super::delay::Ticket;
use super::link::Link;
use super::slab::{Moves, Slab, SlabIndex};
use crate::contained::{Contained, contained, dropped};

/// One entry for each item.
///
/// An entry is found by its index, or by its item, which costs a hash. Only to find one by its item
/// runs code of the item's: its `Hash`, and its `Eq` for items of the same hash. If that panics,
/// nothing has changed.
#[derive(Debug)]
pub(super) struct Items<T> {
    entries: Slab<Entry<T>>,
    /// Exactly the indices of `entries`, by the hashes of their items.
    by_hash: HashTable<Position>,
    hasher: RandomState,
    /// How often the entries have moved.
    moved: u64,
}

#[derive(Debug)]
struct Entry<T> {
    item: T,
    /// Kept so that to move or to forget an entry runs none of the item's code.
    hash: Hash32,
    status: Status,
}

/// Where an item's entry is, and the hash by which to tell without a look at it that it is another's.
#[derive(Clone, Copy, Debug)]
struct Position {
    hash: Hash32,
    index: SlabIndex,
}

/// Half of an item's hash, which is enough to tell items apart, and fits beside an [`SlabIndex`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hash32(u32);

impl Hash32 {
    #[expect(clippy::cast_possible_truncation, reason = "each half is a hash")]
    #[inline]
    fn of<T: Hash>(hasher: &RandomState, item: &T) -> Self {
        Self(hasher.hash_one(item) as u32)
    }

    /// Returns it as the table wants it, which looks at the first and the last bits.
    #[inline]
    fn whole(self) -> u64 {
        u64::from(self.0) << 32 | u64::from(self.0)
    }
}

/// Where an item is: whether it is held, and what it is owed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Status {
    /// Neither held nor owed, for as long as one call of [`State`](super::state::State) takes.
    Idle,
    /// It can be handed out.
    Ready {
        link: Link,
        priority: Priority,
        /// It is in its level's map, not in the list.
        raised: bool,
    },
    /// It is held, and nothing is owed.
    Held,
    /// It is held, and will be ready as soon as its holder is done.
    Dirty(Priority),
    /// It will be ready, or dirty, when it is due.
    Waiting {
        ticket: Ticket,
        priority: Priority,
        held: bool,
    },
}

/// Finds the entry of a held item again, without the item, also after the entries have moved.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hold {
    index: SlabIndex,
    hash: Hash32,
    /// The index is good for as long as the entries have not moved since.
    moved: u64,
}

/// Where each entry went.
#[derive(Debug)]
pub(super) struct Moved<T>(Moves<Entry<T>>);

impl<T> Default for Items<T> {
    fn default() -> Self {
        Self {
            entries: Slab::default(),
            by_hash: HashTable::new(),
            hasher: RandomState::default(),
            moved: 0,
        }
    }
}

impl<T> Items<T> {
    #[inline]
    fn item(&self, index: SlabIndex) -> &T {
        &self.entries.get(index).item
    }

    #[inline]
    pub(super) fn status(&self, index: SlabIndex) -> Status {
        self.entries.get(index).status
    }

    #[inline]
    pub(super) fn set_status(&mut self, index: SlabIndex, status: Status) {
        self.entries.get_mut(index).status = status;
    }

    /// Sets an item's status, and returns the one before.
    #[inline]
    pub(super) fn replace_status(&mut self, index: SlabIndex, status: Status) -> Status {
        mem::replace(&mut self.entries.get_mut(index).status, status)
    }

    /// Returns the link of an item that is ready.
    #[inline]
    pub(super) fn link(&self, index: SlabIndex) -> &Link {
        match &self.entries.get(index).status {
            Status::Ready { link, .. } => link,
            _ => unreachable!("only ready items are linked"),
        }
    }

    /// Returns the link of an item that is ready, to be changed.
    #[inline]
    pub(super) fn link_mut(&mut self, index: SlabIndex) -> &mut Link {
        match &mut self.entries.get_mut(index).status {
            Status::Ready { link, .. } => link,
            _ => unreachable!("only ready items are linked"),
        }
    }

    /// Forgets an item, of which nothing else may keep the index.
    #[inline]
    pub(super) fn remove(&mut self, index: SlabIndex) -> T {
        let Entry { item, hash, .. } = self.entries.remove(index);
        let found = self
            .by_hash
            .find_entry(hash.whole(), |known| known.index == index);
        if let Ok(found) = found {
            found.remove();
        }
        item
    }

    /// Returns the items' indices and status.
    pub(super) fn iter(&self) -> impl Iterator<Item = (SlabIndex, Status)> {
        let entries = self.entries.iter();
        entries.map(|(index, entry)| (index, entry.status))
    }

    #[cfg(all(test, not(kubehandler_loom)))]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.entries.len(), self.by_hash.len());
        self.entries.len()
    }

    /// Gives memory back after a burst; indices that are kept elsewhere have to follow the moves.
    #[inline]
    pub(super) fn shrink(&mut self) -> Option<Moved<T>> {
        if self.entries.is_wasteful() {
            self.compact()
        } else {
            None
        }
    }

    #[cold]
    fn compact(&mut self) -> Option<Moved<T>> {
        let indices = self.by_hash.iter_mut().map(|place| &mut place.index);
        let moves = self.entries.compact(indices)?;
        self.moved += 1;
        for entry in self.entries.values_mut() {
            if let Status::Ready { link, .. } = &mut entry.status {
                link.follow(|index| moves.follow(index));
            }
        }
        self.by_hash
            .shrink_to(self.entries.len() * 2, |place| place.hash.whole());
        Some(Moved(moves))
    }
}

impl<T> Moved<T> {
    /// Returns the index that an entry has now.
    pub(super) fn follow(&self, index: SlabIndex) -> SlabIndex {
        self.0.follow(index)
    }
}

impl<T: Clone> Items<T> {
    /// Hands out an item, which is held then.
    ///
    /// If its `clone` panics, its status is what it was.
    #[inline]
    pub(super) fn hand_out(&mut self, index: SlabIndex) -> (T, Hold) {
        let entry = self.entries.get_mut(index);
        let item = entry.item.clone();
        entry.status = Status::Held;
        let hold = Hold {
            index,
            hash: entry.hash,
            moved: self.moved,
        };
        (item, hold)
    }
}

impl<T: Eq + Hash> Items<T> {
    /// Returns the index of this item's entry.
    pub(super) fn find(&self, item: &T) -> Option<SlabIndex> {
        let hash = Hash32::of(&self.hasher, item);
        let is_it = |place: &Position| place.hash == hash && self.item(place.index) == item;
        let place = self.by_hash.find(hash.whole(), is_it)?;
        Some(place.index)
    }

    /// Returns the index of this item's entry, an idle one if it was not known.
    ///
    /// Takes the item out only if it was not known: otherwise it is the caller's to drop, outside of
    /// the lock.
    #[inline]
    pub(super) fn find_or_insert(&mut self, item: &mut Contained<T>) -> SlabIndex {
        let hash = Hash32::of(&self.hasher, &**item);
        let entries = &mut self.entries;
        let found = self.by_hash.entry(
            hash.whole(),
            |place| place.hash == hash && entries.get(place.index).item == **item,
            |place| place.hash.whole(),
        );
        match found {
            Found::Occupied(found) => found.get().index,
            Found::Vacant(vacant) => {
                let item = item.take().expect("an item is added once");
                let status = Status::Idle;
                let index = entries.insert(Entry { item, hash, status });
                vacant.insert(Position { hash, index });
                index
            }
        }
    }

    /// Returns the index of the entry that is held by this hold of this item.
    #[inline]
    pub(super) fn find_held(&self, hold: Hold, item: &T) -> Option<SlabIndex> {
        if hold.moved == self.moved {
            return Some(hold.index);
        }
        let places = self.by_hash.iter_hash(hold.hash.whole());
        let is_it =
            |place: &&Position| place.hash == hold.hash && self.status(place.index).is_held();
        let mut found = places.filter(is_it);
        let first = found.next()?;
        if found.next().is_none() {
            return Some(first.index);
        }
        // A hold may end during a panic, when another would end the process.
        contained(|| self.find(item)).ok().flatten()
    }
}

/// Drops the items one by one: more than one of them may panic.
impl<T> Drop for Items<T> {
    fn drop(&mut self) {
        if mem::needs_drop::<T>() {
            self.entries.drain().for_each(|entry| dropped(entry.item));
        }
    }
}

impl Status {
    fn is_held(self) -> bool {
        match self {
            Self::Held | Self::Dirty(_) => true,
            Self::Waiting { held, .. } => held,
            Self::Idle | Self::Ready { .. } => false,
        }
    }
}

#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use std::mem::size_of;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn entry_adds_little_to_its_item() {
        assert_eq!(size_of::<Entry<Arc<str>>>(), size_of::<Arc<str>>() + 32);
    }
}
