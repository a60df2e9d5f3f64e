//! Every interleaving of small crowds around one queue, checked with loom.
//!
//! The state and the waiters are the real ones; only the clock is left out. One getter at
//! most is on its way, so that whoever else is to have an item needs the wake-up passed on.
//! A lost wake-up shows as a deadlock, which loom reports.

use std::future::poll_fn;
use std::pin::pin;

use ::loom::future::block_on;
use ::loom::sync::Arc;
use ::loom::sync::atomic::{AtomicBool, Ordering};
use ::loom::thread;

use super::*;
use crate::Priority;
use crate::contained::Contained;

const NOON: Duration = Duration::ZERO;

type Item = u8;

fn add(hub: &Hub<Item>, item: Item) {
    hub.change(|state| state.add(&mut Contained::new(item), Priority::NORMAL));
}

fn done(hub: &Hub<Item>, (item, hold): (Item, Hold)) {
    hub.change(|state| state.done(hold, &item));
}

fn taken(got: Option<(Item, Hold)>) -> Option<Item> {
    got.map(|(item, _)| item)
}

async fn get(hub: &Hub<Item>) -> Option<(Item, Hold)> {
    let mut getter = hub.getter(1);
    poll_fn(|cx| match getter.poll(|| NOON, cx.waker()) {
        Polled::Item(item, hold) => Poll::Ready(Some((item, hold))),
        Polled::Closed => Poll::Ready(None),
        Polled::Wait(_) => Poll::Pending,
    })
    .await
}

/// Looks for an item once, then goes away.
async fn get_once(hub: &Hub<Item>) -> Option<(Item, Hold)> {
    let mut get = pin!(get(hub));
    poll_fn(|cx| {
        Poll::Ready(if let Poll::Ready(item) = get.as_mut().poll(cx) {
            item
        } else {
            None
        })
    })
    .await
}

/// Explores every schedule with at most so many preemptions.
///
/// A lost wake-up needs one or two; without a bound the larger crowds take hours.
fn check(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = ::loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

#[test]
fn no_wake_up_is_lost_between_two_producers_and_two_getters() {
    check(3, || {
        let hub = Arc::new(Hub::default());
        let producer = thread::spawn({
            let hub = hub.clone();
            move || add(&hub, 1)
        });
        let getter = thread::spawn({
            let hub = hub.clone();
            move || block_on(get(&hub))
        });
        let other = thread::spawn({
            let hub = hub.clone();
            move || block_on(get(&hub))
        });
        add(&hub, 2);

        let got = [getter, other].map(|getter| taken(getter.join().expect("no panic")));
        producer.join().expect("no panic");
        assert!(
            got == [Some(1), Some(2)] || got == [Some(2), Some(1)],
            "{got:?}"
        );
    });
}

#[test]
fn getter_passes_its_wake_up_on_though_it_keeps_its_item_for_good() {
    check(3, || {
        let hub = Arc::new(Hub::default());
        let getters = [(); 2].map(|()| {
            let hub = hub.clone();
            thread::spawn(move || block_on(get(&hub)))
        });
        hub.change(|state| {
            state.add(&mut Contained::new(1), Priority::NORMAL);
            state.add(&mut Contained::new(2), Priority::NORMAL);
        });

        let got = getters.map(|getter| taken(getter.join().expect("no panic")));
        assert!(
            got == [Some(1), Some(2)] || got == [Some(2), Some(1)],
            "{got:?}"
        );
    });
}

#[test]
fn item_that_nobody_waited_for_takes_no_wake_up_from_another() {
    check(3, || {
        let hub = Arc::new(Hub::default());
        let getter = thread::spawn({
            let hub = hub.clone();
            move || block_on(get(&hub))
        });
        let passer = thread::spawn({
            let hub = hub.clone();
            move || hub.take(|| NOON)
        });
        add(&hub, 1);
        if let Some((item, _)) = passer.join().expect("no panic") {
            add(&hub, item + 1);
        }

        assert!(getter.join().expect("no panic").is_some());
    });
}

#[test]
fn getter_that_goes_away_passes_its_wake_up_on() {
    check(3, || {
        let hub = Arc::new(Hub::default());
        let fickle = thread::spawn({
            let hub = hub.clone();
            move || block_on(get_once(&hub))
        });
        let steady = thread::spawn({
            let hub = hub.clone();
            move || {
                let item = block_on(get(&hub)).expect("not closed");
                done(&hub, item);
            }
        });
        add(&hub, 1);

        if let Some(item) = fickle.join().expect("no panic") {
            // It had the item after all: the other getter needs one of its own.
            done(&hub, item);
            add(&hub, 2);
        }
        steady.join().expect("gets the item");
    });
}

#[test]
fn shutdown_wakes_every_getter_and_the_drainer() {
    check(2, || {
        let hub: Arc<Hub<Item>> = Arc::new(Hub::default());
        let getter = thread::spawn({
            let hub = hub.clone();
            move || block_on(get(&hub))
        });
        let drainer = thread::spawn({
            let hub = hub.clone();
            move || {
                let mut drainer = hub.drainer();
                block_on(poll_fn(|cx| drainer.poll(cx)));
            }
        });
        let other = thread::spawn({
            let hub = hub.clone();
            move || block_on(get(&hub))
        });
        drop(hub.change(State::shut_down));

        assert!(getter.join().expect("no panic").is_none());
        assert!(other.join().expect("no panic").is_none());
        drainer.join().expect("no panic");
    });
}

#[test]
fn item_is_never_held_twice_and_comes_again_when_added_while_held() {
    check(3, || {
        let hub = Arc::new(Hub::default());
        let held = Arc::new(AtomicBool::new(false));
        add(&hub, 1);
        let workers = [(); 2].map(|()| {
            let (hub, held) = (hub.clone(), held.clone());
            thread::spawn(move || {
                let mut turns = 0;
                while let Some(item) = block_on(get(&hub)) {
                    assert!(!held.swap(true, Ordering::SeqCst), "two holders");
                    held.store(false, Ordering::SeqCst);
                    turns += 1;
                    done(&hub, item);
                }
                turns
            })
        });
        add(&hub, 1);
        drop(hub.change(State::shut_down));

        let turns: u32 = workers
            .map(|worker| worker.join().expect("no panic"))
            .iter()
            .sum();
        assert!(turns == 1 || turns == 2, "{turns} turns");
    });
}
