//! Logging that ends nothing where the subscriber panics.
//!
//! Some do: that of `tracing-subscriber` prints to standard error that it cannot write, which
//! panics where standard error is closed as well. What is logged is never worth a worker, a
//! watch or a shutdown.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Logs, whatever becomes of it.
pub fn logged(log: impl FnOnce()) {
    // The payload's own drop may panic as well, and says nothing that the panic hook did not.
    if let Err(panic) = catch_unwind(AssertUnwindSafe(log)) {
        std::mem::forget(panic);
    }
}
