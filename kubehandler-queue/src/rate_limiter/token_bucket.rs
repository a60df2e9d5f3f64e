//! A limit on how many failures a second come back, over all items.

use std::error::Error;
use std::time::Duration;

use tokio::time::Instant;

use super::RateLimiter;

/// Lets a burst through at once, then a fixed number of items a second.
///
/// It looks at no item: it bounds what all of them do together.
/// As in client-go, each call reserves its token, also the one that has to wait
/// for it, so that the delays of a crowd spread out evenly.
/// The time is tokio's.
#[derive(Clone, Debug)]
pub struct TokenBucket {
    bucket: Bucket,
    started: Instant,
}

/// Why a token bucket cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTokenBucket {
    /// The rate is zero, negative, infinite or no number: no delay follows from it.
    #[error("rate `{0}` is not a positive number of items a second")]
    Rate(f64),
    /// The burst is zero: no item would ever pass.
    #[error("burst `0` lets no item pass: use at least 1")]
    Burst,
}

impl TokenBucket {
    /// Returns a full bucket that holds `burst` tokens and gains `rate` a second.
    ///
    /// # Errors
    ///
    /// Fails if the rate is not a positive, finite number, or if the burst is zero.
    pub fn new(rate: f64, burst: u32) -> Result<Self, InvalidTokenBucket> {
        if !rate.is_finite() || rate <= 0.0 {
            return Err(InvalidTokenBucket::Rate(rate));
        }
        if burst == 0 {
            return Err(InvalidTokenBucket::Burst);
        }
        let burst = f64::from(burst);
        let bucket = Bucket {
            rate,
            burst,
            tokens: burst,
            at: Duration::ZERO,
        };
        Ok(Self {
            bucket,
            started: Instant::now(),
        })
    }
}

impl<T> RateLimiter<T> for TokenBucket {
    fn when(&mut self, _item: &T, _error: Option<&(dyn Error + 'static)>) -> Duration {
        self.bucket.reserve(self.started.elapsed())
    }

    /// Does nothing: a bucket counts no failures of an item.
    fn forget(&mut self, _item: &T) {}

    /// Returns zero: a bucket counts no failures of an item.
    fn num_requeues(&self, _item: &T) -> usize {
        0
    }
}

/// The arithmetic, apart from the clock.
#[derive(Clone, Debug)]
struct Bucket {
    rate: f64,
    burst: f64,
    /// What is left; negative while reservations wait for theirs.
    tokens: f64,
    /// When `tokens` was true.
    at: Duration,
}

impl Bucket {
    /// Takes a token and returns how long it takes until that one exists.
    fn reserve(&mut self, now: Duration) -> Duration {
        let gained = now.saturating_sub(self.at).as_secs_f64() * self.rate;
        self.tokens = (self.tokens + gained).min(self.burst) - 1.0;
        self.at = self.at.max(now);
        let missing = (-self.tokens).max(0.0);
        Duration::try_from_secs_f64(missing / self.rate).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(rate: f64, burst: u32) -> Bucket {
        TokenBucket::new(rate, burst).expect("legal").bucket
    }

    #[test]
    fn burst_passes_at_once_and_the_rest_at_the_rate() {
        let mut bucket = bucket(10.0, 2);

        let delays = [(); 4].map(|()| bucket.reserve(Duration::ZERO).as_millis());

        assert_eq!(delays, [0, 0, 100, 200]);
    }

    #[test]
    fn tokens_come_back_up_to_the_burst() {
        let mut bucket = bucket(10.0, 2);
        let hour = Duration::from_secs(3600);
        for _ in 0..4 {
            bucket.reserve(Duration::ZERO);
        }

        let delays = [(); 3].map(|()| bucket.reserve(hour).as_millis());

        assert_eq!(delays, [0, 0, 100]);
    }

    #[test]
    fn slowest_rate_saturates() {
        let mut bucket = bucket(f64::MIN_POSITIVE, 1);
        bucket.reserve(Duration::ZERO);

        assert_eq!(bucket.reserve(Duration::ZERO), Duration::MAX);
    }

    #[test]
    fn impossible_bucket_is_refused() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(
                TokenBucket::new(rate, 1),
                Err(InvalidTokenBucket::Rate(_))
            ));
        }
        assert!(matches!(
            TokenBucket::new(1.0, 0),
            Err(InvalidTokenBucket::Burst)
        ));
    }

    #[cfg(not(kubehandler_loom))]
    #[tokio::test(start_paused = true)]
    async fn bucket_refills_on_tokios_clock() {
        let mut bucket = TokenBucket::new(1.0, 1).expect("legal");
        bucket.when(&"item", None);

        tokio::time::advance(Duration::from_secs(1)).await;

        assert_eq!(bucket.when(&"item", None), Duration::ZERO);
        assert_eq!(bucket.when(&"item", None), Duration::from_secs(1));
    }
}
