//! How long a failed item waits before its next turn.

use std::error::Error;
use std::time::Duration;

mod exponential_backoff;
mod max_of;
mod token_bucket;

pub use exponential_backoff::ExponentialBackoff;
pub use max_of::MaxOf;
pub use token_bucket::{InvalidTokenBucket, TokenBucket};

/// Says how long an item has to wait after a failure.
///
/// A queue asks it only in `add_rate_limited`, `add_rate_limited_with` and `backoff`;
/// a plain `add` is never limited.
///
/// One thread at a time asks it; another one that asks meanwhile waits, while those that add and get
/// items do not. It may call its queue, but is not asked again from there: a failure that it counts in
/// the queue then waits 1 s, and one that it forgets is not forgotten. If it panics in
/// [`when`](Self::when), that is logged and the item waits 1 s.
///
/// # Examples
///
/// A limiter that obeys the server's `Retry-After`:
///
/// ```
/// use std::{error::Error, time::Duration};
/// use kubehandler_queue::{ExponentialBackoff, Queue, RateLimiter};
///
/// #[derive(Debug)]
/// struct RetryAfter(Duration);
/// # impl std::fmt::Display for RetryAfter {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "busy") }
/// # }
/// impl Error for RetryAfter {}
///
/// #[derive(Default)]
/// struct Polite(ExponentialBackoff<String>);
///
/// impl RateLimiter<String> for Polite {
///     fn when(&mut self, item: &String, error: Option<&(dyn Error + 'static)>) -> Duration {
///         let backoff = self.0.when(item, error);
///         match error.and_then(|error| error.downcast_ref()) {
///             Some(RetryAfter(delay)) => backoff.max(*delay),
///             None => backoff,
///         }
///     }
///     fn forget(&mut self, item: &String) {
///         self.0.forget(item);
///     }
///     fn num_requeues(&self, item: &String) -> usize {
///         self.0.num_requeues(item)
///     }
/// }
///
/// let queue = Queue::new(Polite::default());
/// let busy = RetryAfter(Duration::from_secs(30));
/// assert_eq!(queue.add_rate_limited_with("default/web".to_owned(), &busy), busy.0);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a rate limiter of `{T}` items",
    note = "use `ExponentialBackoff`, `TokenBucket` or `MaxOf`, or implement `RateLimiter`"
)]
pub trait RateLimiter<T>: Send {
    /// Counts one more failure of the item and returns how long it has to wait.
    ///
    /// `error` is what the item failed with, if the caller said.
    fn when(&mut self, item: &T, error: Option<&(dyn Error + 'static)>) -> Duration;

    /// Forgets the failures of the item: it succeeded, or is given up.
    fn forget(&mut self, item: &T);

    /// Returns how often the item failed since it was last forgotten.
    fn num_requeues(&self, item: &T) -> usize;
}

impl<T, L: RateLimiter<T> + ?Sized> RateLimiter<T> for Box<L> {
    fn when(&mut self, item: &T, error: Option<&(dyn Error + 'static)>) -> Duration {
        (**self).when(item, error)
    }

    fn forget(&mut self, item: &T) {
        (**self).forget(item);
    }

    fn num_requeues(&self, item: &T) -> usize {
        (**self).num_requeues(item)
    }
}
