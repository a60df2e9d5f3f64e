//! Why calls are due: kept until a call takes them, and never more than a few.

use super::*;

fn secret(number: usize) -> Cause {
    Cause::Source {
        kind: "Secret".into(),
        key: ObjectKey::namespaced("default", &format!("s{number}")),
    }
}

/// Starts what is due now, and ends it; returns the causes of the call.
fn causes(owed: &mut Owed, now: Instant, outcome: Outcome) -> String {
    let offer = offer(owed, now);
    assert!(owed.start(&offer, now));
    let causes = owed.causes().to_string();
    owed.finish(outcome, &PATIENCE, now);
    causes
}

/// An object whose add has succeeded.
fn handled(now: Instant) -> Owed {
    let mut owed = Owed::default();
    owed.upsert(state("a", 1), false);
    assert_eq!(causes(&mut owed, now, DONE), "change");
    owed
}

#[tokio::test(start_paused = true)]
async fn each_cause_is_named_once_and_taken_by_the_next_call() {
    let now = Instant::now();
    let mut owed = handled(now);

    owed.upsert(state("a", 2), false);
    owed.upsert(state("a", 3), false);
    owed.resync();
    for number in [2, 1, 2] {
        assert!(owed.add_cause(secret(number), Priority::NORMAL));
    }
    owed.add_cause(Cause::Trigger, Priority::NORMAL);

    assert_eq!(
        causes(&mut owed, now, DONE),
        "change, resync, trigger, Secret default/s2, Secret default/s1"
    );
    owed.upsert(state("a", 4), false);
    assert_eq!(causes(&mut owed, now, DONE), "change");
}

#[tokio::test(start_paused = true)]
async fn retry_and_requeue_are_causes_once_their_time_has_come() {
    let (now, second) = (Instant::now(), Duration::from_secs(1));
    let mut owed = handled(now);

    owed.upsert(state("a", 2), false);
    causes(&mut owed, now, Outcome::Done(Some(second)));
    let now = now + second;
    assert_eq!(causes(&mut owed, now, FAILED), "requeue");

    owed.upsert(state("a", 3), false);
    assert_eq!(causes(&mut owed, now, FAILED), "change", "it is early");
    let now = now + second;
    assert_eq!(causes(&mut owed, now, DONE), "retry");
}

#[tokio::test(start_paused = true)]
async fn cause_from_elsewhere_lasts_until_a_call_succeeds() {
    let (now, second) = (Instant::now(), Duration::from_secs(1));
    let mut owed = handled(now);

    owed.add_cause(secret(1), Priority::NORMAL);
    assert_eq!(causes(&mut owed, now, FAILED), "Secret default/s1");
    owed.add_cause(secret(0), Priority::NORMAL);
    assert_eq!(
        causes(&mut owed, now, FAILED),
        "Secret default/s1, Secret default/s0"
    );
    let now = now + second;
    assert_eq!(
        causes(&mut owed, now, DONE),
        "retry, Secret default/s1, Secret default/s0"
    );

    owed.resync();
    assert_eq!(causes(&mut owed, now, DONE), "resync");
}

#[tokio::test(start_paused = true)]
async fn cause_during_a_call_leads_to_another_one() {
    let now = Instant::now();
    let mut owed = handled(now);
    owed.upsert(state("a", 2), false);
    let offer = offer(&owed, now);
    assert!(owed.start(&offer, now));

    owed.add_cause(secret(0), Priority::NORMAL);
    owed.finish(DONE, &PATIENCE, now);

    assert_eq!(owed.turn(now), Turn::Now(Priority::NORMAL));
    assert_eq!(causes(&mut owed, now, DONE), "Secret default/s0");
    assert_eq!(owed.turn(now), Turn::Never);
}

#[tokio::test(start_paused = true)]
async fn changed_does_not_drop_what_another_object_causes() {
    let now = Instant::now();
    let mut owed = handled(now);
    owed.upsert(state("a", 2), false);
    let early = offer(&owed, now);
    assert!(early.only_changed);

    // While `changed` looks at the two states.
    owed.add_cause(secret(0), Priority::NORMAL);
    assert!(!offer(&owed, now).only_changed);
    assert!(owed.skip(&early, Skip::Unchanged, now));

    assert_eq!(causes(&mut owed, now, DONE), "Secret default/s0");
}

#[tokio::test(start_paused = true)]
async fn object_that_is_not_in_the_view_is_not_due() {
    let now = Instant::now();
    let mut owed = handled(now);
    owed.remove(state("a", 2));

    assert!(!owed.add_cause(secret(0), Priority::NORMAL));

    assert_eq!(causes(&mut owed, now, FAILED), "change");
    assert_eq!(
        causes(&mut owed, now + Duration::from_secs(1), DONE),
        "retry"
    );
    assert!(owed.is_empty());
}

#[tokio::test(start_paused = true)]
async fn account_is_two_words_again_once_its_causes_are_taken() {
    let now = Instant::now();
    let mut owed = handled(now);
    assert!(owed.quiet(false).is_some());

    owed.add_cause(secret(0), Priority::LOW);
    assert!(owed.quiet(false).is_none(), "they would be lost");
    assert_eq!(owed.turn(now), Turn::Now(Priority::LOW));
    causes(&mut owed, now, DONE);

    assert!(owed.quiet(false).is_some());
}

#[tokio::test(start_paused = true)]
async fn restart_makes_the_object_an_add_and_forgets_the_rest() {
    let now = Instant::now();
    let mut owed = handled(now);
    owed.add_cause(secret(0), Priority::NORMAL);
    causes(&mut owed, now, FAILED);

    owed.restart();

    assert!(owed.quiet(false).is_some());
    let next = offer(&owed, now);
    assert_eq!(next.call.event_type, EventType::Add);
    assert_eq!((next.call.attempt, next.call.initial), (0, true));
    assert_eq!(causes(&mut owed, now, DONE), "change");
}

#[tokio::test(start_paused = true)]
async fn restart_forgets_an_owed_delete() {
    let now = Instant::now();
    let mut owed = handled(now);
    owed.remove(state("a", 2));

    owed.restart();

    assert!(owed.is_empty());
    assert_eq!(owed.turn(now), Turn::Never);
}
