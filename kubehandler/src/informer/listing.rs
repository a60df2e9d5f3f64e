//! A list on its way: what of it must wait, and what of it could not be read.

use crate::informer::{codec::Unreadable, shared::Shared, stored::Stored, target::Read, version};

/// A list on its way.
pub(crate) struct Listing<'a> {
    pub(crate) read: &'a Read,
    /// Objects that the store does not have, although it should have seen them by their version:
    /// if the list turns out to be older than the store, they are those that were deleted since.
    pub(crate) doubtful: Vec<Stored>,
    pub(crate) skipped: Option<Skipped>,
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
            doubtful: Vec::new(),
            skipped: None,
        }
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

    /// Returns true for an object that must not show before the list is known to be no older than
    /// what was seen: it may have been deleted since.
    pub(crate) fn doubts(&self, stored: &Stored, shared: &Shared) -> bool {
        let Read::NotOlderThan(seen) = self.read else {
            return false;
        };
        let is_newer = version::is_older(seen, stored.resource_version());
        !is_newer
            && shared
                .get(stored.key())
                .is_none_or(|known| known.uid() != stored.uid())
    }
}
