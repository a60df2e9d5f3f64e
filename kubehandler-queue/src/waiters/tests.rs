//! Who is woken when, without locks and threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use super::*;

/// Counts how often it was woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Bell {
    fn rung(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Getters that sleep in one queue, each with its bell.
struct Sleepers {
    waiters: Waiters,
    bells: Vec<(WaiterId, Arc<Bell>)>,
}

impl Sleepers {
    fn new(count: usize, next_due: Option<Duration>) -> Self {
        let mut sleepers = Self {
            waiters: Waiters::default(),
            bells: Vec::new(),
        };
        for _ in 0..count {
            let bell = Arc::new(Bell::default());
            let waker = Waker::from(Arc::clone(&bell));
            let (id, _) = sleepers.waiters.sleep(None, &waker, next_due, THREADS);
            sleepers.bells.push((id, bell));
        }
        sleepers
    }

    fn settle(&mut self, supply: Supply) -> Vec<usize> {
        self.waiters.settle(supply).wake();
        self.rung()
    }

    fn rung(&self) -> Vec<usize> {
        self.bells.iter().map(|(_, bell)| bell.rung()).collect()
    }

    fn sleep_again(&mut self, index: usize, next_due: Option<Duration>) -> Option<Duration> {
        let (id, bell) = &self.bells[index];
        let waker = Waker::from(Arc::clone(bell));
        let (known, due) = self.waiters.sleep(Some(*id), &waker, next_due, THREADS);
        assert_eq!(known, *id);
        due
    }
}

/// How many threads the runtime has.
const THREADS: usize = 2;

const NOTHING: Supply = Supply {
    ready: 0,
    next_due: None,
    closed: false,
    drained: false,
};

const fn ready(ready: usize) -> Supply {
    Supply { ready, ..NOTHING }
}

const fn due(secs: u64) -> Supply {
    Supply {
        next_due: Some(Duration::from_secs(secs)),
        ..NOTHING
    }
}

#[test]
fn one_getter_is_woken_for_each_item_until_there_is_one_for_each_thread() {
    let mut sleepers = Sleepers::new(4, None);

    assert_eq!(sleepers.settle(ready(1)), [0, 0, 0, 1]);
    assert_eq!(sleepers.settle(ready(1)), [0, 0, 0, 1]);
    assert_eq!(sleepers.settle(ready(2)), [0, 0, 1, 1]);
    assert_eq!(sleepers.settle(ready(7)), [0, 0, 1, 1]);
}

#[test]
fn getter_that_takes_an_item_passes_its_wake_up_on() {
    let mut sleepers = Sleepers::new(4, None);
    sleepers.settle(ready(3));

    sleepers.waiters.leave(sleepers.bells[3].0);

    assert_eq!(sleepers.settle(ready(2)), [0, 1, 1, 1]);
    assert_eq!(sleepers.settle(ready(2)), [0, 1, 1, 1]);
}

#[test]
fn more_getters_are_woken_while_those_on_their_way_are_late() {
    let mut sleepers = Sleepers::new(4, None);

    assert_eq!(sleepers.settle(ready(8)), [0, 1, 1, 1]);
    assert_eq!(sleepers.settle(ready(16)), [1, 1, 1, 1]);
}

#[test]
fn woken_getter_that_leaves_is_replaced() {
    let mut sleepers = Sleepers::new(2, None);
    sleepers.settle(ready(1));

    sleepers.waiters.leave(sleepers.bells[1].0);

    assert_eq!(sleepers.settle(ready(1)), [1, 1]);
}

#[test]
fn sleeping_getter_that_leaves_is_not_missed() {
    let mut sleepers = Sleepers::new(3, None);

    sleepers.waiters.leave(sleepers.bells[1].0);

    assert_eq!(sleepers.settle(ready(1)), [0, 0, 1]);
    assert_eq!(sleepers.settle(ready(2)), [1, 0, 1]);
    assert_eq!(sleepers.settle(ready(16)), [1, 0, 1]);
}

#[test]
fn getter_whose_item_went_to_another_is_woken_for_the_next() {
    let mut sleepers = Sleepers::new(1, None);
    sleepers.settle(ready(1));

    sleepers.sleep_again(0, None);

    assert_eq!(sleepers.settle(ready(0)), [1]);
    assert_eq!(sleepers.settle(ready(1)), [2]);
}

#[test]
fn one_getter_keeps_the_timer() {
    let mut sleepers = Sleepers::new(3, due(5).next_due);

    assert_eq!(sleepers.settle(due(5)), [0, 0, 0]);
    assert_eq!(sleepers.sleep_again(1, due(5).next_due), None);
    assert_eq!(sleepers.sleep_again(0, due(5).next_due), due(5).next_due);
}

#[test]
fn earlier_time_wakes_the_keeper_of_the_timer_only() {
    let mut sleepers = Sleepers::new(3, None);
    assert_eq!(sleepers.sleep_again(1, due(5).next_due), due(5).next_due);

    assert_eq!(sleepers.settle(due(3)), [0, 1, 0]);
    assert_eq!(sleepers.sleep_again(1, due(3).next_due), due(3).next_due);
    assert_eq!(sleepers.settle(due(4)), [0, 1, 0]);
}

#[test]
fn first_waiting_item_wakes_one_getter_to_keep_the_timer() {
    let mut sleepers = Sleepers::new(3, None);

    assert_eq!(sleepers.settle(due(5)), [0, 0, 1]);
    assert_eq!(sleepers.sleep_again(2, due(5).next_due), due(5).next_due);
    assert_eq!(sleepers.settle(due(5)), [0, 0, 1]);
}

#[test]
fn timer_is_passed_on_by_its_keeper() {
    let mut sleepers = Sleepers::new(3, due(5).next_due);

    sleepers.waiters.leave(sleepers.bells[0].0);

    assert_eq!(sleepers.settle(due(5)), [0, 0, 1]);
    assert_eq!(sleepers.sleep_again(2, due(5).next_due), due(5).next_due);
}

#[test]
fn keeper_of_the_timer_is_woken_last() {
    let mut sleepers = Sleepers::new(2, due(5).next_due);

    assert_eq!(sleepers.settle(Supply { ready: 1, ..due(5) }), [0, 1]);
    assert_eq!(sleepers.settle(Supply { ready: 2, ..due(5) }), [1, 1]);
}

#[test]
fn timer_is_passed_on_when_its_keeper_takes_an_item() {
    let mut sleepers = Sleepers::new(2, due(5).next_due);
    sleepers.settle(Supply { ready: 2, ..due(5) });
    sleepers.sleep_again(1, due(5).next_due);

    sleepers.waiters.leave(sleepers.bells[0].0);

    assert_eq!(sleepers.settle(due(5)), [1, 2]);
}

#[test]
fn closed_queue_wakes_every_getter() {
    let mut sleepers = Sleepers::new(3, None);

    assert_eq!(
        sleepers.settle(Supply {
            closed: true,
            ..NOTHING
        }),
        [1, 1, 1]
    );
}

#[test]
fn drained_queue_wakes_every_drainer() {
    let mut sleepers = Sleepers::new(0, None);
    let bells = [(); 2].map(|()| Arc::new(Bell::default()));
    for bell in &bells {
        let waker = Waker::from(Arc::clone(bell));
        sleepers.waiters.sleep_until_drained(None, &waker);
    }

    sleepers.settle(Supply {
        closed: true,
        ..NOTHING
    });
    let before = bells.each_ref().map(|bell| bell.rung());
    sleepers.settle(Supply {
        closed: true,
        drained: true,
        ..NOTHING
    });

    assert_eq!(before, [0, 0]);
    assert_eq!(bells.map(|bell| bell.rung()), [1, 1]);
}
