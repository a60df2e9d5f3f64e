//! How long a reflector waits after a failure.

use std::time::Duration;

use tokio::time::Instant;

const FIRST: Duration = Duration::from_secs(1);
const MAX: Duration = Duration::from_secs(30);
/// The longest that a server may ask to be left alone.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(120);
/// Without a failure for so long, the next one counts as the first.
const RESET: Duration = Duration::from_secs(120);

/// Delays that double from failure to failure, of one reflector alone.
///
/// With jitter they are 0.8 s to 1 s at first and 24 s to 30 s at last.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
    /// When the last delay ended.
    until: Option<Instant>,
}

impl Backoff {
    /// Forgets the failures so far: what followed them succeeded.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Counts a failure and returns how long to wait; `jitter` is from 0 to 1.
    pub(crate) fn next(
        &mut self,
        now: Instant,
        jitter: f64,
        retry_after: Option<Duration>,
    ) -> Duration {
        if self
            .until
            .is_some_and(|until| now.saturating_duration_since(until) >= RESET)
        {
            self.failures = 0;
        }
        let factor = 1_u32 << self.failures.min(5);
        self.failures = self.failures.saturating_add(1);
        let delay = (FIRST * factor).min(MAX).mul_f64(1.0 - 0.2 * jitter);
        let delay = delay.max(retry_after.unwrap_or_default().min(MAX_RETRY_AFTER));
        self.until = Some(now + delay);
        delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(delay: Duration) -> u64 {
        delay.as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn delays_double_to_their_maximum_and_start_again_after_two_quiet_minutes() {
        let mut backoff = Backoff::default();
        let mut now = Instant::now();
        let mut delays = Vec::new();
        for _ in 0..8 {
            let delay = backoff.next(now, 0.0, None);
            delays.push(seconds(delay));
            now += delay;
        }

        assert_eq!(delays, [1, 2, 4, 8, 16, 30, 30, 30]);
        now += RESET.saturating_sub(Duration::from_secs(1));
        assert_eq!(seconds(backoff.next(now, 0.0, None)), 30);
        now += MAX + RESET;
        assert_eq!(seconds(backoff.next(now, 0.0, None)), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn jitter_takes_off_a_fifth_at_most() {
        let delay = Backoff::default().next(Instant::now(), 1.0, None);

        assert_eq!(delay, Duration::from_millis(800));
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_lengthens_the_delay_up_to_its_cap_and_never_shortens_it() {
        let wait = |seconds| {
            let retry_after = Some(Duration::from_secs(seconds));
            Backoff::default()
                .next(Instant::now(), 0.0, retry_after)
                .as_secs()
        };

        assert_eq!([wait(0), wait(7), wait(86_400)], [1, 7, 120]);
    }
}
