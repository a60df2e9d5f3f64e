//! Which stretches of code are to be reported, and when: pure, without a clock.

use std::{collections::HashMap, hash::Hash, time::Duration};

/// A stretch that lasts this long is reported; then each time it has lasted twice as long.
const FIRST: Duration = Duration::from_secs(1);

/// What each task was doing when it was last looked at.
#[derive(Debug)]
pub(super) struct Ledger<I, S> {
    known: HashMap<I, Lasting<S>>,
}

#[derive(Debug)]
struct Lasting<S> {
    stretch: S,
    /// How long it has lasted, as far as it was seen.
    time: Duration,
    /// When it is reported next.
    due: Duration,
    is_reported: bool,
}

/// What is to be reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding<I, S> {
    /// The stretch has not ended for this long.
    Lasts(I, S, Duration),
    /// A stretch that was reported is over after this time.
    Over(I, Duration),
}

impl<I, S> Default for Ledger<I, S> {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
        }
    }
}

impl<I: Copy + Eq + Hash + Ord, S: Copy + Eq> Ledger<I, S> {
    /// Takes what runs now, `passed` after the last look, and returns what is to be reported.
    ///
    /// A stretch counts from where it is first seen. Time in which the watchdog did not look, such as that of a
    /// process that was stopped, is not to be part of `passed`: the code did not run either.
    pub(super) fn look(
        &mut self,
        passed: Duration,
        running: impl IntoIterator<Item = (I, S)>,
    ) -> Vec<Finding<I, S>> {
        let running: HashMap<I, S> = running.into_iter().collect();
        let mut findings = Vec::new();
        self.known.retain(|task, lasting| {
            let goes_on = running.get(task) == Some(&lasting.stretch);
            lasting.time += passed;
            if !goes_on && lasting.is_reported {
                findings.push(Finding::Over(*task, lasting.time));
            }
            goes_on
        });
        for (task, stretch) in running {
            let lasting = self.known.entry(task).or_insert(Lasting {
                stretch,
                time: Duration::ZERO,
                due: FIRST,
                is_reported: false,
            });
            if lasting.time >= lasting.due {
                lasting.due = lasting.time.saturating_mul(2);
                lasting.is_reported = true;
                findings.push(Finding::Lasts(task, stretch, lasting.time));
            }
        }
        // What is over first, then by task: whatever the order of the map is.
        findings.sort_by_key(|finding| match finding {
            Finding::Over(task, _) => (0, *task),
            Finding::Lasts(task, ..) => (1, *task),
        });
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(500);

    fn seconds(number: f64) -> Duration {
        Duration::from_secs_f64(number)
    }

    /// Looks at one task every half second; returns the findings with the number of their look.
    fn looks(stretches: impl IntoIterator<Item = Option<u32>>) -> Vec<(usize, Finding<u8, u32>)> {
        let mut ledger = Ledger::default();
        let mut found = Vec::new();
        for (look, stretch) in stretches.into_iter().enumerate() {
            let running = stretch.map(|stretch| (7, stretch));
            let findings = ledger.look(TICK, running);
            found.extend(findings.into_iter().map(|finding| (look, finding)));
        }
        found
    }

    #[test]
    fn stretch_is_reported_after_a_second_and_then_each_time_it_lasted_twice_as_long() {
        let found = looks(vec![Some(1); 40]);

        assert_eq!(
            found,
            [2, 4, 8, 16, 32]
                .map(|look: u32| { (look as usize, Finding::Lasts(7, 1, TICK * look)) })
        );
    }

    #[test]
    fn end_is_reported_once_and_says_how_long_it_took() {
        let mut stretches = vec![Some(1); 5];
        stretches.extend([None, None, Some(2), None]);

        let found = looks(stretches);

        assert_eq!(found.last(), Some(&(5, Finding::Over(7, seconds(2.5)))));
    }

    #[test]
    fn task_that_enters_and_leaves_code_again_and_again_is_not_reported() {
        assert_eq!(looks((0..100).map(Some)), []);
    }

    #[test]
    fn short_stretch_ends_without_a_report() {
        assert_eq!(looks([Some(1), Some(1), None]), []);
    }

    #[test]
    fn other_stretch_of_the_same_task_counts_from_its_own_begin() {
        let mut stretches = vec![Some(1); 4];
        stretches.extend(vec![Some(2); 3]);

        let found = looks(stretches);

        assert_eq!(
            found,
            [
                (2, Finding::Lasts(7, 1, seconds(1.0))),
                (4, Finding::Over(7, seconds(2.0))),
                (6, Finding::Lasts(7, 2, seconds(1.0))),
            ]
        );
    }

    #[test]
    fn each_task_is_reported_by_itself() {
        let mut ledger = Ledger::default();
        ledger.look(TICK, [(1, 'a')]);
        ledger.look(TICK, [(1, 'a'), (2, 'b')]);

        let first = ledger.look(TICK, [(1, 'a'), (2, 'b')]);
        let second = ledger.look(TICK, [(2, 'b')]);

        assert_eq!(first, [Finding::Lasts(1, 'a', seconds(1.0))]);
        let over = Finding::Over(1, seconds(1.5));
        assert_eq!(second, [over, Finding::Lasts(2, 'b', seconds(1.0))]);
    }
}
