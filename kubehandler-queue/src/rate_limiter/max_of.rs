//! The slowest of several limiters.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::RateLimiter;

/// Asks several limiters and takes the longest delay.
///
/// All of them are asked each time, so each of them counts every failure.
///
/// # Examples
///
/// client-go's default for controllers: each item backs off by itself, and all of
/// them together come back no faster than ten a second.
///
/// ```
/// use kubehandler_queue::{ExponentialBackoff, InvalidTokenBucket, MaxOf, Queue, TokenBucket};
///
/// # fn main() -> Result<(), InvalidTokenBucket> {
/// let limiter = MaxOf::new(ExponentialBackoff::default()).and(TokenBucket::new(10.0, 100)?);
/// let queue: Queue<String> = Queue::new(limiter);
/// # Ok(())
/// # }
/// ```
pub struct MaxOf<T> {
    limiters: Vec<Box<dyn RateLimiter<T>>>,
}

impl<T> MaxOf<T> {
    /// Returns a limiter that does as `limiter` does.
    #[must_use]
    pub fn new(limiter: impl RateLimiter<T> + 'static) -> Self {
        Self {
            limiters: vec![Box::new(limiter)],
        }
    }

    /// Asks `limiter` too.
    #[must_use]
    pub fn and(mut self, limiter: impl RateLimiter<T> + 'static) -> Self {
        self.limiters.push(Box::new(limiter));
        self
    }
}

impl<T> fmt::Debug for MaxOf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MaxOf")
            .field("limiters", &self.limiters.len())
            .finish()
    }
}

impl<T> RateLimiter<T> for MaxOf<T> {
    fn when(&mut self, item: &T, error: Option<&(dyn Error + 'static)>) -> Duration {
        let delays = self
            .limiters
            .iter_mut()
            .map(|limiter| limiter.when(item, error));
        delays.max().unwrap_or_default()
    }

    fn forget(&mut self, item: &T) {
        self.limiters
            .iter_mut()
            .for_each(|limiter| limiter.forget(item));
    }

    fn num_requeues(&self, item: &T) -> usize {
        let counts = self
            .limiters
            .iter()
            .map(|limiter| limiter.num_requeues(item));
        counts.max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::ExponentialBackoff;
    use super::*;

    #[test]
    fn slowest_limiter_decides_and_all_of_them_count() {
        let secs = Duration::from_secs;
        let steep = ExponentialBackoff::new(secs(1), secs(100));
        let flat = ExponentialBackoff::new(secs(3), secs(3));
        let mut limiter = MaxOf::new(flat).and(steep);

        let delays = [(); 4].map(|()| limiter.when(&"item", None));

        assert_eq!(delays, [3, 3, 4, 8].map(secs));
        assert_eq!(limiter.num_requeues(&"item"), 4);
        limiter.forget(&"item");
        assert_eq!(limiter.num_requeues(&"item"), 0);
        assert_eq!(limiter.when(&"item", None), secs(3));
    }
}
