//! The objects of one resource and the changes that led to them.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    sync::Arc,
};

use tokio::sync::Notify;

use super::Stored;

/// One change of one object.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) kind: ChangeKind,
    /// The object after the change; its last state under the change's version for a removal.
    pub(crate) object: Arc<Stored>,
    /// The object before it; absent for a creation.
    pub(crate) previous: Option<Arc<Stored>>,
}

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    /// The object was created or replaced.
    Put,
    /// The object is gone.
    Remove,
}

impl Change {
    /// Returns the version that the change made.
    pub(crate) fn revision(&self) -> u64 {
        self.object.revision()
    }
}

#[derive(Debug, Default)]
pub(super) struct Table {
    /// By key, in the order in which lists are paged.
    objects: BTreeMap<Arc<str>, Arc<Stored>>,
    /// In order; undone from its end it leads back to any version that is not compacted.
    history: VecDeque<Change>,
    /// The version of the last change that is no longer in the history.
    forgotten: u64,
    /// Notified after each change.
    changed: Arc<Notify>,
}

impl Table {
    pub(super) fn get(&self, key: &str) -> Option<&Arc<Stored>> {
        self.objects.get(key)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Stored>> {
        self.objects.values()
    }

    /// The range as it was at `revision`: today's objects with all later changes undone.
    pub(super) fn list_at<'a>(
        &'a self,
        revision: u64,
        range: (Bound<&'a str>, Bound<&'a str>),
    ) -> impl Iterator<Item = &'a Arc<Stored>> {
        let mut undone = BTreeMap::new();
        let later = self.history.iter().rev();
        for change in later.take_while(|change| change.revision() > revision) {
            let key = change.object.key();
            if contains(range, key) {
                undone.insert(key, change.previous.as_ref());
            }
        }
        let mut undone = undone.into_iter().peekable();
        let mut today = self.objects.range::<str, _>(range).peekable();
        std::iter::from_fn(move || {
            loop {
                let today_key = today.peek().map(|(key, _)| &***key);
                let undone_key = undone.peek().map(|(key, _)| *key);
                match (today_key, undone_key) {
                    (None, None) => return None,
                    (Some(key), then) if then.is_none_or(|then| key < then) => {
                        return today.next().map(|(_, object)| object);
                    }
                    (now, then) => {
                        if now == then {
                            today.next();
                        }
                        if let Some((_, Some(object))) = undone.next() {
                            return Some(object);
                        }
                    }
                }
            }
        })
    }

    pub(super) fn changes_after(&self, revision: u64) -> impl Iterator<Item = &Change> {
        let start = self
            .history
            .partition_point(|change| change.revision() <= revision);
        self.history.range(start..)
    }

    pub(super) fn first_change(&self) -> u64 {
        self.history.front().map_or(0, Change::revision)
    }

    /// Returns true if there was a change after `revision`, up to `head`, remembered or not.
    pub(super) fn has_changed(&self, revision: u64, head: u64) -> bool {
        let is_forgotten = self.forgotten > revision;
        let next = self.changes_after(revision).next();
        is_forgotten || next.is_some_and(|change| change.revision() <= head)
    }

    pub(super) fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.changed)
    }

    pub(super) fn wake(&self) {
        self.changed.notify_waiters();
    }

    pub(super) fn put(&mut self, object: Arc<Stored>) {
        let previous = self
            .objects
            .insert(object.shared_key(), Arc::clone(&object));
        self.push(Change {
            kind: ChangeKind::Put,
            object,
            previous,
        });
    }

    pub(super) fn remove(&mut self, last: Arc<Stored>) {
        let previous = self.objects.remove(last.key());
        assert!(previous.is_some(), "only what is there is removed");
        self.push(Change {
            kind: ChangeKind::Remove,
            object: last,
            previous,
        });
    }

    /// Forgets the oldest change and returns its version.
    pub(super) fn forget_oldest(&mut self) -> Option<u64> {
        let revision = self.history.pop_front()?.revision();
        self.forgotten = revision;
        Some(revision)
    }

    fn push(&mut self, change: Change) {
        self.history.push_back(change);
        self.wake();
    }
}

fn contains((start, end): (Bound<&str>, Bound<&str>), key: &str) -> bool {
    let is_after_start = match start {
        Bound::Included(start) => key >= start,
        Bound::Excluded(start) => key > start,
        Bound::Unbounded => true,
    };
    let is_before_end = match end {
        Bound::Included(end) => key <= end,
        Bound::Excluded(end) => key < end,
        Bound::Unbounded => true,
    };
    is_after_start && is_before_end
}
