//! What is kept beside the store and made from its objects: indexes, and decoded objects.

use std::{any::Any, sync::Arc};

use crate::{
    contained::Contained,
    informer::{delta::Delta, stored::Stored},
};

/// A picture of the store, kept up to date by the one who changes it.
///
/// Whoever is told of a change finds the view changed already.
pub(crate) trait View: Send + Sync {
    /// Makes what the view needs of an object, which comes into the store next.
    ///
    /// Called outside of the informer's lock, since it runs code of the user's. What is not
    /// prepared when the object comes is not made up for.
    fn prepare(&self, object: &Stored);

    /// Takes one change; called under the informer's lock, so it runs no code of the user's.
    fn apply(&self, delta: &Delta) -> Option<Garbage>;
}

/// What a change left over, which is to be dropped outside of the lock: its `Drop` is the user's.
pub(crate) type Garbage = Contained<Arc<dyn Any + Send + Sync>>;
