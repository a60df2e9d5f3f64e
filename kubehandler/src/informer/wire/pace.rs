//! How slowly bytes may come and still be progress: a least rate, with patience for pauses.
//!
//! Pure: no clock and no I/O; the time that passed is passed in.
//!
//! There is one account of time, which holds `patience` at most. Waiting takes from it what was
//! waited, and each byte gives `1 / rate` seconds back. It is empty after `patience` of silence,
//! and sooner where too little came between the pauses. Whatever came before counts for no more
//! than `patience`: a list that came fast and now drips is not waited for.

use std::time::Duration;

/// What is left of the patience with a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    patience: Duration,
    /// Bytes a second; without one, only silence ends the patience.
    rate: Option<u64>,
    left: Duration,
}

/// Which limit a sender broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stall {
    /// Nothing came for so long.
    Silent(Duration),
    /// What came was less than `rate` bytes a second, and the patience did not make up for it.
    Slow { rate: u64, patience: Duration },
}

impl Pace {
    /// Starts with the whole of `patience`; a rate of zero is none.
    pub(crate) fn new(patience: Duration, bytes_per_second: u64) -> Self {
        Self {
            patience,
            rate: Some(bytes_per_second).filter(|rate| *rate > 0),
            left: patience,
        }
    }

    /// Returns how long the next bytes may take.
    pub(crate) fn left(&self) -> Duration {
        self.left
    }

    /// Notes that bytes came after they were waited for.
    ///
    /// Bytes that are there are never too late: who waits may have been busy with something else.
    pub(crate) fn came(&mut self, bytes: usize, waited: Duration) {
        let left = self.left.saturating_sub(waited);
        self.left = left.saturating_add(self.worth(bytes)).min(self.patience);
    }

    /// Says which limit is broken if nothing comes in the time that is left.
    pub(crate) fn stall(&self) -> Stall {
        match self.rate {
            Some(rate) if self.left < self.patience => Stall::Slow {
                rate,
                patience: self.patience,
            },
            _ => Stall::Silent(self.patience),
        }
    }

    /// Returns the time that this number of bytes may take.
    pub(crate) fn worth(&self, bytes: usize) -> Duration {
        let Some(rate) = self.rate else {
            return if bytes > 0 {
                self.patience
            } else {
                Duration::ZERO
            };
        };
        let nanos = bytes as u128 * 1_000_000_000 / u128::from(rate);
        u64::try_from(nanos).map_or(Duration::MAX, Duration::from_nanos)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);
    const RATE: u64 = 50;

    /// Plays bytes, each after a wait; returns when the patience ended, if it did.
    fn ends(
        pace: &mut Pace,
        arrivals: impl IntoIterator<Item = (Duration, usize)>,
    ) -> Option<Duration> {
        let mut now = Duration::ZERO;
        for (wait, bytes) in arrivals {
            if wait > pace.left() {
                return Some(now + pace.left());
            }
            now += wait;
            pace.came(bytes, wait);
        }
        None
    }

    fn pace() -> Pace {
        Pace::new(PATIENCE, RATE)
    }

    fn every(millis: u64, bytes: usize) -> impl Iterator<Item = (Duration, usize)> {
        let day = 86_400_000 / millis;
        let times = usize::try_from(day).expect("fits");
        std::iter::repeat_n((Duration::from_millis(millis), bytes), times)
    }

    #[test]
    fn slow_links_are_progress_for_as_long_as_they_take() {
        // 5 Mbit/s; 1 KB/s in packets, in TLS records, and in what a proxy collects; a tenth of that.
        for (millis, bytes) in [
            (2, 1_400),
            (1_400, 1_400),
            (14_000, 1_400),
            (16_384, 16_384),
            (50_000, 50_000),
        ] {
            assert_eq!(
                ends(&mut pace(), every(millis, bytes)),
                None,
                "{bytes} bytes each {millis} ms"
            );
        }
    }

    #[test]
    fn drips_are_no_progress_whatever_came_before() {
        for (seconds, bytes) in [(60, 1), (50, 1), (20, 1), (1, 1), (1, 25), (30, 1_000)] {
            let mut pace = pace();
            pace.came(1 << 30, Duration::ZERO);

            let ended = ends(&mut pace, every(seconds * 1_000, bytes));

            let ended = ended.expect("it ends");
            assert!(
                (60..150).contains(&ended.as_secs()),
                "{bytes} bytes each {seconds} s: {ended:?}"
            );
        }
    }

    #[test]
    fn silence_ends_the_patience_with_or_without_a_rate() {
        for rate in [0, RATE] {
            let mut pace = Pace::new(PATIENCE, rate);
            pace.came(1 << 30, Duration::from_secs(59));

            assert_eq!(pace.left(), PATIENCE);
            assert_eq!(pace.stall(), Stall::Silent(PATIENCE));
        }
    }

    #[test]
    fn too_little_is_told_from_nothing() {
        let mut pace = pace();
        pace.came(1, Duration::from_secs(59));

        let slow = Stall::Slow {
            rate: RATE,
            patience: PATIENCE,
        };

        assert_eq!(pace.left(), Duration::from_millis(1_020));
        assert_eq!(pace.stall(), slow);
    }

    proptest! {
        #[test]
        fn whoever_sends_at_the_rate_over_each_pause_is_waited_for(
            waits in proptest::collection::vec(0_u64..=60_000, 0..200),
            more in 0_usize..1_000,
        ) {
            let enough = |wait: u64| usize::try_from(wait * RATE / 1_000).expect("fits") + 1 + more;
            let arrivals = waits.into_iter().map(|wait| (Duration::from_millis(wait), enough(wait)));

            prop_assert_eq!(ends(&mut pace(), arrivals), None);
        }

        #[test]
        fn nobody_is_waited_for_longer_than_the_patience_and_what_the_bytes_are_worth(
            arrivals in proptest::collection::vec((0_u64..=60_000, 0_usize..3_000), 0..200),
            before in 0_usize..1_000_000,
        ) {
            let mut pace = pace();
            pace.came(before, Duration::ZERO);
            let mut now = Duration::ZERO;
            let mut bytes = 0;
            for (wait, more) in arrivals {
                let wait = Duration::from_millis(wait);
                if wait > pace.left() {
                    break;
                }
                now += wait;
                pace.came(more, wait);
                bytes += more;
                prop_assert!(pace.left() <= PATIENCE);
                prop_assert!(now <= PATIENCE + pace.worth(bytes), "{bytes} bytes in {now:?}");
            }
        }
    }
}
