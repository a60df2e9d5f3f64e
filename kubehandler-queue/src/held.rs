//! The guard of an item that was handed out.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::items::Hold;
use crate::contained::Contained;

/// An item that the caller holds; dropping it is client-go's `Done`.
///
/// While it lives, no other getter gets an equal item; an equal item that is added
/// meanwhile is handed out after the drop.
/// A panic or a cancelled task drops it like anything else, so a queue cannot be
/// left with an item that nobody will ever be done with.
#[must_use = "dropping it says that the work is done"]
pub struct Held<T> {
    item: Contained<T>,
    hold: Hold,
    holder: Arc<dyn Release<T>>,
}

/// What a held item goes back to.
pub(super) trait Release<T>: Send + Sync {
    /// Ends this hold of this item.
    fn release(&self, hold: Hold, item: &T);
}

impl<T> Held<T> {
    pub(super) fn new(item: T, hold: Hold, holder: Arc<dyn Release<T>>) -> Self {
        Self {
            item: Contained::new(item),
            hold,
            holder,
        }
    }
}

impl<T> Deref for Held<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.item
    }
}

impl<T: fmt::Debug> fmt::Debug for Held<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Held").field(&self.item).finish()
    }
}

impl<T> Drop for Held<T> {
    fn drop(&mut self) {
        self.holder.release(self.hold, &self.item);
    }
}
