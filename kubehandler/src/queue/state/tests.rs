//! Generated histories of a queue, against a naive model and against its promises.

use std::collections::HashSet;

use proptest::prelude::*;

use super::model::{Item, Model, Op, nth};
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
        47..56 => Op::Done(usize::from(low)),
        56 => Op::DoneWith(item),
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

/// Applies the operation, as [`Model::apply`] does.
fn apply(state: &mut State<Item>, held: &[Item], op: Op) -> (Option<Item>, bool) {
    match op {
        Op::Add(item, priority) => state.add(item, priority),
        Op::AddAfter(item, delay, priority) => state.add_after(item, delay, priority),
        Op::ReplaceAfter(item, delay, priority) => state.replace_after(item, delay, priority),
        Op::Remove(item) => return (None, state.remove(&item)),
        Op::Cancel(item) => return (None, state.cancel(&item)),
        Op::Take => return (state.take(), false),
        Op::Done(index) => {
            if let Some(item) = nth(held, index) {
                state.done(&item);
            }
        }
        Op::DoneWith(item) => state.done(&item),
        Op::Advance(by) => state.advance(state.now + by),
        Op::ShutDown => drop(state.shut_down()),
        Op::Stop => drop(state.stop()),
    }
    (None, false)
}

/// The counters and lists agree with the entries, one for each known item.
fn check_invariants(state: &State<Item>) -> Result<(), TestCaseError> {
    let owed = |is: fn(&Owed) -> bool| {
        state
            .entries
            .values()
            .filter(|entry| entry.owed.as_ref().is_some_and(is))
            .count()
    };
    prop_assert_eq!(
        owed(|owed| matches!(owed, Owed::Ready(_))),
        state.ready.len()
    );
    prop_assert_eq!(owed(|owed| matches!(owed, Owed::Dirty(_))), state.dirty);
    prop_assert_eq!(
        owed(|owed| matches!(owed, Owed::Waiting(..))),
        state.waiting.len()
    );
    prop_assert_eq!(
        state.entries.values().filter(|entry| entry.held).count(),
        state.held
    );
    for entry in state.entries.values() {
        prop_assert!(
            entry.held || entry.owed.is_some(),
            "an idle item is remembered"
        );
        prop_assert!(!entry.held || !matches!(entry.owed, Some(Owed::Ready(_))));
        prop_assert!(entry.held || !matches!(entry.owed, Some(Owed::Dirty(_))));
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn queue_does_what_the_naive_model_does(history in history()) {
        let (mut state, mut model) = (State::default(), Model::default());

        for op in history {
            let outcome = apply(&mut state, &model.held, op);

            prop_assert_eq!(outcome, model.apply(op), "{:?}", op);
            check_invariants(&state)?;
            prop_assert_eq!(state.len(), model.ready());
            prop_assert_eq!(state.dirty, model.dirty());
            prop_assert_eq!(state.held, model.held.len());
            prop_assert_eq!(state.next_due(), model.next_due());
            prop_assert_eq!(state.entries.len(), model.known());
        }
    }

    /// Judged by what the users of a queue see, whatever the model says.
    #[test]
    fn queue_keeps_its_promises(history in history()) {
        let mut state = State::default();
        let mut held = Vec::new();
        // Items whose last add no take has followed yet.
        let mut owed = HashSet::new();

        for op in history {
            let shut_down = state.is_shutting_down();
            let outcome = apply(&mut state, &held, op);
            match (op, outcome) {
                (Op::Add(item, _) | Op::AddAfter(item, ..) | Op::ReplaceAfter(item, ..), _)
                    if !shut_down => drop(owed.insert(item)),
                (Op::Cancel(item) | Op::Remove(item), (_, true)) => prop_assert!(owed.remove(&item)),
                (Op::Take, (Some(item), _)) => {
                    prop_assert!(!held.contains(&item), "two holders");
                    prop_assert!(owed.remove(&item), "handed out, but not owed");
                    held.push(item);
                }
                (Op::Done(index), _) if !held.is_empty() => drop(held.remove(index % held.len())),
                (Op::DoneWith(item), _) => held.retain(|known| *known != item),
                (Op::ShutDown, _) => owed.retain(|item| match state.entries.get(item) {
                    Some(entry) => entry.owed.is_some(),
                    None => false,
                }),
                (Op::Stop, _) => owed.clear(),
                _ => {}
            }
        }
        for item in held.drain(..) {
            state.done(&item);
        }
        state.advance(Duration::MAX);
        while let Some(item) = state.take() {
            prop_assert!(owed.remove(&item), "handed out twice");
            state.done(&item);
        }
        prop_assert!(owed.is_empty(), "never handed out: {:?}", owed);
        prop_assert!(state.entries.is_empty(), "remembered once done");
    }
}

const NORMAL: Priority = Priority::NORMAL;

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn lower_item_waits_for_seven_others_at_most() {
    let mut state = State::default();
    state.add(0, Priority::LOW);

    for turn in 1..=8 {
        state.add(turn, NORMAL);
        let item = state.take().expect("two are ready");

        assert_eq!(item == 0, turn == 8, "turn {turn} went to {item}");
    }
}

#[test]
fn due_item_is_older_than_what_was_added_after_its_time() {
    let mut state = State::default();
    state.add_after("delayed", secs(1), NORMAL);

    state.advance(secs(2));
    state.add("added later", NORMAL);

    assert_eq!(state.take(), Some("delayed"));
    assert_eq!(state.take(), Some("added later"));
}

#[test]
fn time_never_goes_back() {
    let mut state = State::default();
    state.advance(secs(10));

    state.advance(secs(1));
    state.add_after("item", secs(1), NORMAL);

    assert_eq!(state.next_due(), Some(secs(11)));
}

#[test]
fn dirty_item_outlives_a_shutdown_but_not_a_stop() {
    for stop in [false, true] {
        let mut state = State::default();
        state.add("item", NORMAL);
        state.take();
        state.add("item", NORMAL);

        if stop {
            state.stop();
        } else {
            state.shut_down();
        }

        assert_eq!(state.is_closed(), stop);
        assert!(!state.is_drained());
        state.done(&"item");
        assert_eq!(state.take().is_none(), stop);
        assert_eq!(state.is_drained(), stop);
    }
}
