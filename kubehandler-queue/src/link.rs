//! A ready item's place among the others of its level.

use super::slab::SlabIndex;

/// A ready item's place in its level.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    /// Its place among all ready items, in the order in which they became ready.
    pub(super) age: u64,
    /// Its neighbours, if it is in its level's list.
    pub(super) older: Option<SlabIndex>,
    pub(super) younger: Option<SlabIndex>,
}

impl Link {
    /// Keeps the neighbours true after all entries have moved.
    pub(super) fn follow(&mut self, moves: impl Fn(SlabIndex) -> SlabIndex) {
        for index in [&mut self.older, &mut self.younger].into_iter().flatten() {
            *index = moves(*index);
        }
    }
}
