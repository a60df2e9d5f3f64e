//! Values side by side in few pieces of memory, each found by an index.
//!
//! An index is good until its value is removed, or until [`Slab::compact`] moves
//! all values closer together.

use std::num::NonZeroU32;

use super::memory::is_wasteful;

/// How many slots are in one piece of memory.
const CHUNK: usize = 256;

/// Finds a value again. Its `Option` is no larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SlabIndex(NonZeroU32);

/// Values with their indices.
#[derive(Debug)]
pub(super) struct Slab<V> {
    slots: Slots<V>,
    /// The vacant slot that was left last. Each names the one left before it.
    vacant: Option<SlabIndex>,
    len: usize,
}

#[derive(Debug)]
enum SlabSlot<V> {
    Vacant(Option<SlabIndex>),
    Taken(V),
}

/// The slots, in chunks of [`CHUNK`] of which only the last may have room left.
///
/// So they never move as their number grows, which would touch all that memory again.
#[derive(Debug)]
struct Slots<V>(Vec<Vec<SlabSlot<V>>>);

/// Where each value went when a slab was compacted: its old slots, each vacant and naming the new.
#[derive(Debug)]
pub(super) struct Moves<V>(Slots<V>);

impl SlabIndex {
    /// Returns the index of this slot.
    #[inline]
    fn of(slot: usize) -> Self {
        let number = u32::try_from(slot + 1).ok().and_then(NonZeroU32::new);
        Self(number.expect("a queue holds fewer than 2^32 items"))
    }

    #[inline]
    fn slot(self) -> usize {
        self.0.get() as usize - 1
    }
}

impl<V> Moves<V> {
    /// Returns the index that a value has now.
    pub(super) fn follow(&self, index: SlabIndex) -> SlabIndex {
        match *self.0.get(index) {
            SlabSlot::Vacant(Some(index)) => index,
            _ => unreachable!("whoever keeps an index keeps its value"),
        }
    }
}

impl<V> Default for Slab<V> {
    fn default() -> Self {
        Self {
            slots: Slots(Vec::new()),
            vacant: None,
            len: 0,
        }
    }
}

impl<V> Slab<V> {
    /// Adds a value and returns its index.
    #[inline]
    pub(super) fn insert(&mut self, value: V) -> SlabIndex {
        self.len += 1;
        if let Some(index) = self.vacant {
            let slot = self.slots.get_mut(index);
            if let SlabSlot::Vacant(next) = *slot {
                self.vacant = next;
            }
            *slot = SlabSlot::Taken(value);
            return index;
        }
        self.slots.push(SlabSlot::Taken(value))
    }

    /// Removes a value.
    ///
    /// # Panics
    ///
    /// Panics if the index is not good.
    #[inline]
    pub(super) fn remove(&mut self, index: SlabIndex) -> V {
        let slot = self.slots.get_mut(index);
        let SlabSlot::Taken(value) = std::mem::replace(slot, SlabSlot::Vacant(self.vacant)) else {
            unreachable!("whoever keeps an index keeps its value");
        };
        self.vacant = Some(index);
        self.len -= 1;
        value
    }

    /// Returns a value.
    ///
    /// # Panics
    ///
    /// Panics if the index is not good, as [`get_mut`](Self::get_mut) does.
    #[inline]
    pub(super) fn get(&self, index: SlabIndex) -> &V {
        match self.slots.get(index) {
            SlabSlot::Taken(value) => value,
            SlabSlot::Vacant(_) => unreachable!("whoever keeps an index keeps its value"),
        }
    }

    /// Returns a value, to be changed.
    #[inline]
    pub(super) fn get_mut(&mut self, index: SlabIndex) -> &mut V {
        match self.slots.get_mut(index) {
            SlabSlot::Taken(value) => value,
            SlabSlot::Vacant(_) => unreachable!("whoever keeps an index keeps its value"),
        }
    }

    /// Returns the values with their indices.
    pub(super) fn iter(&self) -> impl Iterator<Item = (SlabIndex, &V)> {
        let slots = self.slots.0.iter().flatten().enumerate();
        slots.filter_map(|(slot, value)| match value {
            SlabSlot::Taken(value) => Some((SlabIndex::of(slot), value)),
            SlabSlot::Vacant(_) => None,
        })
    }

    /// Returns the values, to be changed.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        let slots = self.slots.0.iter_mut().flatten();
        slots.filter_map(|slot| match slot {
            SlabSlot::Taken(value) => Some(value),
            SlabSlot::Vacant(_) => None,
        })
    }

    /// Removes all values.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = V> + use<V> {
        let Self { slots, .. } = std::mem::take(self);
        let slots = slots.0.into_iter().flatten();
        slots.filter_map(|slot| match slot {
            SlabSlot::Taken(value) => Some(value),
            SlabSlot::Vacant(_) => None,
        })
    }

    /// Returns how many values there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Returns true if much of the memory is vacant.
    #[inline]
    pub(super) fn is_wasteful(&self) -> bool {
        is_wasteful(self.len, self.slots.capacity())
    }

    /// Moves the values closer together if much of the memory is vacant.
    ///
    /// `indices` are those of all values, and are the new ones then. The others have to
    /// follow the moves.
    pub(super) fn compact<'a>(
        &mut self,
        indices: impl IntoIterator<Item = &'a mut SlabIndex>,
    ) -> Option<Moves<V>> {
        if !self.is_wasteful() {
            return None;
        }
        let mut moves = std::mem::replace(&mut self.slots, Slots(Vec::new()));
        self.vacant = None;
        for index in indices {
            let slot = moves.get_mut(*index);
            let value = std::mem::replace(slot, SlabSlot::Vacant(None));
            *index = self.slots.push(value);
            *slot = SlabSlot::Vacant(Some(*index));
        }
        Some(Moves(moves))
    }
}

impl<V> Slots<V> {
    #[inline]
    fn push(&mut self, slot: SlabSlot<V>) -> SlabIndex {
        let full = self.0.len().saturating_sub(1);
        match self.0.last_mut() {
            Some(last) if last.len() < CHUNK => {
                last.push(slot);
                SlabIndex::of(full * CHUNK + last.len() - 1)
            }
            _ => self.push_chunk(slot),
        }
    }

    #[cold]
    fn push_chunk(&mut self, slot: SlabSlot<V>) -> SlabIndex {
        // The first begins small, as most queues are.
        let first = Vec::with_capacity(if self.0.is_empty() { 4 } else { CHUNK });
        self.0.push(first);
        self.push(slot)
    }

    #[inline]
    fn get(&self, index: SlabIndex) -> &SlabSlot<V> {
        &self.0[index.slot() / CHUNK][index.slot() % CHUNK]
    }

    #[inline]
    fn get_mut(&mut self, index: SlabIndex) -> &mut SlabSlot<V> {
        &mut self.0[index.slot() / CHUNK][index.slot() % CHUNK]
    }

    fn capacity(&self) -> usize {
        match &*self.0 {
            [only] => only.capacity(),
            chunks => chunks.len() * CHUNK,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::SMALL;

    #[test]
    fn vacant_slot_is_taken_again() {
        let mut slab = Slab::default();
        let first = slab.insert("first");
        let second = slab.insert("second");

        assert_eq!(slab.remove(first), "first");
        let third = slab.insert("third");

        assert_eq!(third, first);
        assert_eq!((*slab.get(second), *slab.get(third)), ("second", "third"));
        assert_eq!(slab.len(), 2);
    }

    #[test]
    fn compacted_slab_keeps_its_values_and_gives_its_memory_back() {
        let mut slab = Slab::default();
        let mut indices: Vec<SlabIndex> = (0..1000).map(|value| slab.insert(value)).collect();
        for index in indices.drain(10..) {
            slab.remove(index);
        }
        let before = indices.clone();

        let moves = slab.compact(&mut indices).expect("most of it is vacant");

        assert!(
            before
                .iter()
                .map(|&index| moves.follow(index))
                .eq(indices.iter().copied())
        );
        assert!(indices.iter().map(|&index| *slab.get(index)).eq(0..10));
        assert!(slab.slots.capacity() <= SMALL);
        assert!(slab.compact(&mut indices).is_none());
    }
}
