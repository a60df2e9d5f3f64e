//! What stands in a file that may change while the program runs.

#![cfg_attr(
    not(feature = "rustls-tls"),
    allow(dead_code, reason = "certificates need all of it")
)]

use std::{sync::Arc, thread, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{
    cluster::{
        error::{ClusterError, Place},
        stage::Stages,
        thread::on_thread,
    },
    log::warn,
};

/// How long a file counts before it is read again, as a token does in Go's client.
const REREAD: Duration = Duration::from_secs(60);

/// A value out of files, which are read again from time to time.
///
/// They are read on a thread of their own: a file system that hangs must keep neither a thread of the
/// runtime nor those who ask, to whom the last value counts.
pub(crate) struct Reread<T>(Arc<Inner<T>>);

impl<T> Clone for Reread<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Inner<T> {
    state: Mutex<FileState<T>>,
    read: Option<Box<dyn Fn() -> Result<T, String> + Send + Sync>>,
}

struct FileState<T> {
    value: T,
    /// A number that is another one for each other value.
    version: u64,
    read_at: Instant,
    is_reading: bool,
}

impl<T: Clone + PartialEq + Send + 'static> Reread<T> {
    /// Takes a value that never changes.
    pub(crate) fn fixed(value: T) -> Self {
        Self::new(value, None)
    }

    /// Takes a value that was read, and how to read it again.
    pub(crate) fn file(
        value: T,
        read: impl Fn() -> Result<T, String> + Send + Sync + 'static,
    ) -> Self {
        Self::new(value, Some(Box::new(read)))
    }

    fn new(value: T, read: Option<Box<dyn Fn() -> Result<T, String> + Send + Sync>>) -> Self {
        let state = Mutex::new(FileState {
            value,
            version: 0,
            read_at: Instant::now(),
            is_reading: false,
        });
        Self(Arc::new(Inner { state, read }))
    }

    /// Returns the value; has it read again if it has counted long enough.
    pub(crate) fn current(&self) -> T {
        let (value, is_due) = {
            let state = self.0.state.lock();
            (state.value.clone(), state.read_at.elapsed() >= REREAD)
        };
        if is_due {
            self.refresh();
        }
        value
    }

    /// Returns a number that is another one for another value; has it read again if that is due.
    pub(crate) fn version(&self) -> u64 {
        let _ = self.current();
        self.0.state.lock().version
    }

    /// Has it read again: what it says was not accepted.
    pub(crate) fn refresh(&self) {
        let inner = self.0.clone();
        {
            let mut state = inner.state.lock();
            if inner.read.is_none() || state.is_reading {
                return;
            }
            state.is_reading = true;
            state.read_at = Instant::now();
        }
        let thread = thread::Builder::new().name("kubehandler-files".to_owned());
        if thread.spawn(move || inner.read()).is_err() {
            self.0.state.lock().is_reading = false;
        }
    }
}

impl<T: PartialEq> Inner<T> {
    fn read(&self) {
        let Some(read) = &self.read else { return };
        let value = read();
        let mut state = self.state.lock();
        state.is_reading = false;
        match value {
            Ok(value) if value == state.value => {}
            Ok(value) => {
                state.value = value;
                state.version += 1;
            }
            Err(error) => {
                drop(state);
                warn!("{error}; what was read last counts");
            }
        }
    }
}

/// Reads files on a thread of its own, which is abandoned if the future is dropped.
pub(crate) async fn aside<T: Send + 'static>(
    stages: &Stages,
    read: impl FnOnce() -> Result<T, ClusterError> + Send + 'static,
) -> Result<T, ClusterError> {
    let _stage = stages.enter("the files of the configuration");
    let read = on_thread("files", read).await;
    read.unwrap_or_else(|error| {
        Err(Place::code().invalid(format!("its files cannot be read: {error}")))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn value_is_read_again_after_a_minute_or_when_it_is_refused() {
        let read = Arc::new(AtomicU32::new(0));
        let count = read.clone();
        let value = Reread::file(0, move || match count.fetch_add(1, Ordering::SeqCst) + 1 {
            3 => Err("gone".to_owned()),
            number => Ok(number),
        });
        let wait = |number: u32| {
            while read.load(Ordering::SeqCst) < number || value.0.state.lock().is_reading {
                thread::yield_now();
            }
        };

        tokio::time::sleep(Duration::from_secs(59)).await;
        let early = (value.current(), value.version());
        tokio::time::sleep(Duration::from_secs(1)).await;
        let last = value.current();
        wait(1);
        let second = (value.current(), value.version());
        value.refresh();
        wait(2);
        let third = (value.current(), value.version());
        value.refresh();
        wait(3);

        assert_eq!(early, (0, 0));
        assert_eq!(last, 0, "nobody waits for a file");
        assert_eq!(second, (1, 1));
        assert_eq!(third, (2, 2));
        assert_eq!(
            (value.current(), value.version()),
            (2, 2),
            "the last counts"
        );
        assert_eq!(Reread::fixed(5).current(), 5);
    }
}
