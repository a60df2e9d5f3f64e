//! Generated histories of one name, against a naive model and against the promises.

use proptest::prelude::*;

use super::EventType::{Add, Delete, Update};
use super::*;

#[derive(Clone, Copy, Debug)]
enum Op {
    Enqueue(EventType),
    Start,
    Settle,
    Fail,
    /// Time passes, in units of a retry's delay.
    Pass(u32),
}

/// The delay of every retry, and how often a delete may fail.
const DELAY: Duration = Duration::from_secs(10);
const DEADLINE: Duration = Duration::from_secs(1000);

fn history() -> impl Strategy<Value = Vec<Op>> {
    let op = any::<u8>().prop_map(|bits| match bits % 18 {
        0..3 => Op::Enqueue(Add),
        3..6 => Op::Enqueue(Update),
        6..9 => Op::Enqueue(Delete),
        9..12 => Op::Start,
        12 => Op::Settle,
        13..16 => Op::Fail,
        _ => Op::Pass(u32::from(bits % 3)),
    });
    prop::collection::vec(op, 1..40)
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 100_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Pending calls as a list, in which neighbors merge until no rule applies.
#[derive(Debug, Default)]
struct Model {
    running: Option<EventType>,
    /// Each with whether the handlers know of the object.
    pending: Vec<(EventType, bool)>,
    delete_failures: u32,
    now: Duration,
    /// When the retry is due, while the next call is one.
    retry: Option<Duration>,
    is_early: bool,
    /// The delete has been made due by a change once.
    recreated: bool,
    first_failure_of_delete: Option<Duration>,
}

impl Model {
    fn apply(&mut self, op: Op) -> (Option<EventType>, Option<After>) {
        match op {
            Op::Enqueue(event) => {
                let after_delete = self.pending.iter().any(|(event, _)| *event == Delete);
                let runs = matches!(self.running, Some(Add | Update));
                let has_change = self.pending.iter().any(|(event, _)| *event != Delete);
                self.pending
                    .push((event, event != Add || runs && !after_delete));
                self.merge();
                let deletes = self.pending.iter().any(|(event, _)| *event == Delete);
                if event == Delete {
                    self.delete_failures = 0;
                    if deletes && !after_delete {
                        self.retry = None; // A first try of its own.
                    }
                } else if !has_change
                    && (deletes || self.running == Some(Delete))
                    && !std::mem::replace(&mut self.recreated, true)
                {
                    self.retry = None;
                }
            }
            Op::Start if self.running.is_none() && !self.pending.is_empty() => {
                self.running = Some(self.pending.remove(0).0);
                self.is_early = self.retry.is_some_and(|due| due > self.now);
                return (self.running, None);
            }
            Op::Start => {}
            Op::Settle => {
                if self.running.take() == Some(Delete) {
                    self.pay_delete();
                }
                self.retry = None;
                return (None, Some(After::Settled));
            }
            Op::Fail => return (None, Some(self.fail())),
            Op::Pass(delays) => self.now += DELAY * delays,
        }
        (None, None)
    }

    fn pay_delete(&mut self) {
        self.delete_failures = 0;
        self.recreated = false;
        self.first_failure_of_delete = None;
        self.retry = None;
    }

    fn fail(&mut self) -> After {
        let Some(event) = self.running.take() else {
            return After::Settled;
        };
        if event == Delete {
            let since = *self.first_failure_of_delete.get_or_insert(self.now);
            let lasted = self.now.saturating_sub(since);
            if lasted >= DEADLINE {
                self.pay_delete();
                return After::Expired(lasted);
            }
        }
        let recreated = self.pending.iter().any(|(event, _)| *event != Delete);
        if event == Delete && recreated && !self.is_early {
            self.delete_failures += 1;
            if self.delete_failures == 5 {
                self.pay_delete();
                self.pending.retain(|(event, _)| *event != Delete);
                return After::GivenUp;
            }
        }
        self.pending.insert(0, (event, true));
        self.merge();
        if event != Delete && self.pending[0].0 == Delete {
            return After::Overtaken;
        }
        if !(self.is_early && self.retry.is_some()) {
            let last = self.first_failure_of_delete.map(|since| since + DEADLINE);
            let at = self.now + DELAY;
            self.retry = Some(last.map_or(at, |last| last.min(at)));
        }
        After::Retry
    }

    fn merge(&mut self) {
        let mut index = 1;
        while index < self.pending.len() {
            let (first, known) = self.pending[index - 1];
            let merged = match (first, self.pending[index].0) {
                (Add, Add | Update) | (Update, Add) => Some((Add, known)),
                (Update, Update) => Some((Update, known)),
                (Add | Update, Delete) if known => Some((Delete, true)),
                (Add | Update, Delete) => None,
                (Delete, Delete) => Some((Delete, true)),
                (Delete, Add | Update) => {
                    index += 1;
                    continue;
                }
            };
            self.pending.splice(index - 1..=index, merged);
            index = 1;
        }
    }
}

/// What a test applies the operations to.
struct Subject {
    owed: OwedWork,
    now: Instant,
}

impl Subject {
    fn new() -> Self {
        Self {
            owed: OwedWork::default(),
            now: Instant::now(),
        }
    }

    fn apply(&mut self, op: Op) -> (Option<EventType>, Option<After>) {
        let Self { owed, now } = self;
        match op {
            Op::Enqueue(event) => owed.enqueue(event),
            Op::Start => return (owed.start(*now), None),
            Op::Settle => return (None, Some(owed.settle())),
            Op::Fail => return (None, Some(fail(owed, *now))),
            Op::Pass(delays) => *now += DELAY * delays,
        }
        (None, None)
    }
}

/// Fails as the book does.
fn fail(owed: &mut OwedWork, now: Instant) -> After {
    let keeps_retry = owed.is_early() && owed.retry_at().is_some();
    let after = owed.fail(now, DEADLINE);
    if after == After::Retry && !keeps_retry {
        owed.set_retry_at(now.checked_add(DELAY), DEADLINE);
    }
    after
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn calls_merge_as_in_the_naive_model(history in history()) {
        let (mut subject, mut model) = (Subject::new(), Model::default());
        let zero = subject.now;

        for op in history {
            prop_assert_eq!(subject.apply(op), model.apply(op), "{:?}", op);

            let owed = &subject.owed;
            prop_assert_eq!(owed.is_pending(), !model.pending.is_empty());
            prop_assert_eq!(owed.running(), model.running);
            prop_assert_eq!(owed.retry_at().map(|at| at - zero), model.retry);
            prop_assert!(model.pending.len() <= 2, "{:?}", model.pending);
        }
    }

    /// Judged by what the callbacks see, whatever the model says.
    #[test]
    fn no_change_and_no_delete_is_lost(history in history()) {
        let mut subject = Subject::new();
        let mut running = None;
        // An add or update that no call has followed; a delete of something that a call was for.
        let (mut change_due, mut delete_due) = (false, false);
        // A call for the object has started, and it was not deleted since.
        let mut known = false;
        let all = history.into_iter().chain([Op::Settle, Op::Start].into_iter().cycle().take(8));

        for op in all {
            let (started, after) = subject.apply(op);
            match op {
                Op::Enqueue(Delete) => {
                    delete_due |= known;
                    (change_due, known) = (false, false);
                }
                Op::Enqueue(event) => {
                    // An update tells of a known object, unless it merges into its add.
                    known |= event == Update && !change_due;
                    change_due = true;
                }
                Op::Settle | Op::Fail => {
                    let is_over = matches!(after, Some(After::GivenUp | After::Expired(_)));
                    prop_assert_eq!(is_over && running != Some(Delete), false);
                    match (running.take(), after) {
                        (Some(Delete), Some(After::Retry)) => delete_due = true,
                        (Some(Delete), Some(After::GivenUp)) => delete_due = false,
                        (Some(_), Some(After::Retry)) => change_due = true,
                        (Some(_), Some(After::Overtaken)) => prop_assert!(delete_due),
                        _ => {}
                    }
                    // Nothing is remembered once done.
                    known &= !subject.owed.is_idle();
                }
                Op::Start => match started {
                    Some(event) => {
                        prop_assert!(running.is_none(), "two calls at once");
                        running = started;
                        if event == Delete {
                            delete_due = false;
                        } else {
                            prop_assert!(!delete_due, "{} before the delete", event);
                            change_due = false;
                            known = true;
                        }
                    }
                    None => prop_assert!(running.is_some() || !change_due && !delete_due),
                },
                Op::Pass(_) => {}
            }
        }
        let owed = subject.owed;
        prop_assert!(owed.is_idle(), "remembered once done: {:?}", owed);
    }
}

/// Enqueues the events, then returns what is called if every call succeeds.
fn calls(events: &[EventType]) -> Vec<EventType> {
    let mut owed = OwedWork::default();
    for &event in events {
        owed.enqueue(event);
    }
    drain(&mut owed)
}

fn drain(owed: &mut OwedWork) -> Vec<EventType> {
    std::iter::from_fn(|| {
        let event = owed.start(Instant::now());
        owed.settle();
        event
    })
    .collect()
}

#[test]
fn pending_calls_merge_as_documented() {
    assert_eq!(calls(&[Add, Update, Update]), [Add]);
    assert_eq!(calls(&[Update, Update]), [Update]);
    assert_eq!(calls(&[Add, Delete]), []);
    assert_eq!(calls(&[Add, Update, Delete]), []);
    assert_eq!(calls(&[Update, Delete]), [Delete]);
    assert_eq!(calls(&[Delete, Add]), [Delete, Add]);
    assert_eq!(calls(&[Delete, Add, Update]), [Delete, Add]);
    assert_eq!(calls(&[Delete, Add, Delete]), [Delete]);
    assert_eq!(calls(&[Update, Add, Delete]), [Delete]);
}

#[test]
fn add_that_has_started_is_not_cancelled_by_a_delete() {
    for failed in [false, true] {
        let mut owed = OwedWork::default();
        owed.enqueue(Add);
        owed.start(Instant::now());
        if failed {
            assert_eq!(fail(&mut owed, Instant::now()), After::Retry);
        }
        owed.enqueue(Delete);
        if !failed {
            assert_eq!(fail(&mut owed, Instant::now()), After::Overtaken);
        }

        assert_eq!(drain(&mut owed), [Delete]);
    }
}

#[test]
fn failed_add_takes_the_updates_that_came_meanwhile_with_it() {
    let mut owed = OwedWork::default();
    owed.enqueue(Add);
    owed.start(Instant::now());
    owed.enqueue(Update);

    assert_eq!(fail(&mut owed, Instant::now()), After::Retry);

    assert_eq!(drain(&mut owed), [Add]);
}

#[test]
fn delete_that_goes_on_failing_lets_the_new_object_through() {
    let mut owed = OwedWork::default();
    owed.enqueue(Delete);
    for _ in 0..20 {
        owed.start(Instant::now());
        assert_eq!(fail(&mut owed, Instant::now()), After::Retry);
    }
    owed.enqueue(Add);

    let mut now = Instant::now();
    for failure in 1..=5 {
        assert_eq!(owed.start(now), Some(Delete));
        let expected = if failure == 5 {
            After::GivenUp
        } else {
            After::Retry
        };
        assert_eq!(fail(&mut owed, now), expected, "failure {failure}");
        now += DELAY;
    }

    assert_eq!(drain(&mut owed), [Add]);
}

#[test]
fn delete_that_is_made_due_by_further_changes_does_not_lose_its_retries() {
    let mut owed = OwedWork::default();
    let now = Instant::now();
    owed.enqueue(Delete);
    owed.start(now);
    assert_eq!(fail(&mut owed, now), After::Retry);

    for _ in 0..100 {
        owed.enqueue(Add);
        assert_eq!(owed.start(now), Some(Delete));
        assert_eq!(fail(&mut owed, now), After::Retry);
    }

    assert_eq!(owed.retry_at(), Some(now + DELAY), "of the first change");
}

#[test]
fn delete_that_has_failed_for_its_time_is_over() {
    let mut owed = OwedWork::default();
    let now = Instant::now();
    owed.enqueue(Delete);
    owed.start(now);
    assert_eq!(fail(&mut owed, now), After::Retry);
    assert!(owed.is_failing_delete());

    owed.start(now + DEADLINE);

    assert_eq!(fail(&mut owed, now + DEADLINE), After::Expired(DEADLINE));
    assert!(owed.is_idle() && !owed.is_failing_delete());
}
