//! A list on its way: what of it must wait, and what of it could not be read.

use std::collections::HashMap;

use crate::informer::{
    cache::Cache,
    object::stored::{Stored, Uid},
    wire::{item::Unreadable, target::Read, version},
};

/// A list on its way.
pub(crate) struct Listing<'a> {
    pub(crate) read: &'a Read,
    /// Objects that the store does not have, although it should have seen them by their version:
    /// if the list turns out to be older than the store, they are those that were deleted since.
    doubtful: HashMap<String, Stored>,
    pub(crate) skipped: Option<Skipped>,
    /// The newest version that the list has shown.
    pub(crate) newest: String,
}

/// The items of a list that cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Skipped {
    pub(crate) count: usize,
    pub(crate) first: String,
}

impl<'a> Listing<'a> {
    pub(crate) fn new(read: &'a Read) -> Self {
        Self {
            read,
            doubtful: HashMap::new(),
            skipped: None,
            newest: String::new(),
        }
    }

    /// Returns the number of its objects that are not in the store: those that wait, and those that
    /// cannot be read.
    pub(crate) fn held(&self) -> usize {
        let skipped = self.skipped.as_ref().map_or(0, |skipped| skipped.count);
        self.doubtful.len() + skipped
    }

    /// Notes an item that cannot be read.
    pub(crate) fn skip(&mut self, unreadable: &Unreadable) {
        match &mut self.skipped {
            Some(skipped) => skipped.count += 1,
            None => {
                self.skipped = Some(Skipped {
                    count: 1,
                    first: unreadable.to_string(),
                });
            }
        }
    }

    /// Notes that an object of this version is shown.
    pub(crate) fn shows(&mut self, version: &str) {
        if self.newest.is_empty() || version::is_older(&self.newest, version) {
            version.clone_into(&mut self.newest);
        }
    }

    /// Returns true for an object that must not show before the list is known to be no older than
    /// what was seen: it may have been deleted since.
    pub(crate) fn doubts(&self, stored: &Stored, cache: &Cache) -> bool {
        let Read::NotOlderThan(seen) = self.read else {
            return false;
        };
        let is_newer = version::is_older(seen, stored.resource_version());
        !is_newer
            && cache
                .get(stored.key())
                .is_none_or(|known| known.uid() != stored.uid())
    }

    /// Holds an object back until the list is complete.
    pub(crate) fn hold(&mut self, stored: Stored) {
        self.doubtful.insert(stored.key().to_owned(), stored);
    }

    /// Drops what is held back by this name, as something newer was said of it.
    ///
    /// Returns true if that was the object of this uid.
    pub(crate) fn drop_held(&mut self, key: &str, uid: &Uid<'_>) -> bool {
        // As a rule nothing is held back.
        !self.doubtful.is_empty()
            && self
                .doubtful
                .remove(key)
                .is_some_and(|held| held.uid() == *uid)
    }

    /// Returns what was held back, once the list is complete.
    pub(crate) fn take_held(&mut self) -> impl Iterator<Item = Stored> + use<> {
        std::mem::take(&mut self.doubtful).into_values()
    }
}
