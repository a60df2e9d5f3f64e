//! Every object, and what happened to it lately: one counter of versions, one history.
//!
//! The history serves three: watches read it forwards, lists of an older version undo it, and what
//! both may ask for ends where it was compacted.

mod stored;
mod table;

use std::{collections::VecDeque, ops::Bound, sync::Arc, time::Duration};

use tokio::{sync::Notify, time::Instant};

use self::table::Table;

pub(crate) use self::{
    stored::{Stored, key},
    table::{Change, ChangeKind},
};

/// A resource's place in the storage; cheap to copy, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TableId(usize);

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
    tables: Vec<Table>,
    /// The version of the last change.
    revision: u64,
    /// Changes up to this version are forgotten; the state right after it can still be listed.
    compacted: u64,
    /// The remembered changes in their order, each with its time and table.
    log: VecDeque<(Instant, TableId)>,
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
            tables: Vec::new(),
            revision: 1, // As a new etcd: `"0"` is never an object's version.
            compacted: 0,
            log: VecDeque::new(),
            retention,
        }
    }

    /// Makes an empty table.
    pub(crate) fn add_table(&mut self) -> TableId {
        self.tables.push(Table::default());
        TableId(self.tables.len() - 1)
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
    pub(crate) fn get(&self, table: TableId, key: &str) -> Option<&Arc<Stored>> {
        self.table(table).get(key)
    }

    /// Returns the object as a view shows it.
    pub(crate) fn get_in(
        &self,
        table: TableId,
        key: &str,
        view: View,
    ) -> Result<Option<Arc<Stored>>, Compacted> {
        let head = view.head(self.revision);
        if head == self.revision {
            return Ok(self.get(table, key).cloned());
        }
        let range = (Bound::Included(key), Bound::Included(key));
        Ok(self.list_at(table, head, range)?.next().cloned())
    }

    /// Returns the objects of a range of keys, in order, as they were when `revision` was the last
    /// version.
    pub(crate) fn list_at<'a>(
        &'a self,
        table: TableId,
        revision: u64,
        range: (Bound<&'a str>, Bound<&'a str>),
    ) -> Result<impl Iterator<Item = &'a Arc<Stored>>, Compacted> {
        if revision < self.compacted {
            return Err(Compacted);
        }
        Ok(self.table(table).list_at(revision, range))
    }

    /// Returns the objects of a table as they are now, in order.
    pub(crate) fn iter(&self, table: TableId) -> impl Iterator<Item = &Arc<Stored>> {
        self.table(table).iter()
    }

    /// Returns the changes of a table after `revision`, the oldest first.
    pub(crate) fn changes_after(
        &self,
        table: TableId,
        revision: u64,
    ) -> Result<impl Iterator<Item = &Change>, Compacted> {
        if revision < self.compacted {
            return Err(Compacted);
        }
        Ok(self.table(table).changes_after(revision))
    }

    /// Returns true if a table changed after `revision`, up to `head`.
    pub(crate) fn has_changed(&self, table: TableId, revision: u64, head: u64) -> bool {
        self.table(table).has_changed(revision, head)
    }

    /// Returns what is notified after each change of a table.
    pub(crate) fn changed(&self, table: TableId) -> Arc<Notify> {
        self.table(table).changed()
    }

    /// Wakes everything that waits for a table, though nothing changed.
    pub(crate) fn wake_all(&self) {
        for table in &self.tables {
            table.wake();
        }
    }

    /// Creates or replaces the object; its version must be the next one.
    pub(crate) fn put(&mut self, table: TableId, object: Stored) -> Arc<Stored> {
        let object = Arc::new(object);
        self.advance(table, object.revision());
        self.tables[table.0].put(Arc::clone(&object));
        object
    }

    /// Removes the object; `last` is its last state under the next version.
    ///
    /// # Panics
    ///
    /// Panics if there is no such object.
    pub(crate) fn remove(&mut self, table: TableId, last: Stored) -> Arc<Stored> {
        let last = Arc::new(last);
        self.advance(table, last.revision());
        self.tables[table.0].remove(Arc::clone(&last));
        last
    }

    /// Forgets all changes up to `revision`, or all there are.
    pub(crate) fn compact(&mut self, revision: u64) {
        while let Some(&(_, table)) = self.log.front() {
            if self.tables[table.0].first_change() > revision {
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

    fn advance(&mut self, table: TableId, revision: u64) {
        assert_eq!(revision, self.revision + 1, "versions have no gaps");
        self.revision = revision;
        let now = Instant::now();
        self.log.push_back((now, table));
        while self.log.len() > self.retention.changes {
            self.forget_oldest();
        }
        self.expire(now);
    }

    fn forget_oldest(&mut self) {
        let Some((_, table)) = self.log.pop_front() else {
            return;
        };
        if let Some(revision) = self.tables[table.0].forget_oldest() {
            self.compacted = self.compacted.max(revision);
        }
    }

    fn table(&self, id: TableId) -> &Table {
        &self.tables[id.0]
    }
}

#[cfg(test)]
mod tests;
