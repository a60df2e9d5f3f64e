//! The tries of a call that fails: how many there were, and when the next one is due.

use std::time::Duration;

use tokio::time::Instant;

use super::turn::{Verdict, after};
use crate::{outcome::Retrying, settings::Retry};

/// The failed tries of one call, in a row.
///
/// A try is a call that was due: the first one, and each retry. A change (or a resync, or a
/// re-creation) brings further calls before the retry is due. They do not count when they fail, and
/// they do not put the retry off: otherwise a stream of changes during an outage would use up all
/// retries within milliseconds, or stretch the backoff to its longest delay.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tries {
    failures: u32,
    /// When the next try is due; none before the first one.
    retry_at: Option<Instant>,
}

impl Tries {
    /// Returns how many tries have failed.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// Returns when the next try is due; none before the first one.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Makes the next try due at once.
    pub(super) fn hurry(&mut self) {
        self.retry_at = None;
    }

    /// Makes the next try due at this time, if it is due later; returns the time until then.
    pub(super) fn bring_forward(&mut self, to: Instant, now: Instant) -> Duration {
        let at = self.retry_at.map_or(to, |at| at.min(to));
        self.retry_at = Some(at);
        at.saturating_duration_since(now)
    }

    /// Returns true if a call that starts now is not a try: the retry is due later.
    pub(super) fn is_early(&self, now: Instant) -> bool {
        self.retry_at.is_some_and(|at| at > now)
    }

    /// Books that a call failed, and says what follows.
    ///
    /// An early call moves the retry only if it asks for an earlier time.
    pub(super) fn fail(
        &mut self,
        is_early: bool,
        retrying: Retrying,
        retry: &Retry,
        now: Instant,
    ) -> Verdict {
        let asked = match retrying {
            Retrying::Never => return self.give_up(),
            Retrying::After(delay) => Some(delay),
            Retrying::Backoff => None,
        };
        let at = match self.retry_at {
            Some(at) if is_early => asked.map_or(at, |delay| at.min(after(now, delay))),
            _ => {
                self.failures = self.failures.saturating_add(1);
                if retry.max.is_some_and(|max| self.failures >= max) {
                    return self.give_up();
                }
                after(now, asked.unwrap_or_else(|| retry.delay(self.failures)))
            }
        };
        self.retry_at = Some(at);
        Verdict::Retry(at.saturating_duration_since(now))
    }

    /// Forgets the failures: the next call is a first try.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    fn give_up(&mut self) -> Verdict {
        self.forget();
        Verdict::GaveUp
    }
}
