//! The macros of `tracing`, as this crate uses them: a subscriber that panics ends nothing.

use std::{
    io::{self, Write as _},
    sync::Once,
    thread,
};

pub(crate) use kubehandler_queue::__private::logged;

/// The notice for a program without a subscriber.
const SILENT: &str = "kubehandler: no tracing subscriber is set, so that nothing is logged; \
    call `kubehandler::logging::init()` at the start of `main`, and keep what it returns";

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
