//! A delay that doubles with each failure of an item.

use std::collections::HashMap;
use std::error::Error;
use std::hash::Hash;
use std::time::Duration;

use super::RateLimiter;
use crate::contained::dropped;
use crate::memory::shrink;

/// Doubles the delay of an item with each of its failures, up to a cap.
///
/// The default is client-go's: 5 ms, 10 ms, 20 ms and so on up to 1000 s, without jitter.
#[derive(Clone, Debug)]
pub struct ExponentialBackoff<T> {
    base: Duration,
    cap: Duration,
    /// Items that failed since they were last forgotten; no entry is zero.
    failures: HashMap<T, usize>,
}

impl<T> ExponentialBackoff<T> {
    /// Returns a limiter whose first delay is `base` and whose longest is `cap`.
    ///
    /// Every pair is legal: with a `cap` below `base` each delay is `cap`, with a
    /// `base` of zero each delay is zero.
    #[must_use]
    pub fn new(base: Duration, cap: Duration) -> Self {
        Self {
            base,
            cap,
            failures: HashMap::new(),
        }
    }

    /// Returns the delay after this number of failures.
    fn delay(&self, failures: usize) -> Duration {
        /// The widest shift that a `u32` factor can hold.
        const STEP: usize = 31;

        if self.base.is_zero() {
            return Duration::ZERO;
        }
        let mut delay = self.base;
        let mut doublings = failures;
        // From any base but zero, four steps reach any cap.
        while doublings > 0 && delay < self.cap {
            let step = doublings.min(STEP);
            delay = delay.checked_mul(1 << step).unwrap_or(self.cap);
            doublings -= step;
        }
        delay.min(self.cap)
    }
}

impl<T> Default for ExponentialBackoff<T> {
    fn default() -> Self {
        Self::new(Duration::from_millis(5), Duration::from_secs(1000))
    }
}

/// Drops the items one by one: more than one of them may panic.
impl<T> Drop for ExponentialBackoff<T> {
    fn drop(&mut self) {
        if std::mem::needs_drop::<T>() {
            let failures = std::mem::take(&mut self.failures);
            failures.into_keys().for_each(dropped);
        }
    }
}

impl<T: Clone + Eq + Hash + Send> RateLimiter<T> for ExponentialBackoff<T> {
    fn when(&mut self, item: &T, _error: Option<&(dyn Error + 'static)>) -> Duration {
        let earlier = match self.failures.get_mut(item) {
            Some(failures) => {
                let earlier = *failures;
                *failures = earlier.saturating_add(1);
                earlier
            }
            None => self.failures.insert(item.clone(), 1).unwrap_or(0),
        };
        self.delay(earlier)
    }

    fn forget(&mut self, item: &T) {
        self.failures.remove(item);
        shrink(&mut self.failures);
    }

    fn num_requeues(&self, item: &T) -> usize {
        self.failures.get(item).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(base: Duration, cap: Duration, count: usize) -> Vec<Duration> {
        let mut limiter = ExponentialBackoff::new(base, cap);
        (0..count).map(|_| limiter.when(&"item", None)).collect()
    }

    #[test]
    fn delay_doubles_from_the_base_up_to_the_cap() {
        let millis = delays(Duration::from_millis(5), Duration::from_millis(30), 5);

        assert_eq!(millis, [5, 10, 20, 30, 30].map(Duration::from_millis));
    }

    #[test]
    fn default_is_client_gos() {
        let mut limiter = ExponentialBackoff::default();

        let delays: Vec<_> = (0..19).map(|_| limiter.when(&"item", None)).collect();

        assert_eq!(delays[0], Duration::from_millis(5));
        assert_eq!(delays[17], Duration::from_millis(5 << 17));
        assert_eq!(delays[18], Duration::from_secs(1000));
    }

    #[test]
    fn delay_never_overflows() {
        for base in [1, 7, u64::MAX]
            .map(Duration::from_nanos)
            .into_iter()
            .chain([Duration::MAX])
        {
            for failures in (0..300).chain([usize::MAX - 1, usize::MAX]) {
                let limiter = ExponentialBackoff::<()>::new(base, Duration::MAX);

                let delay = limiter.delay(failures);

                assert!(delay >= base);
                assert!(failures < 100 || delay == Duration::MAX);
            }
        }
    }

    #[test]
    fn small_bases_double_exactly_across_wide_shifts() {
        let limiter = ExponentialBackoff::<()>::new(Duration::from_nanos(1), Duration::MAX);

        assert_eq!(limiter.delay(40), Duration::from_nanos(1 << 40));
        assert_eq!(limiter.delay(62), Duration::from_nanos(1 << 62));
    }

    #[test]
    fn cap_below_base_is_the_delay() {
        let delays = delays(Duration::from_secs(9), Duration::from_secs(2), 2);

        assert_eq!(delays, [Duration::from_secs(2); 2]);
    }

    #[test]
    fn zero_base_never_waits() {
        let limiter = ExponentialBackoff::<()>::new(Duration::ZERO, Duration::MAX);

        assert_eq!(limiter.delay(usize::MAX), Duration::ZERO);
    }

    #[test]
    fn forgotten_item_starts_again_and_costs_nothing() {
        let mut limiter = ExponentialBackoff::default();
        limiter.when(&"flaky", None);
        limiter.when(&"flaky", None);
        assert_eq!(limiter.num_requeues(&"flaky"), 2);

        limiter.forget(&"flaky");

        assert_eq!(limiter.num_requeues(&"flaky"), 0);
        assert!(limiter.failures.is_empty());
        assert_eq!(limiter.when(&"flaky", None), Duration::from_millis(5));
    }
}
