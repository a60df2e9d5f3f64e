//! What a mapped source has changed, and its function has not mapped yet.
//!
//! Pure. A callback that ran meanwhile may have read any state of the other object, from its informer's
//! store. So each state is mapped, also one that is gone again, and not the newest alone. Of one
//! object a few states are kept; when more come before its turn, all objects of the lane are due instead.

use std::{
    collections::{HashMap, VecDeque},
    hash::BuildHasher,
};

use foldhash::quality::RandomState;
use hashbrown::{HashTable, hash_table::Entry};
use kubehandler_queue::__private::memory::{reuse_room, shrink, shrink_table};
use smallvec::{SmallVec, smallvec};

use crate::{
    informer::{Delta, Stored},
    object_key::ObjectKey,
};

/// At most this many states of one object wait to be mapped.
const STATES: usize = 8;

/// The changes of a source that wait to be mapped, in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct Unmapped {
    /// The objects in view, in their last state: a word each.
    known: HashTable<Stored>,
    hasher: RandomState,
    changes: HashMap<ObjectKey, PendingChange, RandomState>,
    order: VecDeque<ObjectKey>,
}

/// What has happened to one object since it was mapped last.
#[derive(Debug)]
pub(super) struct PendingChange {
    /// The state that was mapped last, and each since then; none where the object is not in view.
    states: SmallVec<[Option<Stored>; 2]>,
    /// All of it came with the first list.
    is_initial: bool,
    /// States are missing: what they would be mapped to is not known.
    is_incomplete: bool,
}

impl PendingChange {
    /// Returns each step: the state before, and the state after.
    pub(super) fn steps(&self) -> impl Iterator<Item = (Option<&Stored>, Option<&Stored>)> {
        let steps = self.states.windows(2);
        steps.map(|step| (step[0].as_ref(), step[1].as_ref()))
    }

    /// Returns the states, the oldest first.
    pub(super) fn states(&self) -> impl Iterator<Item = &Stored> {
        self.states.iter().flatten()
    }

    pub(super) fn is_initial(&self) -> bool {
        self.is_initial
    }

    pub(super) fn is_incomplete(&self) -> bool {
        self.is_incomplete
    }

    fn add(&mut self, state: Option<Stored>, is_initial: bool) {
        self.is_initial &= is_initial;
        if self.states.len() > STATES {
            self.is_incomplete = true;
            self.states.pop();
        }
        self.states.push(state);
    }
}

impl Unmapped {
    /// Takes a change of an object; returns true if none of it was waiting.
    pub(super) fn apply(&mut self, delta: &Delta) -> bool {
        let (object, state, is_initial) = match delta {
            Delta::Upsert { object, initial } => (object, Some(object.clone()), *initial),
            Delta::Remove { last } => (last, None, false),
        };
        let before = self.replace(object.key(), state.clone());
        // The last state of an object that is gone may be newer than the one that is known.
        let is_same = |before: &Stored| before.is_same_version(object);
        let is_known = state.is_some() || before.as_ref().is_some_and(is_same);
        let last = (!is_known).then(|| Some(object.clone()));
        let key = object.to_key();
        let is_new = !self.changes.contains_key(&key);
        if is_new {
            self.order.push_back(key.clone());
        }
        let change = self.changes.entry(key).or_insert_with(|| PendingChange {
            states: smallvec![before],
            is_initial: true,
            is_incomplete: false,
        });
        for state in last.into_iter().chain([state]) {
            change.add(state, is_initial);
        }
        is_new
    }

    /// Takes the change that began first.
    pub(super) fn take(&mut self) -> Option<(ObjectKey, PendingChange)> {
        let key = self.order.pop_front()?;
        let change = self.changes.remove_entry(&key);
        shrink(&mut self.changes);
        if self.order.is_empty() {
            self.order = VecDeque::new(); // As large as the first list was.
        }
        change
    }

    /// Puts the new state of an object in place of the last; returns the last.
    fn replace(&mut self, key: &str, state: Option<Stored>) -> Option<Stored> {
        let hash = self.hasher.hash_one(key);
        let hasher = &self.hasher;
        let rehash = |known: &Stored| hasher.hash_one(known.key());
        reuse_room(&mut self.known, rehash);
        let entry = self.known.entry(hash, |known| known.key() == key, rehash);
        match (entry, state) {
            (Entry::Occupied(mut known), Some(state)) => {
                Some(std::mem::replace(known.get_mut(), state))
            }
            (Entry::Occupied(known), None) => {
                let (last, _) = known.remove();
                shrink_table(&mut self.known, rehash);
                Some(last)
            }
            (Entry::Vacant(vacant), Some(state)) => {
                vacant.insert(state);
                None
            }
            (Entry::Vacant(_), None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(version: usize) -> Stored {
        Stored::of("default/s", "uid", &version.to_string(), false, "{}")
    }

    fn upsert(version: usize) -> Delta {
        Delta::Upsert {
            object: stored(version),
            initial: version == 0,
        }
    }

    /// The versions of each step of the change that is next.
    fn steps(unmapped: &mut Unmapped) -> Vec<(String, String)> {
        let version = |state: Option<&Stored>| {
            state.map_or_else(String::new, |state| state.resource_version().to_owned())
        };
        let change = unmapped.take().map(|(_, change)| change);
        let change = change.expect("there is one");
        let steps = change
            .steps()
            .map(|(old, new)| (version(old), version(new)));
        steps.collect()
    }

    fn step(old: &str, new: &str) -> (String, String) {
        (old.to_owned(), new.to_owned())
    }

    #[test]
    fn each_state_is_mapped_though_they_came_together() {
        let mut unmapped = Unmapped::default();

        assert!(unmapped.apply(&upsert(1)));
        assert!(!unmapped.apply(&upsert(2)));
        assert_eq!(steps(&mut unmapped), [step("", "1"), step("1", "2")]);

        assert!(unmapped.apply(&upsert(3)));
        assert!(!unmapped.apply(&Delta::Remove { last: stored(3) }));
        assert_eq!(steps(&mut unmapped), [step("2", "3"), step("3", "")]);
        assert!(unmapped.take().is_none());
    }

    #[test]
    fn object_that_came_and_went_is_mapped() {
        let mut unmapped = Unmapped::default();

        unmapped.apply(&upsert(1));
        unmapped.apply(&Delta::Remove { last: stored(1) });

        assert_eq!(steps(&mut unmapped), [step("", "1"), step("1", "")]);
    }

    #[test]
    fn last_state_of_an_object_that_is_gone_is_mapped_too() {
        let mut unmapped = Unmapped::default();
        unmapped.apply(&upsert(1));
        unmapped.take();

        unmapped.apply(&Delta::Remove { last: stored(2) });

        assert_eq!(steps(&mut unmapped), [step("1", "2"), step("2", "")]);
    }

    #[test]
    fn object_that_changes_all_the_time_keeps_a_few_states_and_says_so() {
        let mut unmapped = Unmapped::default();

        for version in 1..=STATES {
            unmapped.apply(&upsert(version));
        }
        let change = unmapped.take().map(|(_, change)| change);
        assert!(change.is_some_and(|change| !change.is_incomplete()));

        for version in 0..1000 {
            unmapped.apply(&upsert(100 + version));
        }
        let (_, change) = unmapped.take().expect("it changed");
        assert!(change.is_incomplete());
        assert_eq!(change.steps().count(), STATES);
        let last = change.steps().last().and_then(|(_, new)| new.cloned());
        assert!(last.is_some_and(|last| last.resource_version() == "1099"));
    }

    #[test]
    fn change_is_initial_until_the_object_changes_again() {
        let mut unmapped = Unmapped::default();

        unmapped.apply(&upsert(0));
        unmapped.apply(&upsert(1));

        let change = unmapped.take().map(|(_, change)| change);
        assert!(change.is_some_and(|change| !change.is_initial()));
    }
}
