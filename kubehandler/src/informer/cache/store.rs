//! The local copy of the objects, and what each event or list changes in it.
//!
//! Pure: no clock, no lock, no I/O. Every change of the store is returned as the deltas
//! that make a subscriber's copy equal to it; where nothing changes there is no delta.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use hashbrown::{HashTable, hash_table::Entry};
use kubehandler_queue::__private::memory::{reuse_room, shrink_table};
use smallvec::smallvec;

use crate::informer::{
    cache::delta::{Delta, Deltas},
    object::stored::Stored,
    wire::version,
};

/// The objects of one informer.
#[derive(Debug, Default)]
pub(crate) struct Store {
    objects: HashTable<StoreSlot>,
    hasher: RandomState,
    /// Counts the lists that were begun.
    list: u32,
    has_synced: bool,
}

#[derive(Debug)]
struct StoreSlot {
    object: Stored,
    /// The last list that had the object.
    list: u32,
}

/// Why an event or an item of a list does not fit what the store knows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// It is older than the object of this name.
    Older { got: String, seen: String },
    /// The object that was deleted is not the one known by this name.
    OtherUid,
}

impl Store {
    pub(crate) fn get(&self, key: &str) -> Option<&Stored> {
        let slot = self.objects.find(self.hash(key), is_of(key));
        slot.map(|slot| &slot.object)
    }

    /// Returns the objects, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Stored> {
        self.objects.iter().map(|slot| &slot.object)
    }

    /// Returns this number of objects from all over the store, or all if there are fewer.
    pub(crate) fn sample(&self, objects: usize) -> Vec<Stored> {
        let step = (self.len() / objects).max(1);
        self.iter().step_by(step).take(objects).cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.objects.len()
    }

    /// Returns true once a list was committed.
    pub(crate) fn has_synced(&self) -> bool {
        self.has_synced
    }

    /// Takes the state of an object that is in the view.
    pub(crate) fn upsert(&mut self, object: Stored) -> Result<Deltas, Misfit> {
        if let Some(known) = self.get(object.key()) {
            if known.is_same_version(&object) {
                return Ok(Deltas::new());
            }
            fits(known, &object)?;
        }
        Ok(self.put(object))
    }

    /// Takes the last state of an object that left the view.
    pub(crate) fn remove(&mut self, last: Stored) -> Result<Deltas, Misfit> {
        let key = last.key();
        let hash = self.hash(key);
        let Ok(slot) = self.objects.find_entry(hash, is_of(key)) else {
            return Ok(Deltas::new());
        };
        // An older object's end came after a newer one's start: something between was missed.
        let known = &slot.get().object;
        if known.uid() != last.uid() {
            return Err(Misfit::OtherUid);
        }
        fits(known, &last)?;
        slot.remove();
        self.shrink();
        Ok(smallvec![Delta::Remove { last }])
    }

    /// Begins a list: what is not [listed](Self::list) or [kept](Self::keep) by its end is
    /// [missing](Self::missing).
    ///
    /// A list that was begun before and not committed counts no more.
    pub(crate) fn begin_list(&mut self) {
        self.list = self.list.wrapping_add(1);
    }

    /// Takes an object of the list; `is_truth` if it counts whatever was seen before.
    ///
    /// It shows at once: a list then needs no second copy of the store. Before the first list is
    /// complete nobody is told to act on it; later ones bring what a watch would have brought.
    pub(crate) fn list(&mut self, object: Stored, is_truth: bool) -> Result<Deltas, Misfit> {
        let key = object.key();
        if let Some(known) = self.get(key) {
            if known.is_same_version(&object) {
                self.keep(key);
                return Ok(Deltas::new());
            }
            if !is_truth {
                fits(known, &object)?;
            }
        }
        Ok(self.put(object))
    }

    /// Notes that the list has the object as it is, or in a state that cannot be read.
    pub(crate) fn keep(&mut self, key: &str) {
        let list = self.list;
        if let Some(slot) = self.objects.find_mut(self.hash(key), is_of(key)) {
            slot.list = list;
        }
    }

    /// Returns the objects that the list did not have, once all of it has come.
    pub(crate) fn missing(&self) -> Vec<Stored> {
        let missing = self.objects.iter().filter(|slot| slot.list != self.list);
        missing.map(|slot| slot.object.clone()).collect()
    }

    /// Removes an object that the list did not have, with the last state known.
    pub(crate) fn vanish(&mut self, missing: &Stored) -> Deltas {
        let current = self.list;
        let is_missing =
            |slot: &StoreSlot| slot.list != current && slot.object.key() == missing.key();
        let Ok(slot) = self
            .objects
            .find_entry(self.hash(missing.key()), is_missing)
        else {
            return Deltas::new();
        };
        let (StoreSlot { object: last, .. }, _) = slot.remove();
        self.shrink();
        smallvec![Delta::Remove { last }]
    }

    /// Ends the list, whose [missing](Self::missing) objects have vanished.
    pub(crate) fn commit(&mut self) {
        self.has_synced = true;
    }

    /// Puts an object in its place. An event while a list is coming counts for that list.
    fn put(&mut self, object: Stored) -> Deltas {
        let initial = !self.has_synced;
        let hash = self.hash(object.key());
        let slot = StoreSlot {
            object: object.clone(),
            list: self.list,
        };
        let mut deltas = Deltas::new();
        let hasher = &self.hasher;
        let rehash = |slot: &StoreSlot| hasher.hash_one(slot.object.key());
        reuse_room(&mut self.objects, rehash);
        match self.objects.entry(hash, is_of(object.key()), rehash) {
            Entry::Occupied(mut known) => {
                let StoreSlot { object: last, .. } = std::mem::replace(known.get_mut(), slot);
                if last.uid() != object.uid() {
                    deltas.push(Delta::Remove { last });
                }
            }
            Entry::Vacant(vacant) => drop(vacant.insert(slot)),
        }
        deltas.push(Delta::Upsert { object, initial });
        deltas
    }

    /// Gives memory back after many objects have left.
    fn shrink(&mut self) {
        let hasher = &self.hasher;
        shrink_table(&mut self.objects, |slot| hasher.hash_one(slot.object.key()));
    }

    fn hash(&self, key: &str) -> u64 {
        self.hasher.hash_one(key)
    }
}

fn is_of(key: &str) -> impl Fn(&StoreSlot) -> bool {
    move |slot| slot.object.key() == key
}

/// Fails if `object` is an older version than the object that is `known`.
fn fits(known: &Stored, object: &Stored) -> Result<(), Misfit> {
    if version::is_older(object.resource_version(), known.resource_version()) {
        return Err(Misfit::Older {
            got: object.resource_version().to_owned(),
            seen: known.resource_version().to_owned(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
