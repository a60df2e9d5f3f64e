//! Generated histories of a queue, against a naive model and against its promises.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;

use super::model::{Item, Model, Op};
use super::*;

/// How many histories each property sees in one run.
const HISTORIES: u32 = 100_000;

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: HISTORIES,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// A history costs one draw an operation: shrinking it drops operations.
fn op() -> impl Strategy<Value = Op> {
    any::<u16>().prop_map(decode)
}

fn decode(bits: u16) -> Op {
    let [low, high] = bits.to_le_bytes();
    let item = low & 0b111;
    let priority = Priority::new(i32::from(low >> 3 & 0b11));
    let delay = Duration::from_secs(u64::from(low >> 5));
    match high % 64 {
        0..16 => Op::Add(item, priority),
        16..24 => Op::AddAfter(item, delay, priority),
        24..28 => Op::ReplaceAfter(item, delay, priority),
        28..30 => Op::Cancel(item),
        30 => Op::Remove(item),
        31..47 => Op::Take,
        47..57 => Op::Done(usize::from(low)),
        57..62 => Op::Advance(delay),
        62 => Op::ShutDown,
        _ => Op::Stop,
    }
}

/// Some histories begin with a crowd, so that lower priorities are passed over often enough.
fn history() -> impl Strategy<Value = Vec<Op>> {
    (0..12_u8, prop::collection::vec(op(), 1..40)).prop_map(|(crowd, ops)| {
        let crowd = (0..crowd).map(|item| Op::Add(item, Priority::new(i32::from(item % 3))));
        crowd.chain(ops).collect()
    })
}

/// A queue and the holds that are out.
#[derive(Default)]
struct Played {
    state: State<Item>,
    held: Vec<(Item, Hold)>,
}

impl Played {
    /// Applies the operation, as [`Model::apply`] does.
    fn apply(&mut self, op: Op) -> (Option<Item>, bool) {
        let state = &mut self.state;
        match op {
            Op::Add(item, priority) => state.add(&mut Contained::new(item), priority),
            Op::AddAfter(item, delay, priority) => {
                state.add_after(&mut Contained::new(item), delay, priority);
            }
            Op::ReplaceAfter(item, delay, priority) => {
                state.replace_after(&mut Contained::new(item), delay, priority);
            }
            Op::Remove(item) => return (None, state.remove(&item).is_some()),
            Op::Cancel(item) => return (None, state.cancel(&item).is_some()),
            Op::Take => {
                let taken = state.take();
                self.held.extend(taken);
                return (taken.map(|(item, _)| item), false);
            }
            Op::Done(index) => drop(self.done(index)),
            Op::Advance(by) => state.advance(state.now + by),
            Op::ShutDown => drop(state.shut_down()),
            Op::Stop => drop(state.stop()),
        }
        (None, false)
    }

    /// Ends one of the holds, if there is one; returns the item.
    fn done(&mut self, index: usize) -> Option<Item> {
        let index = index.checked_rem(self.held.len())?;
        let (item, hold) = self.held.remove(index);
        self.state.done(hold, &item);
        Some(item)
    }
}

/// The counters and lists agree with the items, each of which is held or owed.
fn check_invariants(state: &State<Item>) -> Result<(), TestCaseError> {
    let count =
        |is: fn(Status) -> bool| state.items.iter().filter(|&(_, status)| is(status)).count();
    prop_assert_eq!(
        count(|status| matches!(status, Status::Ready { .. })),
        state.ready.len()
    );
    prop_assert_eq!(
        count(|status| matches!(status, Status::Dirty(_))),
        state.dirty
    );
    prop_assert_eq!(
        count(|status| matches!(status, Status::Waiting { .. })),
        state.waiting.len()
    );
    let held = |status| {
        matches!(
            status,
            Status::Held | Status::Dirty(_) | Status::Waiting { held: true, .. }
        )
    };
    prop_assert_eq!(count(held), state.held);
    prop_assert_eq!(
        count(|status| matches!(status, Status::Idle)),
        0,
        "an idle item is remembered"
    );
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn queue_does_what_the_naive_model_does(history in history()) {
        let (mut played, mut model) = (Played::default(), Model::default());

        for op in history {
            let outcome = played.apply(op);

            prop_assert_eq!(outcome, model.apply(op), "{:?}", op);
            let state = &played.state;
            check_invariants(state)?;
            prop_assert_eq!(state.len(), model.ready());
            prop_assert_eq!(state.dirty, model.dirty());
            prop_assert_eq!(state.held, model.held.len());
            prop_assert_eq!(state.next_due(), model.next_due());
            prop_assert_eq!(state.items.len(), model.known());
        }
    }

    /// Judged by what the users of a queue see, whatever the model says.
    #[test]
    fn queue_keeps_its_promises(history in history()) {
        let mut played = Played::default();
        // Items whose last add no take has followed yet.
        let mut owed = HashSet::new();

        for op in history {
            let shut_down = played.state.is_shutting_down();
            let holders = played.held.clone();
            let outcome = played.apply(op);
            match (op, outcome) {
                (Op::Add(item, _) | Op::AddAfter(item, ..) | Op::ReplaceAfter(item, ..), _)
                    if !shut_down => drop(owed.insert(item)),
                (Op::Cancel(item) | Op::Remove(item), (_, true)) => prop_assert!(owed.remove(&item)),
                (Op::Take, (Some(item), _)) => {
                    prop_assert!(holders.iter().all(|&(held, _)| held != item), "two holders");
                    prop_assert!(owed.remove(&item), "handed out, but not owed");
                }
                (Op::ShutDown, _) => owed.retain(|item| {
                    let status = played.state.items.find(item).map(|index| played.state.items.status(index));
                    matches!(status, Some(Status::Ready { .. } | Status::Dirty(_)))
                }),
                (Op::Stop, _) => owed.clear(),
                _ => {}
            }
        }
        while played.done(0).is_some() {}
        let Played { mut state, .. } = played;
        state.advance(Duration::MAX);
        while let Some((item, hold)) = state.take() {
            prop_assert!(owed.remove(&item), "handed out twice");
            state.done(hold, &item);
        }
        prop_assert!(owed.is_empty(), "never handed out: {:?}", owed);
        prop_assert_eq!(state.items.len(), 0, "remembered once done");
    }
}

const NORMAL: Priority = Priority::NORMAL;

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn lower_item_waits_for_seven_others_at_most() {
    let mut state = State::default();
    state.add(&mut Contained::new(0), Priority::LOW);

    for turn in 1..=8 {
        state.add(&mut Contained::new(turn), NORMAL);
        let (item, _) = state.take().expect("two are ready");

        assert_eq!(item == 0, turn == 8, "turn {turn} went to {item}");
    }
}

#[test]
fn due_item_is_older_than_what_was_added_after_its_time() {
    let mut state = State::default();
    state.add_after(&mut Contained::new("delayed"), secs(1), NORMAL);

    state.advance(secs(2));
    state.add(&mut Contained::new("added later"), NORMAL);

    assert_eq!(state.take().map(|(item, _)| item), Some("delayed"));
    assert_eq!(state.take().map(|(item, _)| item), Some("added later"));
}

#[test]
fn time_never_goes_back() {
    let mut state = State::default();
    state.advance(secs(10));

    state.advance(secs(1));
    state.add_after(&mut Contained::new("item"), secs(1), NORMAL);

    assert_eq!(state.next_due(), Some(secs(11)));
}

#[test]
fn dirty_item_outlives_a_shutdown_but_not_a_stop() {
    for stop in [false, true] {
        let mut state = State::default();
        state.add(&mut Contained::new("item"), NORMAL);
        let (item, hold) = state.take().expect("it is ready");
        state.add(&mut Contained::new("item"), NORMAL);

        if stop {
            state.stop();
        } else {
            state.shut_down();
        }

        assert_eq!(state.is_closed(), stop);
        assert!(!state.is_drained());
        state.done(hold, &item);
        assert_eq!(state.take().is_none(), stop);
        assert_eq!(state.is_drained(), stop);
    }
}

#[test]
fn all_is_found_again_after_a_burst_gave_its_memory_back() {
    let mut state = State::default();
    for item in 0..1000 {
        state.add(&mut Contained::new(item), NORMAL);
    }
    let (first, hold) = state.take().expect("all are ready");
    state.add(&mut Contained::new(first), NORMAL);
    state.add_after(&mut Contained::new(1000), secs(1), NORMAL);
    state.replace_after(&mut Contained::new(1001), secs(2), NORMAL);
    state.add_after(&mut Contained::new(first), secs(1), NORMAL);

    // From both ends, so that what stays had neighbours on both sides.
    for item in (1..490).chain(510..1000) {
        assert!(state.remove(&item).is_some());
    }
    state.done(hold, &first);
    state.advance(secs(3));

    let mut order = Vec::new();
    while let Some((item, hold)) = state.take() {
        state.done(hold, &item);
        order.push(item);
    }
    assert!(order.into_iter().eq((490..510).chain([first, 1000, 1001])));
    assert_eq!(state.items.len(), 0);
}

/// An item that cannot be cloned if it is zero.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Brittle(u8);

impl Clone for Brittle {
    fn clone(&self) -> Self {
        assert!(self.0 != 0, "the item's own");
        Self(self.0)
    }
}

#[test]
fn item_that_panics_when_it_is_handed_out_holds_up_no_other() {
    let mut state = State::default();
    state.add(&mut Contained::new(Brittle(0)), NORMAL);
    state.add(&mut Contained::new(Brittle(1)), NORMAL);

    let first = catch_unwind(AssertUnwindSafe(|| state.take()));

    assert!(first.is_err());
    let (second, hold) = state.take().expect("the other is ready");
    assert_eq!(second, Brittle(1));
    state.done(hold, &second);
    state.shut_down();
    assert!(state.is_drained());
}
