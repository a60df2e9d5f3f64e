//! How urgent an item is, compared with the others in its queue.

/// How urgent a queued item is: the higher one is handed out first.
///
/// Items of one priority leave the queue first in, first out.
/// A lower priority is slower, never starved: see [`Queue`](super::Queue).
///
/// # Examples
///
/// ```
/// use kubehandler_queue::Priority;
///
/// assert!(Priority::LOW < Priority::NORMAL);
/// assert!(Priority::new(1) > Priority::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(i32);

impl Priority {
    /// Work that is not urgent: the first list, resync.
    pub const LOW: Self = Self(-100);
    /// Live changes; the default.
    pub const NORMAL: Self = Self(0);
    /// Work that goes ahead of live changes.
    pub const HIGH: Self = Self(100);

    /// Returns the priority of this value; a higher value is more urgent.
    #[must_use]
    pub const fn new(value: i32) -> Self {
        Self(value)
    }

    /// Returns the value that [`new`](Self::new) was given.
    #[must_use]
    pub const fn value(self) -> i32 {
        self.0
    }
}
