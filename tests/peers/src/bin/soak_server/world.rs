//! The objects, and the last changes of them: no I/O and no clock.

use std::collections::VecDeque;

use fastrand::Rng;
use kubehandler_peers::pods::Revision;

/// The version before the first change; those of a real cluster are as long.
const FIRST_VERSION: u64 = 10_000_000;

/// One change in this many replaces an object with another: a deletion and an addition.
const REPLACED: u32 = 50;

/// One revision in this many has a long note.
const LONG: u32 = 100;

const SHORT_NOTE: u32 = 1_024;
const LONG_NOTE: u32 = 16_384;

/// What has happened to an object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) kind: &'static str,
    pub(crate) revision: Revision,
}

/// All objects in their last revisions, and the changes that watches can still ask for.
///
/// Each change has the version after that of the one before, so that a version is a place in the history.
#[derive(Debug)]
pub(crate) struct World {
    objects: Vec<Revision>,
    history: VecDeque<Change>,
    /// How many changes the history keeps.
    kept: usize,
    version: u64,
    next_index: u32,
    random: Rng,
}

impl World {
    pub(crate) fn new(objects: u32, kept: usize, seed: u64) -> Self {
        let mut world = Self {
            objects: Vec::new(),
            history: VecDeque::new(),
            kept,
            version: FIRST_VERSION,
            next_index: 0,
            random: Rng::with_seed(seed),
        };
        world.objects = (0..objects).map(|_| world.new_object()).collect();
        world
    }

    /// Returns the version of the last change.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn objects(&self) -> &[Revision] {
        &self.objects
    }

    /// Changes an object; returns how many changes that is.
    pub(crate) fn change(&mut self) -> usize {
        let at = self.random.usize(..self.objects.len());
        let old = self.objects[at];
        self.version += 1;
        if self.random.u32(..REPLACED) == 0 {
            let version = self.version;
            self.record("DELETED", Revision { version, ..old });
            self.version += 1;
            self.objects[at] = self.new_object();
            self.record("ADDED", self.objects[at]);
            return 2;
        }
        self.objects[at] = Revision {
            round: old.round + 1,
            version: self.version,
            note: self.note(),
            ..old
        };
        self.record("MODIFIED", self.objects[at]);
        1
    }

    /// Returns the last `count` changes.
    pub(crate) fn last(&self, count: usize) -> impl Iterator<Item = Change> {
        let first = self.history.len().saturating_sub(count);
        self.history.range(first..).copied()
    }

    /// Returns up to `most` changes after a version; `None` if the history does not reach back to it.
    pub(crate) fn after(&self, version: u64, most: usize) -> Option<Vec<Change>> {
        let missing = usize::try_from(self.version.checked_sub(version)?).ok()?;
        let first = self.history.len().checked_sub(missing)?;
        Some(self.history.range(first..).take(most).copied().collect())
    }

    fn record(&mut self, kind: &'static str, revision: Revision) {
        if self.history.len() == self.kept {
            self.history.pop_front();
        }
        self.history.push_back(Change { kind, revision });
    }

    fn new_object(&mut self) -> Revision {
        let index = self.next_index;
        self.next_index += 1;
        Revision {
            index,
            round: 0,
            version: self.version,
            note: self.note(),
        }
    }

    /// Objects differ in size, so that memory that was freed does not fit the next object by itself.
    fn note(&mut self) -> u32 {
        let most = if self.random.u32(..LONG) == 0 {
            LONG_NOTE
        } else {
            SHORT_NOTE
        };
        self.random.u32(..most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_a_place_in_the_history() {
        let mut world = World::new(10, 100, 7);
        let start = world.version();

        let changes: usize = (0..200).map(|_| world.change()).sum();

        assert_eq!(world.version(), start + changes as u64);
        assert!(world.after(start, 1).is_none(), "it is too long ago");
        assert!(
            world.after(world.version() + 1, 1).is_none(),
            "it is to come"
        );
        let last = world.after(world.version() - 30, 20).expect("it is there");
        let versions = last.iter().map(|change| change.revision.version);
        let first = world.version() - 29;
        assert!(versions.eq(first..first + 20));
    }

    #[test]
    fn there_are_always_as_many_objects() {
        let mut world = World::new(50, 1_000, 7);

        for _ in 0..1_000 {
            world.change();
        }

        let deleted = world.last(1_000).filter(|change| change.kind == "DELETED");
        let deleted = u32::try_from(deleted.count()).expect("at most 1,000");
        assert!(deleted > 0);
        assert!(
            world
                .objects()
                .iter()
                .all(|object| object.index < 50 + 2 * deleted)
        );
        assert_eq!(world.objects().len(), 50);
    }
}
