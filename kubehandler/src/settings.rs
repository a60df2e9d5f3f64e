//! How a handler's callbacks are run.

use std::{fmt, num::NonZeroUsize, sync::Arc, time::Duration};

use crate::handler::EventHandler;

/// A test of one object.
pub(crate) type Predicate<K> = Arc<dyn Fn(&K) -> bool + Send + Sync>;
/// A comparison of an object as last handled with the object as it is now.
pub(crate) type Difference<K> = Arc<dyn Fn(&K, &K) -> bool + Send + Sync>;

/// How a handler's callbacks are run: workers, timeout, retries, resync, predicates.
///
/// The derive makes it from `#[handler(...)]`; [`EventHandler::settings`] returns it.
///
/// # Examples
///
/// ```
/// use kubehandler::{DefaultHandler, Retry, Settings, k8s::ConfigMap};
/// use std::time::Duration;
///
/// let settings: Settings<DefaultHandler<ConfigMap>> = Settings::default()
///     .workers(8)
///     .timeout(Duration::from_secs(30))
///     .retry(Retry::default().max(5))
///     .when(|map: &ConfigMap| map.data.is_some());
/// ```
pub struct Settings<H: EventHandler> {
    pub(crate) workers: Option<usize>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) retry: Retry,
    pub(crate) resync: Option<Duration>,
    pub(crate) when: Option<Predicate<H::Resource>>,
    pub(crate) changed: Option<Difference<H::Resource>>,
}

/// A number of workers: `8`, or a number that a program was given.
///
/// [`EventLoop::run`](crate::EventLoop::run) refuses none, and more than 65,536.
pub trait Workers {
    /// Returns the number, or 0 if it is negative.
    fn count(self) -> usize;
}

impl Workers for usize {
    fn count(self) -> usize {
        self
    }
}

impl Workers for NonZeroUsize {
    fn count(self) -> usize {
        self.get()
    }
}

impl Workers for u32 {
    fn count(self) -> usize {
        self.try_into().unwrap_or(usize::MAX)
    }
}

/// What a number in the source is, unless something else is said.
impl Workers for i32 {
    fn count(self) -> usize {
        self.try_into().unwrap_or(0)
    }
}

impl<H: EventHandler> Settings<H> {
    /// Runs at most `workers` callbacks of this handler at once; by default, the loop's number.
    #[must_use]
    pub fn workers(mut self, workers: impl Workers) -> Self {
        self.workers = Some(workers.count());
        self
    }

    /// Drops a callback that runs longer, as one failure; by default, none is dropped.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets how often and after which delays a failed callback is called again.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Calls `on_update` for every known object each `interval`; by default, never.
    #[must_use]
    pub fn resync(mut self, interval: Duration) -> Self {
        self.resync = Some(interval);
        self
    }

    /// Calls `on_add` and `on_update` only for states of an object that pass `predicate`.
    ///
    /// It never ends a life: a delete is still called for an object whose add was, and for one of
    /// the first list, as an earlier run of the program may have called its add.
    #[must_use]
    pub fn when(
        mut self,
        predicate: impl Fn(&H::Resource) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.when = Some(Arc::new(predicate));
        self
    }

    /// Calls `on_update` for a change only if `differ(old, new)`, where `old` is the object as last handled.
    ///
    /// It does not gate retries, requeues, resync, or the start of a deletion.
    #[must_use]
    pub fn changed(
        mut self,
        differ: impl Fn(&H::Resource, &H::Resource) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.changed = Some(Arc::new(differ));
        self
    }
}

impl<H: EventHandler> Default for Settings<H> {
    fn default() -> Self {
        Self {
            workers: None,
            timeout: None,
            retry: Retry::default(),
            resync: None,
            when: None,
            changed: None,
        }
    }
}

impl<H: EventHandler> fmt::Debug for Settings<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("workers", &self.workers)
            .field("timeout", &self.timeout)
            .field("retry", &self.retry)
            .field("resync", &self.resync)
            .field("when", &self.when.is_some())
            .field("changed", &self.changed.is_some())
            .finish()
    }
}

/// How often, and after which delays, a failed callback is called again.
///
/// By default after 5 ms, 10 ms, 20 ms and so on up to 1000 s, as client-go does; one delay for each
/// object, without jitter. Adds and updates are retried for ever, deletes for a
/// [day](Self::delete_deadline).
///
/// A change does not wait for the retry of a failure before it: it is handed out at once. If that
/// call fails too, it does not count as one of the tries, and the retry stays at its time. However
/// many changes an outage sees, the retries are spread over the same time. The same holds for a
/// resync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    pub(crate) max: Option<u32>,
    pub(crate) base: Duration,
    pub(crate) cap: Duration,
    pub(crate) delete_deadline: Option<Duration>,
}

/// How long a delete is retried by default.
const DELETE_DEADLINE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a delete is retried by default while more than [`MANY_DELETES`] of a handler fail.
const DELETE_DEADLINE_OF_MANY: Duration = Duration::from_secs(60 * 60);
/// More deletes of one handler that keep failing are many: each holds two states of its object.
const MANY_DELETES: usize = 1_000;

impl Retry {
    /// Gives up for this change after `max` failed tries in a row: the first call and its retries.
    ///
    /// Calls that a change or a resync brought before a retry was due are no tries. The next change
    /// starts afresh.
    #[must_use]
    pub fn max(mut self, max: u32) -> Self {
        self.max = Some(max);
        self
    }

    /// Gives up a delete that fails when `deadline` has passed since its first failure.
    ///
    /// The last retry comes then, also where a later one was
    /// [asked for](crate::HandlerError::retry_after).
    /// By default a day; an hour while more than 1,000 deletes of the handler keep failing. With a
    /// deadline of your own their number does not matter, and with `Duration::MAX` they are retried
    /// for ever.
    ///
    /// What is given up is logged as an error with its object. There has to be an end: objects come
    /// and go without limit, and each delete that is owed holds the last states of its object.
    /// `on_delete` is best effort in any case, as it is not called for what is deleted while the
    /// program does not run: where a clean-up must happen, use a finalizer.
    #[must_use]
    pub fn delete_deadline(mut self, deadline: Duration) -> Self {
        self.delete_deadline = Some(deadline);
        self
    }

    /// Waits `base` after the first failure, and twice as long after each further one.
    #[must_use]
    pub fn base(mut self, base: Duration) -> Self {
        self.base = base;
        self
    }

    /// Waits at most `cap`.
    #[must_use]
    pub fn cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// Returns how long a delete is retried while this many deletes of the handler keep failing.
    pub(crate) fn delete_deadline_among(&self, failing_deletes: usize) -> Duration {
        match self.delete_deadline {
            Some(deadline) => deadline,
            None if failing_deletes > MANY_DELETES => DELETE_DEADLINE_OF_MANY,
            None => DELETE_DEADLINE,
        }
    }

    /// Returns the delay after this many failures in a row, at least one.
    pub(crate) fn delay(&self, failures: u32) -> Duration {
        let factor = 1_u32.checked_shl(failures.saturating_sub(1));
        factor
            .and_then(|factor| self.base.checked_mul(factor))
            .map_or(self.cap, |delay| delay.min(self.cap))
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max: None,
            base: Duration::from_millis(5),
            cap: Duration::from_secs(1000),
            delete_deadline: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadline_of_deletes_is_shorter_while_many_fail_unless_it_was_set() {
        let default = Retry::default();
        let own = default.delete_deadline(Duration::from_secs(5));

        let hours = [0, 1_000, 1_001, usize::MAX]
            .map(|failing| default.delete_deadline_among(failing).as_secs() / 3600);

        assert_eq!(hours, [24, 24, 1, 1]);
        assert_eq!(own.delete_deadline_among(0).as_secs(), 5);
        assert_eq!(own.delete_deadline_among(usize::MAX).as_secs(), 5);
    }

    #[test]
    fn delay_doubles_from_its_base_to_its_cap() {
        let retry = Retry::default();

        let delays: Vec<u128> = [1, 2, 3, 18, 19, 40, u32::MAX]
            .map(|failures| retry.delay(failures).as_millis())
            .to_vec();

        assert_eq!(
            delays,
            [5, 10, 20, 655_360, 1_000_000, 1_000_000, 1_000_000]
        );
    }
}
