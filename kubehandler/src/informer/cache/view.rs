//! What is kept beside the store and made from its objects: indexes, and decoded objects.

use crate::informer::{
    cache::delta::Delta,
    object::{decoded::Garbage, stored::Stored},
};

/// Something made from the store's objects, and changed together with them.
///
/// A subscriber that hears of a change finds the view changed already.
pub(crate) trait View: Send + Sync {
    /// Makes what the view needs of an object, which comes into the store next.
    ///
    /// Called outside of the cache's lock, since it runs code of the user's. What is not prepared
    /// when the object comes is not made up for.
    fn prepare(&self, object: &Stored);

    /// Takes one change; called under the cache's lock, so it runs no code of the user's.
    ///
    /// Returns what is to be dropped outside of the lock.
    fn apply(&self, delta: &Delta) -> Option<Garbage>;
}
