//! What is kept beside the store and made from its objects: indexes, and decoded objects.

use crate::informer::{delta::Delta, stored::Stored};

/// A picture of the store, kept up to date by the one who changes it.
///
/// Whoever is told of a change finds the view changed already.
pub(crate) trait View: Send + Sync {
    /// Makes what the view needs of an object, which comes into the store next.
    ///
    /// Called outside of the informer's lock, since it runs code of the user's.
    fn prepare(&self, object: &Stored);

    /// Takes one change; called under the informer's lock.
    fn apply(&self, delta: &Delta);
}
