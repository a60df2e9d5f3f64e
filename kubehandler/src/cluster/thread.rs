//! Code that blocks, away from the runtime.

use std::{io, thread};

use tokio::sync::oneshot;

/// Runs code on a thread of its own.
///
/// The blocking threads of a runtime are waited for when it ends; this one is not.
///
/// # Errors
///
/// Fails if the thread cannot be started, or if the code panics.
///
/// # Cancel safety
///
/// Dropping the future leaves the thread running; its result is dropped.
pub(crate) async fn on_thread<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (done, result) = oneshot::channel();
    thread::Builder::new()
        .name(format!("kubehandler-{name}"))
        .spawn(move || {
            let _ = done.send(run());
        })?;
    result.await.map_err(|_| io::Error::other("it panicked"))
}
