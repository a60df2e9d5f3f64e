//! The lock under the wake-up protocol: std's, or loom's in a model check.

#[cfg(kubehandler_loom)]
pub(super) use loom::sync::{Mutex, MutexGuard};
#[cfg(not(kubehandler_loom))]
pub(super) use std::sync::{Mutex, MutexGuard};

use std::sync::PoisonError;

/// Locks, also after a panic in an item's own code (`Hash`, `Eq`, `Clone`) poisoned the lock.
///
/// One bad item must not take the queue away from all others.
pub(super) fn lock<S>(mutex: &Mutex<S>) -> MutexGuard<'_, S> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
