//! Every object, and what happened to it lately: one counter of versions, one history.
//!
//! The history serves three: watches read it forwards, lists of an older version undo it, and what
//! both may ask for ends where it was compacted.

mod rack;
mod stored;

use std::{collections::VecDeque, ops::Bound, sync::Arc, time::Duration};

use tokio::{sync::Notify, time::Instant};

use self::rack::Rack;

pub(crate) use self::{
    rack::{Change, ChangeKind},
    stored::{Stored, key},
};

/// A resource's place in the storage; cheap to copy, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RackId(usize);

/// How much history is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retention {
    /// Changes in all, at most.
    pub(crate) changes: usize,
    /// How old a change may get.
    pub(crate) age: Duration,
}

/// Every object and its recent history.
#[derive(Debug)]
pub(crate) struct Storage {
    racks: Vec<Rack>,
    /// The version of the last change.
    revision: u64,
    /// Changes up to this version are forgotten; the state right after it can still be listed.
    compacted: u64,
    /// The remembered changes in their order, each with its time and rack.
    log: VecDeque<(Instant, RackId)>,
    retention: Retention,
}

/// What a list or watch may see: everything, or only what had happened by a version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct View(Option<u64>);

impl View {
    /// Sees everything.
    pub(crate) const LIVE: Self = Self(None);

    /// Sees what had happened when `revision` was the last version.
    pub(crate) fn frozen_at(revision: u64) -> Self {
        Self(Some(revision))
    }

    /// Returns the last version that this view shows of a storage at `revision`.
    pub(crate) fn head(self, revision: u64) -> u64 {
        self.0.map_or(revision, |limit| limit.min(revision))
    }
}

/// The history at the version that was asked for is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Compacted;

impl Storage {
    pub(crate) fn new(retention: Retention) -> Self {
        Self {
            racks: Vec::new(),
            revision: 1, // As a new etcd: `"0"` is never an object's version.
            compacted: 0,
            log: VecDeque::new(),
            retention,
        }
    }

    /// Makes an empty rack.
    pub(crate) fn add_rack(&mut self) -> RackId {
        self.racks.push(Rack::default());
        RackId(self.racks.len() - 1)
    }

    /// Returns the version of the last change.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Returns the version that the next change will have.
    pub(crate) fn next_revision(&self) -> u64 {
        self.revision + 1
    }

    /// Returns the version up to which changes are forgotten.
    pub(crate) fn compacted(&self) -> u64 {
        self.compacted
    }

    /// Returns the object as it is now.
    pub(crate) fn get(&self, rack: RackId, key: &str) -> Option<&Arc<Stored>> {
        self.rack(rack).get(key)
    }

    /// Returns the object as a view shows it.
    pub(crate) fn get_in(
        &self,
        rack: RackId,
        key: &str,
        view: View,
    ) -> Result<Option<Arc<Stored>>, Compacted> {
        let head = view.head(self.revision);
        if head == self.revision {
            return Ok(self.get(rack, key).cloned());
        }
        let range = (Bound::Included(key), Bound::Included(key));
        Ok(self.list_at(rack, head, range)?.next().cloned())
    }

    /// Returns the objects of a range of keys, in order, as they were when `revision` was the last
    /// version.
    pub(crate) fn list_at<'a>(
        &'a self,
        rack: RackId,
        revision: u64,
        range: (Bound<&'a str>, Bound<&'a str>),
    ) -> Result<impl Iterator<Item = &'a Arc<Stored>>, Compacted> {
        if revision < self.compacted {
            return Err(Compacted);
        }
        Ok(self.rack(rack).list_at(revision, range))
    }

    /// Returns the objects of a rack as they are now, in order.
    pub(crate) fn iter(&self, rack: RackId) -> impl Iterator<Item = &Arc<Stored>> {
        self.rack(rack).iter()
    }

    /// Returns the changes of a rack after `revision`, the oldest first.
    pub(crate) fn changes_after(
        &self,
        rack: RackId,
        revision: u64,
    ) -> Result<impl Iterator<Item = &Change>, Compacted> {
        if revision < self.compacted {
            return Err(Compacted);
        }
        Ok(self.rack(rack).changes_after(revision))
    }

    /// Returns true if a rack changed after `revision`, up to `head`.
    pub(crate) fn has_changed(&self, rack: RackId, revision: u64, head: u64) -> bool {
        self.rack(rack).has_changed(revision, head)
    }

    /// Returns what is notified after each change of a rack.
    pub(crate) fn changed(&self, rack: RackId) -> Arc<Notify> {
        self.rack(rack).changed()
    }

    /// Wakes whoever waits for any rack, though nothing changed.
    pub(crate) fn wake_all(&self) {
        for rack in &self.racks {
            rack.wake();
        }
    }

    /// Creates or replaces the object; its version must be the next one.
    pub(crate) fn put(&mut self, rack: RackId, object: Stored) -> Arc<Stored> {
        let object = Arc::new(object);
        self.advance(rack, object.revision());
        self.racks[rack.0].put(Arc::clone(&object));
        object
    }

    /// Removes the object; `last` is its last state under the next version.
    ///
    /// # Panics
    ///
    /// Panics if there is no such object.
    pub(crate) fn remove(&mut self, rack: RackId, last: Stored) -> Arc<Stored> {
        let last = Arc::new(last);
        self.advance(rack, last.revision());
        self.racks[rack.0].remove(Arc::clone(&last));
        last
    }

    /// Forgets all changes up to `revision`, or all there are.
    pub(crate) fn compact(&mut self, revision: u64) {
        while let Some(&(_, rack)) = self.log.front() {
            if self.racks[rack.0].first_change() > revision {
                break;
            }
            self.forget_oldest();
        }
        self.compacted = self.compacted.max(revision.min(self.revision));
        self.wake_all();
    }

    /// Forgets what is older than the retention allows.
    pub(crate) fn expire(&mut self, now: Instant) {
        let Some(limit) = now.checked_sub(self.retention.age) else {
            return;
        };
        while self.log.front().is_some_and(|&(at, _)| at < limit) {
            self.forget_oldest();
        }
    }

    fn advance(&mut self, rack: RackId, revision: u64) {
        assert_eq!(revision, self.revision + 1, "versions have no gaps");
        self.revision = revision;
        let now = Instant::now();
        self.log.push_back((now, rack));
        while self.log.len() > self.retention.changes {
            self.forget_oldest();
        }
        self.expire(now);
    }

    fn forget_oldest(&mut self) {
        let Some((_, rack)) = self.log.pop_front() else {
            return;
        };
        if let Some(revision) = self.racks[rack.0].forget_oldest() {
            self.compacted = self.compacted.max(revision);
        }
    }

    fn rack(&self, id: RackId) -> &Rack {
        &self.racks[id.0]
    }
}

#[cfg(test)]
mod tests;
