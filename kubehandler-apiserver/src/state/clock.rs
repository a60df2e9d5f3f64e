//! The server's wall clock: tokio's time from a start that is given, so that tests can hold it still.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use tokio::time::Instant;

/// What the library's clock starts at, so that the same calls give the same times: 2026-01-01.
const START: i64 = 1_767_225_600;

/// The time that objects are stamped with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// The seconds since 1970 when `started` was now.
    epoch: i64,
    started: Instant,
}

impl Clock {
    /// A clock that always starts at the same time.
    pub(crate) fn fixed() -> Self {
        Self {
            epoch: START,
            started: Instant::now(),
        }
    }

    /// A clock that shows the machine's time.
    pub(crate) fn system() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let seconds = now.unwrap_or_default().as_secs();
        Self {
            epoch: i64::try_from(seconds).unwrap_or(START),
            started: Instant::now(),
        }
    }

    /// Moves what the clock shows; forwards or backwards.
    pub(crate) fn jump(&mut self, seconds: i64) {
        self.epoch = self.epoch.saturating_add(seconds);
    }

    /// Returns the time in the form of `metadata.creationTimestamp`, such as `2026-01-01T00:00:00Z`.
    pub(crate) fn now(&self) -> String {
        self.after(Duration::ZERO)
    }

    /// Returns the time that it will be after `delay`.
    pub(crate) fn after(&self, delay: Duration) -> String {
        let elapsed = self.started.elapsed().saturating_add(delay).as_secs();
        let seconds = self
            .epoch
            .saturating_add(i64::try_from(elapsed).unwrap_or(i64::MAX));
        // A clock that jumped out of the calendar stands at its end.
        Timestamp::from_second(seconds)
            .unwrap_or(Timestamp::MAX)
            .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn clock_goes_with_tokios_and_jumps_on_command() {
        let mut clock = Clock::fixed();
        assert_eq!(clock.now(), "2026-01-01T00:00:00Z");

        tokio::time::advance(Duration::from_millis(61_500)).await;
        assert_eq!(clock.now(), "2026-01-01T00:01:01Z");

        clock.jump(-3_661);
        assert_eq!(clock.now(), "2025-12-31T23:00:00Z");
        assert_eq!(clock.after(Duration::from_secs(30)), "2025-12-31T23:00:30Z");
    }
}
