//! The macros of `tracing`, as this crate uses them: a subscriber that panics ends nothing.
//!
//! Some do: that of `tracing-subscriber` prints to standard error that it cannot write, which
//! panics where standard error is closed as well. What is logged is never worth a worker, a
//! watch or a shutdown.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Logs, whatever becomes of it.
pub(crate) fn logged(log: impl FnOnce()) {
    // The payload's own drop may panic as well, and says nothing that the panic hook did not.
    if let Err(panic) = catch_unwind(AssertUnwindSafe(log)) {
        std::mem::forget(panic);
    }
}

/// Writes what was logged by now, if this crate writes the log.
pub(crate) fn flush() {
    #[cfg(feature = "main")]
    crate::logging::flush();
}

macro_rules! guarded_error {
    ($($event:tt)*) => { $crate::log::logged(|| ::tracing::error!($($event)*)) };
}

macro_rules! guarded_warn {
    ($($event:tt)*) => { $crate::log::logged(|| ::tracing::warn!($($event)*)) };
}

macro_rules! guarded_info {
    ($($event:tt)*) => { $crate::log::logged(|| ::tracing::info!($($event)*)) };
}

macro_rules! guarded_debug {
    ($($event:tt)*) => { $crate::log::logged(|| ::tracing::debug!($($event)*)) };
}

pub(crate) use guarded_debug as debug;
pub(crate) use guarded_error as error;
pub(crate) use guarded_info as info;
pub(crate) use guarded_warn as warn;
