//! A thread that writes the log, so that no other thread waits for its reader.

use std::{
    fmt,
    fs::File,
    io::{self, Write},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex, MutexGuard};
use tracing_subscriber::fmt::MakeWriter;

use super::{format::Stream, line::Escapes};
use crate::log::warn;

/// The most bytes that wait to be written, besides those that are being written.
const CAPACITY: usize = 1024 * 1024;

/// How much is written at once: a pipe takes it whole.
const CHUNK: usize = 4096;

/// How long a thread that logs waits for room, since something was last written: then the log is stuck,
/// and what finds no room is lost.
const PATIENCE: Duration = Duration::from_millis(250);

/// How long the end of the process waits, since something was last written, and in all.
const LAST_PATIENCE: Duration = Duration::from_secs(1);
const LAST_WAIT: Duration = Duration::from_secs(5);

/// How long a destination that is busy is left alone.
const BUSY: Duration = Duration::from_millis(10);

/// Takes records and has them written; cheap to clone.
#[derive(Clone)]
pub(super) struct Writer {
    shared: Arc<Inner>,
    escapes: Escapes,
}

#[derive(Default)]
struct Inner {
    state: Mutex<WriterState>,
    /// Something waits to be written.
    filled: Condvar,
    /// Something was written.
    emptied: Condvar,
}

struct WriterState {
    waiting: Vec<u8>,
    is_writing: bool,
    /// When something was last written, or began to wait with nothing before it.
    progress: Instant,
    /// Records that were not written.
    lost: u64,
    /// The thread that writes; none could be started if it is `None`.
    thread: Option<thread::ThreadId>,
}

impl Default for WriterState {
    fn default() -> Self {
        Self {
            waiting: Vec::new(),
            is_writing: false,
            progress: Instant::now(),
            lost: 0,
            thread: None,
        }
    }
}

impl WriterState {
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && !self.is_writing
    }

    /// Returns what is left of `patience`, if something is.
    fn left(&self, patience: Duration) -> Option<Duration> {
        let left = patience.saturating_sub(self.progress.elapsed());
        (!left.is_zero()).then_some(left)
    }
}

impl Writer {
    /// Starts the thread that writes to `destination`.
    pub(super) fn start(destination: impl Write + Send + 'static, escapes: Escapes) -> Self {
        let shared = Arc::<Inner>::default();
        let writing = shared.clone();
        let mut state = shared.state();
        let thread = thread::Builder::new()
            .name("kubehandler-log".to_owned())
            .spawn(move || writing.write(destination));
        // Without a thread all is lost, which is better than to end the program for its log.
        state.thread = thread.ok().map(|thread| thread.thread().id());
        drop(state);
        Self { shared, escapes }
    }

    /// Waits until all is written that was logged by now; false if that does not come to be.
    pub(super) fn flush(&self) -> bool {
        self.flush_within(LAST_PATIENCE)
    }

    fn flush_within(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + LAST_WAIT;
        let mut state = self.shared.state();
        while !state.is_idle() {
            let total = deadline.saturating_duration_since(Instant::now());
            match state.left(patience) {
                Some(left) if !total.is_zero() && state.thread.is_some() => {
                    self.shared.emptied.wait_for(&mut state, left.min(total));
                }
                _ => return false,
            }
        }
        true
    }

    fn put(&self, record: &[u8]) {
        let line = self.escapes.line(record);
        let mut state = self.shared.state();
        while !state.waiting.is_empty() && state.waiting.len() + line.len() > CAPACITY {
            // The thread that writes would wait for itself.
            let is_own = state.thread == Some(thread::current().id());
            match state.left(PATIENCE) {
                Some(left) if !is_own => {
                    self.shared.emptied.wait_for(&mut state, left);
                }
                _ => {
                    state.lost += 1;
                    return;
                }
            }
        }
        if state.is_idle() {
            state.progress = Instant::now();
        }
        state.waiting.extend_from_slice(&line);
        drop(state);
        self.shared.filled.notify_one();
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, WriterState> {
        self.state.lock()
    }

    /// Writes what waits, for ever.
    fn write(&self, mut destination: impl Write) {
        let mut batch = Vec::new();
        // What was last written of a line that was cut off.
        let mut is_torn = false;
        loop {
            self.next(&mut batch);
            if is_torn {
                batch.splice(..0, *b"\n");
            }
            let written = self.write_all(&mut destination, &batch);
            let rest = &batch[written..];
            is_torn = written > 0 && batch[written - 1] != b'\n';
            let mut state = self.state();
            state.lost += memchr::memchr_iter(b'\n', rest).count() as u64;
            let lost = match rest {
                [] => std::mem::take(&mut state.lost),
                _ => 0,
            };
            drop(state);
            if lost > 0 {
                warn!(
                    lost,
                    "lines of the log are lost: it was not read, or could not be written"
                );
            }
            batch.clear();
            batch.shrink_to(CHUNK);
        }
    }

    /// Waits for something to write, and takes it.
    fn next(&self, batch: &mut Vec<u8>) {
        let mut state = self.state();
        state.is_writing = false;
        self.emptied.notify_all();
        while state.waiting.is_empty() {
            self.filled.wait(&mut state);
        }
        state.is_writing = true;
        state.progress = Instant::now();
        std::mem::swap(&mut state.waiting, batch);
        self.emptied.notify_all();
    }

    /// Writes as much as can be, and returns how much that was.
    fn write_all(&self, destination: &mut impl Write, batch: &[u8]) -> usize {
        let mut written = 0;
        while written < batch.len() {
            let chunk = chunk(&batch[written..]);
            match destination.write(chunk) {
                Ok(0) => return written,
                Ok(length) => {
                    written += length;
                    self.state().progress = Instant::now();
                    self.emptied.notify_all();
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::WouldBlock => thread::sleep(BUSY),
                    _ => return written,
                },
            }
        }
        // A destination that does not write at once may fail here; what it has is lost then.
        let _ = destination.flush();
        written
    }
}

/// Returns what is written next: whole lines, if they are no longer than a chunk.
fn chunk(bytes: &[u8]) -> &[u8] {
    let end = bytes.len().min(CHUNK);
    match memchr::memrchr(b'\n', &bytes[..end]) {
        Some(at) => &bytes[..=at],
        None => &bytes[..end],
    }
}

/// One record is one call of `write`: the formatter of `tracing-subscriber` gives it whole.
pub(super) struct Record<'a>(&'a Writer);

impl Write for Record<'_> {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        self.0.put(record);
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Writer {
    type Writer = Record<'a>;

    fn make_writer(&'a self) -> Record<'a> {
        Record(self)
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

/// Standard error or standard output, written to without their locks: a thread that waits there
/// must not keep others from printing.
pub(super) enum Destination {
    File(File),
    Std(Stream),
}

impl Destination {
    pub(super) fn of(stream: Stream) -> Self {
        #[cfg(unix)]
        {
            use std::os::fd::AsFd;

            let copy = match stream {
                Stream::Stderr => io::stderr().as_fd().try_clone_to_owned(),
                Stream::Stdout => io::stdout().as_fd().try_clone_to_owned(),
            };
            if let Ok(copy) = copy {
                return Self::File(copy.into());
            }
        }
        Self::Std(stream)
    }
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Std(Stream::Stderr) => io::stderr().write(bytes),
            Self::Std(Stream::Stdout) => io::stdout().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Std(Stream::Stderr) => io::stderr().flush(),
            Self::Std(Stream::Stdout) => io::stdout().flush(),
        }
    }
}

#[cfg(test)]
mod tests;
