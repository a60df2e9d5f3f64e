//! Generated outages against a model of law 6: which failures count, and when the next try is due.

use super::*;

/// One step of an outage.
#[derive(Clone, Copy, Debug)]
enum Step {
    Change,
    Resync,
    Remove,
    Recreate,
    /// A predicate drops the object.
    Filter,
    Start,
    Finish(Outcome),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let after = |millis| Outcome::Failed(Retrying::After(Duration::from_millis(millis)));
    prop_oneof![
        6 => Just(Step::Change),
        2 => Just(Step::Resync),
        1 => Just(Step::Remove),
        2 => Just(Step::Recreate),
        1 => Just(Step::Filter),
        9 => Just(Step::Start),
        8 => Just(Step::Finish(FAILED)),
        2 => (0..100_u64).prop_map(move |millis| Step::Finish(after(millis))),
        1 => Just(Step::Finish(DONE)),
        1 => Just(Step::Finish(Outcome::Failed(Retrying::Never))),
        4 => (0..40_u64).prop_map(Step::Pass),
    ]
}

/// What has happened to the calls of one sort: the adds and updates of a life, or its delete.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// A call started.
    Started(Instant),
    /// It ended.
    Ended(Instant, Outcome),
    /// The object of a delete exists again.
    Recreated,
}

/// What follows from all that has happened.
#[derive(Debug, Default)]
struct Verdicts {
    /// Failed tries in a row.
    failures: u32,
    /// When the next try is due.
    due: Option<Instant>,
    /// Failed tries since the object exists again.
    since_recreation: Option<u32>,
    /// A re-creation wants a call at once.
    is_wanted: bool,
    is_over: bool,
}

/// Judges a history from its beginning.
fn judge(history: &[Event], max: Option<u32>) -> Verdicts {
    let mut so_far = Verdicts::default();
    let mut started = None;
    for event in history {
        match *event {
            Event::Started(at) => {
                so_far.is_wanted = false;
                // The first, and each that is not before its retry.
                started = Some(so_far.due.is_none_or(|due| due <= at));
            }
            Event::Recreated => {
                so_far.is_wanted = true;
                if so_far.since_recreation.is_none() {
                    (so_far.due, so_far.since_recreation) = (None, Some(0));
                }
            }
            Event::Ended(at, outcome) => {
                let is_try = started.take().expect("it had started");
                judge_end(&mut so_far, at, outcome, is_try, max);
            }
        }
    }
    so_far
}

fn judge_end(so_far: &mut Verdicts, at: Instant, outcome: Outcome, is_try: bool, max: Option<u32>) {
    let asked = match outcome {
        Outcome::Done(_) | Outcome::Failed(Retrying::Never) => {
            (so_far.failures, so_far.due, so_far.is_over) = (0, None, true);
            return;
        }
        Outcome::Failed(Retrying::After(delay)) => Some(at + delay),
        Outcome::Failed(Retrying::Backoff) => None,
    };
    if !is_try {
        so_far.due = so_far.due.min(asked.or(so_far.due));
        return;
    }
    so_far.failures += 1;
    let backoff = Duration::from_millis(5 << (so_far.failures - 1).min(20));
    so_far.due = Some(asked.unwrap_or(at + backoff));
    if let Some(failures) = &mut so_far.since_recreation {
        *failures += 1;
    }
    if max == Some(so_far.failures) || so_far.since_recreation == Some(5) {
        (so_far.failures, so_far.due, so_far.is_over) = (0, None, true);
    }
}

/// The account, and a model of it that remembers all that has happened.
struct Outage {
    owed: Owed,
    patience: Patience,
    now: Instant,
    versions: u32,
    lives: u32,
    /// The adds and updates of the life in view, if there is one.
    life: Option<Vec<Event>>,
    /// A change or a resync is due; a retry was dropped by a predicate.
    has_news: bool,
    is_dropped: bool,
    has_started: bool,
    /// The delete that is owed.
    delete: Option<Vec<Event>>,
    /// Whether the call that runs is a delete, and of which life it is.
    running: Option<(bool, u32)>,
}

impl Outage {
    fn new(max: Option<u32>) -> Self {
        let retry = Retry { max, ..RETRY };
        let mut outage = Self {
            owed: Owed::default(),
            patience: Patience { retry, ..PATIENCE },
            now: Instant::now(),
            versions: 0,
            lives: 0,
            life: None,
            has_news: false,
            is_dropped: false,
            has_started: false,
            delete: None,
            running: None,
        };
        outage.step(Step::Recreate);
        outage
    }

    fn state(&mut self) -> Stored {
        self.versions += 1;
        state(&self.lives.to_string(), self.versions)
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Change if self.life.is_some() => {
                let object = self.state();
                self.owed.upsert(object, false);
                self.has_news = true;
            }
            Step::Resync if self.life.is_some() => {
                self.owed.resync();
                self.has_news = true;
            }
            Step::Remove => self.remove(),
            Step::Recreate => {
                self.remove();
                self.lives += 1;
                let object = self.state();
                self.owed.upsert(object, false);
                self.life = Some(Vec::new());
                (self.has_news, self.is_dropped, self.has_started) = (true, false, false);
                if let Some(delete) = &mut self.delete {
                    delete.push(Event::Recreated);
                }
            }
            Step::Filter => self.filter(),
            Step::Start => self.start(),
            Step::Finish(outcome) => self.finish(outcome),
            Step::Pass(millis) => self.now += Duration::from_millis(millis),
            Step::Change | Step::Resync => {}
        }
    }

    fn remove(&mut self) {
        if self.life.take().is_some() {
            let last = self.state();
            self.owed.remove(last);
            if self.has_started {
                assert!(self.delete.is_none(), "no call starts before it is paid");
                self.delete = Some(Vec::new());
            }
            self.has_started = false;
        }
    }

    fn filter(&mut self) {
        if self.running.is_some() || self.delete.is_some() {
            return;
        }
        if let Next::Call(offer) = self.owed.next(&key(), self.now) {
            assert!(self.owed.skip(&offer, Skip::Filtered, self.now));
            (self.has_news, self.is_dropped) = (false, true);
        }
    }

    fn start(&mut self) {
        if self.running.is_some() {
            return;
        }
        let Next::Call(offer) = self.owed.next(&key(), self.now) else {
            return;
        };
        assert!(self.owed.start(&offer, self.now));
        let is_delete = offer.call.event_type == EventType::Delete;
        let calls = if is_delete {
            self.delete.as_mut()
        } else {
            (self.has_news, self.is_dropped, self.has_started) = (false, false, true);
            self.life.as_mut()
        };
        let calls = calls.expect("it is owed");
        let expected = judge(calls, self.patience.retry.max).failures;
        assert_eq!(offer.call.attempt, expected, "{calls:?}");
        calls.push(Event::Started(self.now));
        self.running = Some((is_delete, self.lives));
    }

    fn finish(&mut self, outcome: Outcome) {
        let Some((is_delete, life)) = self.running.take() else {
            return;
        };
        let verdict = self.owed.finish(outcome, &self.patience, self.now);
        let calls = if is_delete {
            self.delete.as_mut()
        } else {
            self.life.as_mut().filter(|_| life == self.lives)
        };
        let Some(calls) = calls else {
            assert_eq!(verdict, Verdict::Settled, "its life is over");
            return;
        };
        calls.push(Event::Ended(self.now, outcome));
        let judged = judge(calls, self.patience.retry.max);
        let left = judged
            .due
            .map(|due| due.saturating_duration_since(self.now));
        let expected = match (outcome, left) {
            (Outcome::Done(_), _) => Verdict::Settled,
            (Outcome::Failed(_), Some(left)) => Verdict::Retry(left),
            (Outcome::Failed(_), None) => Verdict::GaveUp,
        };
        assert_eq!(verdict, expected, "{calls:?}");
        if is_delete && judged.is_over {
            self.delete = None;
        }
    }

    /// Checks when the next call is due.
    fn check(&self) {
        if self.running.is_some() {
            return;
        }
        let due = match (&self.delete, &self.life) {
            (Some(calls), _) => {
                let judged = judge(calls, self.patience.retry.max);
                let is_due = judged.is_wanted || judged.due.is_none();
                (!is_due)
                    .then_some(judged.due)
                    .flatten()
                    .map_or(Some(self.now), Some)
            }
            (None, Some(_)) if self.has_news => Some(self.now),
            (None, Some(calls)) => judge(calls, self.patience.retry.max)
                .due
                .filter(|_| !self.is_dropped),
            (None, None) => None,
        };
        let turn = match self.owed.turn(self.now) {
            Turn::Now(_) => Some(self.now),
            Turn::At(at, _) => Some(at),
            Turn::Never => None,
        };
        assert_eq!(turn, due.map(|due| due.max(self.now)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 5_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_outage_counts_the_tries_that_were_due_and_no_other(
        max in prop::option::of(1..6_u32),
        steps in prop::collection::vec(step(), 0..80),
    ) {
        let mut outage = Outage::new(max);

        for step in steps {
            outage.step(step);
            outage.check();
        }
    }
}
