//! Changes of a store, in the order in which the store made them.

use smallvec::SmallVec;

use crate::informer::object::stored::Stored;

/// One change of one object in the view of an informer.
///
/// An object that is replaced under another uid is a `Remove` and an `Upsert`.
#[derive(Clone, Debug)]
pub(crate) enum Delta {
    /// The object is in the view, in this state.
    Upsert {
        object: Stored,
        /// It is of the first that the subscriber sees: it came with the first complete list,
        /// or was in the store when the subscriber came.
        initial: bool,
    },
    /// The object left the view; `last` is the last state known.
    Remove { last: Stored },
}

/// What one event changes.
pub(crate) type Deltas = SmallVec<[Delta; 2]>;

/// Who wants to know of every change: a lane.
///
/// Called under the informer's lock: it returns at once and never calls the informer back.
pub(crate) trait Subscriber: Send + Sync {
    /// Takes some changes, in their order.
    fn apply(&self, deltas: &[Delta]);
}
