//! The lock under the wake-up protocol: `parking_lot`'s, or loom's in a model check.
//!
//! A panic in an item's own code (`Hash`, `Eq`, `Clone`) does not poison it: one bad item must not
//! take the queue away from all others.

#[cfg(kubehandler_loom)]
pub(super) use loom::sync::{Mutex, MutexGuard};
#[cfg(not(kubehandler_loom))]
pub(super) use parking_lot::{Mutex, MutexGuard};

#[cfg(not(kubehandler_loom))]
pub(super) fn lock<S>(mutex: &Mutex<S>) -> MutexGuard<'_, S> {
    mutex.lock()
}

#[cfg(kubehandler_loom)]
pub(super) fn lock<S>(mutex: &Mutex<S>) -> MutexGuard<'_, S> {
    mutex.lock().expect("no model panics")
}
