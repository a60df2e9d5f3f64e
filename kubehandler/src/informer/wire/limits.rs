//! How large, how slow and how late what the server sends may be.

use std::time::Duration;

use crate::informer::wire::pace::Pace;

/// The largest texts, and the slowest, that an informer takes from its server.
///
/// Whatever goes beyond them is a failure that names the limit. The informer logs it, shows it
/// as its [`last_error`](crate::Informer::last_error), waits and tries again; the store stays as
/// it is. Nothing is lost in silence: after an event that is too large it lists.
///
/// Beside these an answer must begin within 30 s of its request, and a list that leads nowhere
/// (continue tokens that come again, or 100 pages in a row without an object that it did not have
/// yet) is given up. A continue token has 16 KiB at most.
///
/// # Examples
///
/// ```
/// use kubehandler::{InformerOptions, Limits, k8s::Secret};
///
/// let limits = Limits::default().max_event(64 << 20).max_page(4 << 30);
/// let options = InformerOptions::<Secret>::default().limits(limits);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a line of a watch.
    pub(crate) event_bytes: usize,
    /// Bytes of the answer to one request of a list.
    pub(crate) page_bytes: usize,
    /// Bytes of an error's body that are read.
    pub(crate) error_bytes: usize,
    /// Bytes a second of a list, or of an event that has begun; zero for none.
    pub(crate) rate: u64,
    /// Without a byte of a list, or of an event that has begun; and how long it may be below the rate.
    pub(crate) silence: Duration,
    /// From a request to the first line of its answer.
    pub(crate) start: Duration,
    /// Between two events of a streaming list: one that does not come in time is a plain watch.
    pub(crate) stream_idle: Duration,
    /// From the first event that is none of the list's to its closing bookmark.
    pub(crate) bookmark: Duration,
    /// After which the server is asked to close a streaming list, with the watch that it becomes.
    pub(crate) stream: Duration,
    /// After which the server is asked to close a watch.
    pub(crate) watch: Duration,
    /// After which a watch that the server has not closed by then is taken for dead.
    pub(crate) watch_grace: Duration,
    /// A watch that ends sooner counts as a failure, or a server that closes each at once
    /// would be asked in a hot loop.
    pub(crate) watch_early: Duration,
    /// The least time from the start of one watch to that of the next, whatever the first brought.
    pub(crate) watch_pause: Duration,
    /// Without a watch for this long after a failure, the informer is not healthy.
    pub(crate) unwatched: Duration,
    /// Objects in a page of a list.
    pub(crate) page: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            event_bytes: 16 << 20,
            page_bytes: 1 << 30,
            error_bytes: 64 << 10,
            rate: 50,
            silence: Duration::from_secs(60),
            start: Duration::from_secs(30),
            stream_idle: Duration::from_secs(30),
            bookmark: Duration::from_secs(60),
            stream: Duration::from_secs(86_400),
            watch: Duration::from_secs(290),
            watch_grace: Duration::from_secs(10),
            watch_early: Duration::from_secs(5),
            watch_pause: Duration::from_secs(1),
            unwatched: Duration::from_secs(300),
            page: 500,
        }
    }
}

impl Limits {
    /// Returns the pace that a list must keep, or an event that has begun.
    pub(crate) fn pace(&self) -> Pace {
        Pace::new(self.silence, self.rate)
    }

    /// Sets the most bytes of one event of a watch or a streaming list; the default is 16 MiB.
    ///
    /// That is what Go's client takes, and ten times what etcd stores by default. An object
    /// that is larger comes in pages.
    #[must_use]
    pub fn max_event(mut self, bytes: usize) -> Self {
        self.event_bytes = bytes;
        self
    }

    /// Sets the most bytes of one answer to a list; the default is 1 GiB.
    ///
    /// An answer is a page of 500 objects, or a whole list where the server makes no pages. It is
    /// in memory while it is read.
    #[must_use]
    pub fn max_page(mut self, bytes: usize) -> Self {
        self.page_bytes = bytes;
        self
    }

    /// Sets how many bytes of an error's body are read; the default is 64 KiB.
    ///
    /// Of an error with a longer one only the status code is known.
    #[must_use]
    pub fn max_error(mut self, bytes: usize) -> Self {
        self.error_bytes = bytes;
        self
    }

    /// Sets the fewest bytes a second of a list, and of an event that has begun; the default is 50.
    ///
    /// A list goes on for as long as it comes faster, however long that is. Slower, it is given up
    /// when pauses and too few bytes have cost [`max_silence`](Self::max_silence) in all. Ten
    /// informers on the slowest link that is in use (GPRS, about 1 KB/s) have twice as much each;
    /// Cargo gives up on downloads below 10 bytes a second, and web servers on clients below
    /// 240 (Kestrel) and 500 (Apache). With zero only silence counts.
    #[must_use]
    pub fn min_rate(mut self, bytes_per_second: u64) -> Self {
        self.rate = bytes_per_second;
        self
    }

    /// Sets how long a list, or an event that has begun, may bring nothing; the default is 60 s.
    ///
    /// A watch that waits for its next event may be silent until it is opened again, after 5 minutes.
    #[must_use]
    pub fn max_silence(mut self, silence: Duration) -> Self {
        self.silence = silence;
        self
    }
}
