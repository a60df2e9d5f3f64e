//! The signals that stop a process.

use std::{
    convert::Infallible,
    io,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use crate::log::{info, warn};

/// The same signal within this time counts once.
const ONCE: Duration = Duration::from_secs(1);

/// SIGINT and SIGTERM, listened to from the moment it is made.
pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
            })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Cancels `stop` at the first signal and ends the process at the second.
    ///
    /// One that is repeated within a second is still the first.
    pub(super) async fn forward(mut self, stop: CancellationToken) -> Infallible {
        let (name, _) = self.next().await;
        // Before it is logged, which may take its time.
        stop.cancel();
        info!(signal = name, "told to stop; a second signal ends at once");
        let stopped = Instant::now();
        // Some senders send each signal to the process and to its group.
        let (name, number) = loop {
            let (again, number) = self.next().await;
            if again != name || stopped.elapsed() >= ONCE {
                break (again, number);
            }
        };
        warn!(signal = name, "told to stop again; ending at once");
        flush();
        std::process::exit(128 + number)
    }

    /// Waits for a signal; returns its name and number.
    async fn next(&mut self) -> (&'static str, i32) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => ("SIGINT", 2),
            _ = self.terminate.recv() => ("SIGTERM", 15),
        }
        #[cfg(not(unix))]
        {
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
            ("Ctrl-C", 2)
        }
    }
}

/// Writes what was logged by now, if this crate writes the log.
fn flush() {
    #[cfg(feature = "main")]
    crate::logging::flush();
}
