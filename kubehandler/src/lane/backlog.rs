//! Objects whose turn is not urgent: those of the first list, and of a resync.
//!
//! Pure. They wait here, a word each, and enter the queue a few at a time in the order in which
//! they came: a queue of a million keys would cost more than the objects it is about.

use std::collections::VecDeque;

use crate::informer::Stored;

/// How many enter the queue at once.
const AT_ONCE: usize = 128;

/// Objects in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Backlog(VecDeque<Stored>);

impl Backlog {
    /// Adds an object after the others.
    pub(super) fn push(&mut self, object: Stored) {
        self.0.push_back(object);
    }

    /// Takes the next objects.
    pub(super) fn take(&mut self) -> Vec<Stored> {
        let taken = self.0.drain(..AT_ONCE.min(self.0.len())).collect();
        if self.0.is_empty() {
            self.0 = VecDeque::new(); // As large as the first list was.
        }
        taken
    }

    /// Returns the next object.
    pub(super) fn next(&self) -> Option<&Stored> {
        self.0.front()
    }

    #[cfg(test)]
    pub(super) fn last(&self) -> Option<&Stored> {
        self.0.back()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
