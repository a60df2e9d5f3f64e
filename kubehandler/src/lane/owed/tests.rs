use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;

use super::*;
use crate::{queue::Priority, settings::Retry};

mod causes;
mod outage;

const RETRY: Retry = Retry {
    max: None,
    base: Duration::from_millis(5),
    cap: Duration::from_secs(1000),
    delete_deadline: None,
};
const PATIENCE: Patience = Patience {
    retry: RETRY,
    delete_deadline: Duration::from_secs(24 * 60 * 60),
};

fn key() -> ObjectKey {
    ObjectKey::namespaced("default", "web")
}

fn state(uid: &str, version: u32) -> Stored {
    Stored::of("a/object", uid, &version.to_string(), false, "{}")
}

fn deleting(uid: &str, version: u32) -> Stored {
    Stored::of("a/object", uid, &version.to_string(), true, "{}")
}

fn offer(owed: &Owed, now: Instant) -> Offer {
    match owed.next(&key(), now) {
        Next::Call(offer) => offer,
        other => panic!("no call is due: {other:?}"),
    }
}

/// Runs what is due now; returns which callback it was.
fn run(owed: &mut Owed, now: Instant, outcome: Outcome) -> EventType {
    let offer = offer(owed, now);
    assert!(owed.start(&offer, now));
    owed.finish(outcome, &PATIENCE, now);
    offer.call.event_type
}

const DONE: Outcome = Outcome::Done(None);
const FAILED: Outcome = Outcome::Failed(Retrying::Backoff);

#[tokio::test(start_paused = true)]
async fn every_call_before_an_add_succeeds_is_an_add() {
    let now = Instant::now();
    let mut owed = Owed::default();
    owed.upsert(state("a", 1), false);

    let failed = run(&mut owed, now, Outcome::Failed(Retrying::Never));
    owed.upsert(state("a", 2), false);
    let second = run(&mut owed, now, DONE);
    owed.upsert(state("a", 3), false);
    let third = run(&mut owed, now, DONE);

    assert_eq!(
        [failed, second, third],
        [EventType::Add, EventType::Add, EventType::Update]
    );
}

#[tokio::test(start_paused = true)]
async fn life_that_no_callback_saw_owes_nothing() {
    let mut owed = Owed::default();
    owed.upsert(state("a", 1), false);

    owed.remove(state("a", 2));

    assert!(owed.is_empty());
}

#[tokio::test(start_paused = true)]
async fn unseen_life_of_the_first_list_owes_its_delete() {
    let now = Instant::now();
    let mut owed = Owed::default();
    owed.upsert(state("a", 1), true);

    owed.remove(state("a", 2));
    owed.upsert(state("b", 3), false);
    let first = run(&mut owed, now, DONE);
    let second = run(&mut owed, now, DONE);

    assert_eq!([first, second], [EventType::Delete, EventType::Add]);
}

#[tokio::test(start_paused = true)]
async fn second_life_before_the_first_list_is_complete_leaves_the_delete_of_the_first() {
    let now = Instant::now();
    let mut owed = Owed::default();
    owed.upsert(state("a", 1), true);
    owed.remove(state("a", 1));
    owed.upsert(state("b", 3), true);
    let delete = offer(&owed, now);
    assert!(owed.start(&delete, now));

    owed.remove(state("b", 4));
    owed.finish(FAILED, &PATIENCE, now);

    let now = now + Duration::from_secs(1);
    let again = offer(&owed, now);
    assert_eq!(again.call.event_type, EventType::Delete);
    assert_eq!(again.call.snapshot.uid().to_string(), "a");
    assert!(owed.start(&again, now));
    owed.finish(DONE, &PATIENCE, now);
    assert!(owed.is_empty());
}

#[tokio::test(start_paused = true)]
async fn delete_shows_the_last_state_and_the_one_last_handled() {
    let now = Instant::now();
    let mut owed = Owed::default();
    owed.upsert(state("a", 1), false);
    run(&mut owed, now, DONE);

    owed.remove(state("a", 7));

    let offer = offer(&owed, now);
    assert_eq!(offer.call.event_type, EventType::Delete);
    assert_eq!(offer.call.snapshot.resource_version(), "7");
    let handled = offer.call.handled.expect("the add succeeded");
    assert_eq!(handled.resource_version(), "1");
}

#[tokio::test(start_paused = true)]
async fn add_that_fails_after_its_object_is_gone_is_overtaken_by_the_delete() {
    let now = Instant::now();
    let mut owed = Owed::default();
    owed.upsert(state("a", 1), false);
    let add = offer(&owed, now);
    assert!(owed.start(&add, now));

    owed.remove(state("a", 2));
    let verdict = owed.finish(FAILED, &PATIENCE, now);

    assert_eq!(verdict, Verdict::Settled);
    assert_eq!(owed.turn(now), Turn::Now(Priority::NORMAL));
    assert_eq!(run(&mut owed, now, DONE), EventType::Delete);
    assert!(owed.is_empty());
}

#[tokio::test(start_paused = true)]
async fn newer_change_is_not_held_back_by_a_backoff() {
    let now = Instant::now();
    let mut owed = Owed::default();
    owed.upsert(state("a", 1), false);
    run(
        &mut owed,
        now,
        Outcome::Failed(Retrying::After(Duration::from_secs(60))),
    );
    assert!(matches!(owed.turn(now), Turn::At(..)));

    owed.upsert(state("a", 2), false);

    assert_eq!(owed.turn(now), Turn::Now(Priority::NORMAL));
    assert_eq!(offer(&owed, now).call.attempt, 1);
}

#[tokio::test(start_paused = true)]
async fn recreation_makes_an_owed_delete_due_and_bounds_its_failures() {
    let now = Instant::now();
    let mut owed = Owed::default();
    owed.upsert(state("a", 1), false);
    run(&mut owed, now, DONE);
    owed.remove(state("a", 2));
    for second in 0..3 {
        run(&mut owed, now + Duration::from_secs(second), FAILED);
    }
    let now = now + Duration::from_secs(2);
    assert!(matches!(owed.turn(now), Turn::At(..)));

    owed.upsert(state("b", 3), false);

    assert_eq!(owed.turn(now), Turn::Now(Priority::NORMAL));
    for failure in 1..=5_u32 {
        let at = now + Duration::from_secs(2000) * (failure - 1);
        assert_eq!(run(&mut owed, at, FAILED), EventType::Delete, "{failure}");
    }
    assert_eq!(run(&mut owed, now, DONE), EventType::Add);
}

#[tokio::test(start_paused = true)]
async fn requeue_is_kept_when_a_change_is_dropped() {
    let now = Instant::now();
    let delay = Duration::from_secs(600);
    let mut owed = Owed::default();
    owed.upsert(state("a", 1), false);
    run(&mut owed, now, Outcome::Done(Some(delay)));
    owed.upsert(state("a", 2), false);

    let update = offer(&owed, now);
    assert!(update.only_changed);
    assert!(owed.skip(&update, Skip::Unchanged, now));

    assert_eq!(owed.turn(now), Turn::At(now + delay, Priority::NORMAL));
    let requeued = offer(&owed, now + delay);
    assert!(!requeued.only_changed, "`changed` never gates a requeue");
    let handled = requeued.call.handled.expect("the add succeeded");
    assert_eq!(handled.resource_version(), "2", "old() moved along");
}

#[tokio::test(start_paused = true)]
async fn requeue_and_resync_that_come_due_while_a_change_is_dropped_are_kept() {
    let now = Instant::now();
    let delay = Duration::from_millis(1);
    for resync in [false, true] {
        let mut owed = Owed::default();
        owed.upsert(state("a", 1), false);
        run(&mut owed, now, Outcome::Done((!resync).then_some(delay)));
        owed.upsert(state("a", 2), false);
        let update = offer(&owed, now);
        assert!(update.only_changed);

        if resync {
            owed.resync();
        }
        assert!(owed.skip(&update, Skip::Unchanged, now + delay));

        assert!(matches!(owed.turn(now + delay), Turn::Now(_)), "{resync}");
        assert!(!offer(&owed, now + delay).only_changed, "{resync}");
    }
}

#[tokio::test(start_paused = true)]
async fn start_of_a_deletion_is_not_gated() {
    let now = Instant::now();
    let mut owed = Owed::default();
    owed.upsert(state("a", 1), false);
    run(&mut owed, now, DONE);

    owed.upsert(deleting("a", 2), false);

    assert!(!offer(&owed, now).only_changed);
}

#[tokio::test(start_paused = true)]
async fn failures_up_to_the_maximum_are_terminal_and_a_change_starts_afresh() {
    let now = Instant::now();
    let patience = Patience {
        retry: RETRY.max(2),
        ..PATIENCE
    };
    let mut owed = Owed::default();
    owed.upsert(state("a", 1), false);
    let mut verdicts = Vec::new();
    for second in 0..2 {
        let now = now + Duration::from_secs(second);
        let offer = offer(&owed, now);
        assert!(owed.start(&offer, now));
        verdicts.push(owed.finish(FAILED, &patience, now));
    }

    assert_eq!(
        verdicts,
        [Verdict::Retry(Duration::from_millis(5)), Verdict::GaveUp]
    );
    assert_eq!(owed.turn(now), Turn::Never);
    owed.upsert(state("a", 2), false);
    assert_eq!(offer(&owed, now).call.attempt, 0);
}

#[tokio::test(start_paused = true)]
async fn early_call_that_fails_neither_counts_nor_moves_the_retry() {
    let now = Instant::now();
    let second = Duration::from_secs(1);
    let mut owed = Owed::default();
    owed.upsert(state("a", 1), false);
    run(
        &mut owed,
        now,
        Outcome::Failed(Retrying::After(60 * second)),
    );

    for version in 2..100 {
        owed.upsert(state("a", version), false);
        let early = offer(&owed, now + second);
        assert_eq!(early.call.attempt, 1);
        assert!(owed.start(&early, now + second));
        let verdict = owed.finish(FAILED, &PATIENCE, now + second);
        assert_eq!(verdict, Verdict::Retry(59 * second));
    }

    assert!(matches!(owed.turn(now + second), Turn::At(at, _) if at == now + 60 * second));
    run(&mut owed, now + 60 * second, FAILED);
    assert_eq!(offer(&owed, now + 61 * second).call.attempt, 2);
}

#[tokio::test(start_paused = true)]
async fn failing_delete_is_over_after_its_deadline() {
    let now = Instant::now();
    let mut owed = Owed::default();
    owed.upsert(state("a", 1), false);
    run(&mut owed, now, DONE);
    owed.remove(state("a", 2));
    run(&mut owed, now, FAILED);
    assert!(owed.is_failing_delete());
    let later = now + PATIENCE.delete_deadline;

    let last = offer(&owed, later);
    assert!(owed.start(&last, later));
    let verdict = owed.finish(FAILED, &PATIENCE, later);

    assert_eq!(verdict, Verdict::Expired(PATIENCE.delete_deadline));
    assert!(owed.is_empty() && !owed.is_failing_delete());
}

#[tokio::test(start_paused = true)]
async fn call_is_out_of_date_once_the_object_has_changed() {
    let now = Instant::now();
    let mut owed = Owed::default();
    owed.upsert(state("a", 1), false);
    let stale = offer(&owed, now);

    owed.upsert(state("a", 2), false);

    assert!(!owed.start(&stale, now));
    assert!(!owed.skip(&stale, Skip::Filtered, now));
    assert_eq!(offer(&owed, now).call.snapshot.resource_version(), "2");
}

#[tokio::test(start_paused = true)]
async fn first_list_and_resync_rank_below_live_changes() {
    let now = Instant::now();
    let mut owed = Owed::default();
    owed.upsert(state("a", 1), true);
    assert_eq!(owed.turn(now), Turn::Now(Priority::LOW));

    owed.upsert(state("a", 2), false);
    assert_eq!(owed.turn(now), Turn::Now(Priority::NORMAL));
    run(&mut owed, now, DONE);
    owed.resync();

    assert_eq!(owed.turn(now), Turn::Now(Priority::LOW));
}

/// One step of a generated history.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Change,
    Remove,
    Recreate,
    Resync,
    Start,
    Skip(Skip),
    Finish(Outcome),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Change),
        2 => Just(Step::Remove),
        3 => Just(Step::Recreate),
        1 => Just(Step::Resync),
        6 => Just(Step::Start),
        1 => Just(Step::Skip(Skip::Filtered)),
        1 => Just(Step::Skip(Skip::Unchanged)),
        4 => Just(Step::Finish(DONE)),
        1 => Just(Step::Finish(Outcome::Done(Some(Duration::from_millis(20))))),
        3 => Just(Step::Finish(FAILED)),
        1 => Just(Step::Finish(Outcome::Failed(Retrying::Never))),
        2 => (0..50_u64).prop_map(Step::Pass),
    ]
}

/// The world as the test knows it, and all that was called.
struct World {
    owed: Owed,
    now: Instant,
    versions: u32,
    lives: u32,
    alive: Option<Stored>,
    running: Option<Call>,
    /// Calls that succeeded, per life.
    succeeded: BTreeMap<u32, Vec<EventType>>,
    /// Lives of which a call has started, or that came with the first list.
    owing: Vec<u32>,
    /// Lives whose delete was told or given up.
    settled: Vec<u32>,
    /// The life of the last call that started.
    last_called: u32,
}

fn life(object: &Stored) -> u32 {
    object
        .uid()
        .to_string()
        .parse()
        .expect("uids are numbers here")
}

impl World {
    fn new(now: Instant, first_list: bool) -> Self {
        let mut world = Self {
            owed: Owed::default(),
            now,
            versions: 0,
            lives: 0,
            alive: None,
            running: None,
            succeeded: BTreeMap::new(),
            owing: Vec::new(),
            settled: Vec::new(),
            last_called: 0,
        };
        if first_list {
            world.recreate(true);
        }
        world
    }

    fn object(&mut self) -> Stored {
        self.versions += 1;
        state(&self.lives.to_string(), self.versions)
    }

    fn recreate(&mut self, initial: bool) {
        self.step(Step::Remove);
        self.lives += 1;
        let object = self.object();
        if initial {
            self.owing.push(self.lives);
        }
        self.alive = Some(object.clone());
        self.owed.upsert(object, initial);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Change if self.alive.is_some() => {
                let object = self.object();
                self.alive = Some(object.clone());
                self.owed.upsert(object, false);
            }
            Step::Remove => {
                if self.alive.take().is_some() {
                    let last = self.object();
                    self.owed.remove(last);
                }
            }
            Step::Recreate => self.recreate(false),
            Step::Resync => assert_eq!(self.owed.resync(), self.alive.is_some()),
            Step::Start => self.start(),
            Step::Skip(skip) => self.skip(skip),
            Step::Finish(outcome) => self.finish(outcome),
            Step::Pass(millis) => self.now += Duration::from_millis(millis),
            Step::Change => {}
        }
        self.shrink();
    }

    /// Goes on with the account as two words where that is possible: nothing may depend on it.
    fn shrink(&mut self) {
        let Some(quiet) = self.owed.quiet(false) else {
            return;
        };
        let small = Owed::from(&quiet);
        let shows = |owed: &Owed| {
            let next = owed.next(&key(), self.now);
            let waiting = owed.waiting(self.now);
            format!(
                "{next:?} {waiting:?} {:?} {}",
                owed.turn(self.now),
                owed.is_owing()
            )
        };
        assert_eq!(shows(&small), shows(&self.owed));
        self.owed = small;
    }

    fn start(&mut self) {
        let Some(offer) = self.offer() else {
            return;
        };
        assert!(self.owed.start(&offer, self.now));
        let of = life(&offer.call.snapshot);
        assert!(of >= self.last_called, "a life was called after the next");
        for &before in self.owing.iter().filter(|&&before| before < of) {
            assert!(
                self.settled.contains(&before),
                "life {of} began before the delete of {before}"
            );
        }
        self.last_called = of;
        if !self.owing.contains(&of) {
            assert_ne!(offer.call.event_type, EventType::Delete, "nothing was owed");
            self.owing.push(of);
        }
        self.running = Some(offer.call);
    }

    /// The call for a worker that takes the object, which nobody can while a call runs.
    fn offer(&self) -> Option<Offer> {
        if self.running.is_some() {
            return None;
        }
        match self.owed.next(&key(), self.now) {
            Next::Call(offer) => Some(offer),
            Next::Wait | Next::Nothing => None,
        }
    }

    fn skip(&mut self, skip: Skip) {
        let Some(offer) = self.offer() else {
            return;
        };
        let may = match skip {
            Skip::Filtered => offer.call.event_type != EventType::Delete,
            Skip::Unchanged => offer.only_changed,
        };
        if may {
            assert!(self.owed.skip(&offer, skip, self.now));
        }
    }

    fn finish(&mut self, outcome: Outcome) {
        let Some(call) = self.running.take() else {
            return;
        };
        let of = life(&call.snapshot);
        let verdict = self.owed.finish(outcome, &PATIENCE, self.now);
        if let Outcome::Done(_) = outcome {
            self.succeeded.entry(of).or_default().push(call.event_type);
        }
        if call.event_type == EventType::Delete && !matches!(verdict, Verdict::Retry(_)) {
            self.settled.push(of);
        }
    }

    /// Lets every callback succeed until nothing is due.
    fn settle(&mut self) {
        for _ in 0..20 {
            self.finish(DONE);
            self.now += Duration::from_secs(2000);
            self.start();
        }
        self.finish(DONE);
    }
}

impl World {
    /// The call that a resync makes: it shows what was handled last.
    fn resynced(&mut self) -> Call {
        assert!(self.owed.resync());
        offer(&self.owed, self.now).call
    }
}

/// `(add update*)? delete?`
fn is_a_life(calls: &[EventType]) -> bool {
    let calls = match calls {
        [before @ .., EventType::Delete] => before,
        calls => calls,
    };
    match calls {
        [] => true,
        [EventType::Add, updates @ ..] => updates.iter().all(|&call| call == EventType::Update),
        _ => false,
    }
}

#[test]
fn object_that_is_handled_or_waits_for_its_first_call_is_two_words() {
    assert!(std::mem::size_of::<Quiet>() <= 16);
    let now = Instant::now();
    let mut owed = Owed::default();
    owed.upsert(state("1", 1), true);
    assert!(owed.quiet(true).is_some(), "waits for its first call");

    let first = offer(&owed, now);
    assert!(owed.start(&first, now));
    assert!(owed.quiet(true).is_none(), "runs");
    owed.finish(DONE, &PATIENCE, now);
    assert!(owed.quiet(false).is_some(), "is handled");

    owed.upsert(state("1", 2), false);
    assert!(owed.quiet(false).is_none(), "has a change to be told");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 5_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_history_keeps_the_order_of_life(
        first_list: bool,
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let mut world = World::new(Instant::now(), first_list);

        for step in steps {
            world.step(step);
        }
        world.settle();

        for (life, calls) in &world.succeeded {
            prop_assert!(is_a_life(calls), "life {}: {:?}", life, calls);
        }
        for &life in &world.owing {
            let lives_on = world.alive.is_some() && life == world.lives;
            prop_assert!(lives_on || world.settled.contains(&life), "life {} owes its delete", life);
        }
        prop_assert!(!world.owed.is_owing(), "something is still owed");
        prop_assert_eq!(world.owed.is_empty(), world.alive.is_none());
        if let Some(alive) = world.alive.clone() {
            let call = world.resynced();
            prop_assert!(alive.is(&call.snapshot));
            prop_assert!(call.handled.is_none_or(|handled| handled.uid() == alive.uid()));
        }
    }

    #[test]
    fn every_change_is_handed_out_when_nothing_is_dropped(
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let mut world = World::new(Instant::now(), false);
        let given_up = Step::Finish(Outcome::Failed(Retrying::Never));
        let drops = |step: &Step| matches!(step, Step::Skip(_)) || *step == given_up;

        for step in steps.into_iter().filter(|step| !drops(step)) {
            world.step(step);
        }
        world.settle();

        if let Some(alive) = world.alive.clone() {
            let handled = world.resynced().handled.expect("the add succeeded");
            prop_assert!(handled.is(&alive), "the newest state was not handed out");
        }
    }
}
