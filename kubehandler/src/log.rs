//! The macros of `tracing`, as this crate uses them: a subscriber that panics ends nothing.
//!
//! Some do: that of `tracing-subscriber` prints to standard error that it cannot write, which
//! panics where standard error is closed as well. What is logged is never worth a worker, a
//! watch or a shutdown.

use std::{
    io::{self, Write as _},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Once,
    thread,
};

/// What a program is told whose log nobody sees.
const SILENT: &str = "kubehandler: no tracing subscriber is set, so that nothing is logged; \
    call `kubehandler::logging::init()` at the start of `main`, and keep what it returns";

/// Logs, whatever becomes of it.
pub(crate) fn logged(log: impl FnOnce()) {
    // The payload's own drop may panic as well, and says nothing that the panic hook did not.
    if let Err(panic) = catch_unwind(AssertUnwindSafe(log)) {
        std::mem::forget(panic);
    }
}

/// Says on standard error, once, that nothing is logged, if that is so.
pub(crate) fn tell_if_silent() {
    static TOLD: Once = Once::new();
    if tracing::dispatcher::has_been_set() {
        return;
    }
    TOLD.call_once(|| {
        // On a thread of its own: a pipe that nobody reads must hold up nothing.
        let _ = thread::Builder::new()
            .name("kubehandler-notice".to_owned())
            .spawn(|| writeln!(io::stderr(), "{SILENT}"));
    });
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
