//! The local copy of the objects, and what each event or list changes in it.
//!
//! Pure: no clock, no lock, no I/O. Every change of the store is returned as the deltas
//! that make a subscriber's copy equal to it; where nothing changes there is no delta.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    informer::{codec::Item, delta::Delta, stored::Stored, version},
    object_key::ObjectKey,
};

/// The objects of one informer, in the order of their keys.
#[derive(Debug, Default)]
pub(crate) struct Store {
    objects: BTreeMap<ObjectKey, Arc<Stored>>,
    has_synced: bool,
}

/// A list that is not complete yet: nothing of it shows before [`Store::commit`].
#[derive(Debug, Default)]
pub(crate) struct Staging {
    /// `None` where the store's own object stands: a relist then costs no second copy.
    objects: BTreeMap<ObjectKey, Option<Arc<Stored>>>,
}

/// Why an event does not fit what the store knows: only a list can tell the truth.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// The event is older than the object it is for.
    Older { got: String, seen: String },
    /// The object that was deleted is not the one known by this name.
    OtherUid,
}

impl Store {
    pub(crate) fn get(&self, key: &ObjectKey) -> Option<&Arc<Stored>> {
        self.objects.get(key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ObjectKey, &Arc<Stored>)> {
        self.objects.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.objects.len()
    }

    /// Returns true once a list was committed.
    pub(crate) fn has_synced(&self) -> bool {
        self.has_synced
    }

    /// Takes the state of an object that is in the view.
    pub(crate) fn upsert(&mut self, item: Item) -> Result<Vec<Delta>, Misfit> {
        let Item { key, object } = item;
        let mut deltas = Vec::new();
        if let Some(known) = self.objects.get(&key) {
            if known.is_same_version(&object) {
                return Ok(deltas);
            }
            fits(known, &object)?;
        }
        self.put(key, Arc::new(object), false, &mut deltas);
        Ok(deltas)
    }

    /// Takes the last state of an object that left the view.
    pub(crate) fn remove(&mut self, item: Item) -> Result<Vec<Delta>, Misfit> {
        let Item { key, object } = item;
        let Some(known) = self.objects.get(&key) else {
            return Ok(Vec::new());
        };
        // An older object's end came after a newer one's start: something between was missed.
        if known.uid() != object.uid() {
            return Err(Misfit::OtherUid);
        }
        fits(known, &object)?;
        self.objects.remove(&key);
        Ok(vec![Delta::Remove {
            key,
            last: Arc::new(object),
        }])
    }

    /// Makes the store equal to a complete list.
    ///
    /// What vanished is removed, with the last state known; then the rest is put.
    pub(crate) fn commit(&mut self, staging: Staging) -> Vec<Delta> {
        let initial = !self.has_synced;
        self.has_synced = true;
        let mut deltas = Vec::new();
        self.objects.retain(|key, last| {
            let stays = staging.objects.contains_key(key);
            if !stays {
                deltas.push(Delta::Remove {
                    key: key.clone(),
                    last: last.clone(),
                });
            }
            stays
        });
        for (key, object) in staging.objects {
            if let Some(object) = object {
                self.put(key, object, initial, &mut deltas);
            }
        }
        deltas
    }

    fn put(&mut self, key: ObjectKey, object: Arc<Stored>, initial: bool, deltas: &mut Vec<Delta>) {
        let known = self.objects.insert(key.clone(), object.clone());
        if let Some(last) = known
            && last.uid() != object.uid()
        {
            deltas.push(Delta::Remove {
                key: key.clone(),
                last,
            });
        }
        deltas.push(Delta::Upsert {
            key,
            object,
            initial,
        });
    }
}

impl Staging {
    /// Takes an object of the list; `store` must not change before the commit.
    pub(crate) fn put(&mut self, item: Item, store: &Store) {
        let Item { key, object } = item;
        let is_known = store
            .get(&key)
            .is_some_and(|known| known.is_same_version(&object));
        self.objects
            .insert(key, (!is_known).then(|| Arc::new(object)));
    }

    /// Takes an object of the list that cannot be read: the store keeps what it has.
    pub(crate) fn keep(&mut self, key: ObjectKey, store: &Store) {
        if store.get(&key).is_some() {
            self.objects.entry(key).or_insert(None);
        }
    }

    /// Takes back an object that was deleted while the list was coming.
    pub(crate) fn remove(&mut self, key: &ObjectKey) {
        self.objects.remove(key);
    }

    pub(crate) fn len(&self) -> usize {
        self.objects.len()
    }
}

/// Fails if `object` is an older version of the object that is `known`.
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
