//! How much of a list has come so far.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::informer::wire::pace::Pace;

/// What has come of the lists of one informer.
#[derive(Debug)]
pub(crate) struct Arrived {
    /// What bytes are worth.
    pace: Pace,
    inner: Mutex<Inner>,
}

#[derive(Clone, Copy, Debug)]
struct Inner {
    /// Bytes of the last list.
    bytes: u64,
    /// When it was begun, or its last bytes came.
    last: Option<Instant>,
    /// When it was begun, or last reported.
    reported: Option<Instant>,
    /// How long lists took, as far as what came of them was worth the time.
    progress: Duration,
}

/// A list that takes longer is reported so often.
const REPORT: Duration = Duration::from_secs(60);

impl Arrived {
    pub(crate) fn new(pace: Pace) -> Self {
        let inner = Inner {
            bytes: 0,
            last: None,
            reported: None,
            progress: Duration::ZERO,
        };
        Self {
            pace,
            inner: Mutex::new(inner),
        }
    }

    /// Notes that a list is asked for.
    pub(crate) fn begin(&self, now: Instant) {
        let mut inner = self.inner.lock();
        inner.bytes = 0;
        inner.last = Some(now);
        inner.reported = Some(now);
    }

    /// Notes that bytes of the list came.
    pub(crate) fn came(&self, bytes: usize, now: Instant) {
        let mut inner = self.inner.lock();
        let last = inner.last.replace(now).unwrap_or(now);
        let waited = now.saturating_duration_since(last);
        inner.progress += self.pace.worth(bytes).min(waited);
        inner.bytes = inner.bytes.saturating_add(bytes as u64);
    }

    /// Returns true once a minute while a list is coming.
    pub(crate) fn wants_a_report(&self, now: Instant) -> bool {
        let mut inner = self.inner.lock();
        let waited = |reported| now.saturating_duration_since(reported);
        let is_due = inner
            .reported
            .is_some_and(|reported| waited(reported) >= REPORT);
        if is_due {
            inner.reported = Some(now);
        }
        is_due
    }

    /// Returns how many bytes of the last list came.
    pub(crate) fn bytes(&self) -> u64 {
        self.inner.lock().bytes
    }

    /// Returns how long lists took that came fast enough; it never shrinks.
    pub(crate) fn progress(&self) -> Duration {
        self.inner.lock().progress
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_what_bytes_are_worth_is_progress_and_no_more_than_the_time_that_passed() {
        let arrived = Arrived::new(Pace::new(Duration::from_secs(60), 100));
        let start = Instant::now();
        arrived.begin(start);

        arrived.came(1_000_000, start + Duration::from_secs(20));
        assert_eq!(arrived.progress(), Duration::from_secs(20));
        arrived.came(1, start + Duration::from_secs(70));
        assert_eq!(arrived.progress(), Duration::from_millis(20_010));
        assert_eq!(arrived.bytes(), 1_000_001);

        // What passed between two lists is no progress, and what came of the first does not count.
        arrived.begin(start + Duration::from_secs(500));
        arrived.came(500, start + Duration::from_secs(501));
        assert_eq!(arrived.progress(), Duration::from_millis(21_010));
        assert_eq!(arrived.bytes(), 500);
    }

    #[tokio::test(start_paused = true)]
    async fn list_is_reported_once_a_minute() {
        let arrived = Arrived::new(Pace::new(Duration::from_secs(60), 100));
        let start = Instant::now();
        arrived.begin(start);

        let reports = (0..200).filter(|second| {
            let now = start + Duration::from_secs(*second);
            arrived.wants_a_report(now)
        });

        assert_eq!(reports.collect::<Vec<_>>(), [60, 120, 180]);
    }
}
