//! The whole queue, on the paused clock.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};

use tokio::time::{advance, sleep, timeout};

use super::*;

mod user_code;

const SEC: Duration = Duration::from_secs(1);

fn queue() -> Queue<&'static str> {
    Queue::default()
}

/// Returns the next item if it can be had within the time; done at once.
async fn next_within(queue: &Queue<&'static str>, within: Duration) -> Option<&'static str> {
    let held = timeout(within, queue.get()).await.ok()?;
    held.map(|held| *held)
}

#[tokio::test(start_paused = true)]
async fn items_come_first_in_first_out_within_a_priority() {
    let queue = queue();
    queue.add("a");
    queue.add_with("urgent", Priority::HIGH);
    queue.add("b");
    queue.add_with("resync", Priority::LOW);

    let mut order = Vec::new();
    while let Some(item) = next_within(&queue, SEC).await {
        order.push(item);
    }

    assert_eq!(order, ["urgent", "a", "b", "resync"]);
}

#[tokio::test(start_paused = true)]
async fn item_added_while_held_comes_again_after_done() {
    let queue = queue();
    queue.add("item");
    let held = queue.get().await;

    queue.add("item");
    queue.add("item");
    assert_eq!(next_within(&queue, SEC).await, None);
    drop(held);

    assert_eq!(next_within(&queue, SEC).await, Some("item"));
    assert_eq!(next_within(&queue, SEC).await, None);
}

#[tokio::test(start_paused = true)]
async fn delayed_item_wakes_a_waiting_getter_when_due() {
    let queue = queue();
    let start = Instant::now();
    let getter = tokio::spawn({
        let queue = queue.clone();
        async move { queue.get().await.map(|held| (*held, start.elapsed())) }
    });
    tokio::task::yield_now().await;

    queue.add_after("late", 10 * SEC);
    queue.add_after("early", 3 * SEC);

    let (item, after) = getter.await.expect("no panic").expect("not shut down");
    assert_eq!((item, after), ("early", 3 * SEC));
}

#[tokio::test(start_paused = true)]
async fn every_delayed_item_comes_though_getters_leave() {
    let queue = queue();
    queue.add_after("first", SEC);
    queue.add_after("second", 2 * SEC);
    let start = Instant::now();
    let take = |queue: Queue<&'static str>| async move {
        let held = queue.get().await;
        (held.map(|held| *held), start.elapsed())
    };
    let keeper = tokio::spawn(take(queue.clone()));
    tokio::task::yield_now().await;
    let others = [(); 2].map(|()| tokio::spawn(take(queue.clone())));
    tokio::task::yield_now().await;

    keeper.abort();

    let mut taken = Vec::new();
    for other in others {
        taken.push(other.await.expect("no panic"));
    }
    taken.sort_unstable();
    assert_eq!(taken, [(Some("first"), SEC), (Some("second"), 2 * SEC)]);
}

#[tokio::test(start_paused = true)]
async fn items_due_at_one_time_go_to_all_waiting_getters() {
    let queue = Queue::default();
    for item in 0..8 {
        queue.add_after(item, SEC);
    }
    let getters = [(); 8].map(|()| {
        let queue = queue.clone();
        // Each holds its item until all have one.
        tokio::spawn(async move { queue.get().await })
    });

    for getter in getters {
        let held = timeout(2 * SEC, getter)
            .await
            .expect("in time")
            .expect("no panic");
        std::mem::forget(held);
    }
}

#[tokio::test(start_paused = true)]
async fn plain_add_overtakes_a_waiting_entry() {
    let queue = queue();
    queue.add_after("item", 5 * SEC);

    queue.add("item");

    assert_eq!(queue.len(), 1);
    assert_eq!(next_within(&queue, SEC).await, Some("item"));
    assert_eq!(next_within(&queue, 60 * SEC).await, None);
}

#[tokio::test(start_paused = true)]
async fn add_after_keeps_the_earlier_time_and_replace_after_the_later_word() {
    let queue = queue();
    queue.add_after("kept", 2 * SEC);
    queue.add_after("kept", 9 * SEC);
    queue.add_after("replaced", 2 * SEC);
    queue.replace_after("replaced", 9 * SEC);

    advance(3 * SEC).await;
    assert_eq!(next_within(&queue, SEC).await, Some("kept"));
    assert_eq!(next_within(&queue, SEC).await, None);
    advance(6 * SEC).await;

    assert_eq!(next_within(&queue, SEC).await, Some("replaced"));
}

#[tokio::test(start_paused = true)]
async fn cancelled_item_never_comes() {
    let queue = queue();
    queue.add_after("item", SEC);

    assert!(queue.cancel(&"item"));
    assert!(!queue.cancel(&"item"));

    assert_eq!(next_within(&queue, 5 * SEC).await, None);
}

#[tokio::test(start_paused = true)]
async fn removed_item_never_comes_whatever_it_waited_for() {
    let queue = queue();
    queue.add("held");
    let held = queue.get().await;
    queue.add("held");
    queue.add("ready");
    queue.add_after("waiting", SEC);

    let removed = ["held", "ready", "waiting", "unknown"].map(|item| queue.remove(&item));
    drop(held);

    assert_eq!(removed, [true, true, true, false]);
    assert_eq!(next_within(&queue, 5 * SEC).await, None);
}

#[tokio::test(start_paused = true)]
async fn due_items_count_and_cannot_be_cancelled() {
    let queue = queue();
    queue.add_after("item", SEC);
    assert!(queue.is_empty());

    advance(SEC).await;

    assert_eq!(queue.len(), 1);
    assert!(!queue.cancel(&"item"));
}

#[tokio::test(start_paused = true)]
async fn endless_delay_is_no_panic() {
    let queue = queue();
    queue.add_after("never", Duration::MAX);

    assert_eq!(next_within(&queue, 1000 * SEC).await, None);
    assert!(queue.cancel(&"never"));
}

#[tokio::test(start_paused = true)]
async fn failed_item_waits_out_its_backoff() {
    let queue = Queue::new(ExponentialBackoff::new(SEC, 60 * SEC));
    assert_eq!(queue.add_rate_limited("item"), SEC);
    assert_eq!(next_within(&queue, 2 * SEC).await, Some("item"));
    assert_eq!(
        queue.add_rate_limited_with("item", &io::Error::other("down")),
        2 * SEC
    );
    assert_eq!(queue.num_requeues(&"item"), 2);

    assert_eq!(next_within(&queue, SEC).await, None);
    assert_eq!(next_within(&queue, SEC + SEC / 2).await, Some("item"));

    queue.forget(&"item");
    assert_eq!(queue.num_requeues(&"item"), 0);
    assert_eq!(queue.add_rate_limited("item"), SEC);
}

#[tokio::test(start_paused = true)]
async fn panic_of_the_holder_is_done() {
    let queue = queue();
    queue.add("item");
    let worker = tokio::spawn({
        let queue = queue.clone();
        async move {
            let _held = queue.get().await;
            queue.add("item");
            panic!("the worker's own");
        }
    });
    assert!(worker.await.is_err());

    assert_eq!(next_within(&queue, SEC).await, Some("item"));
}

#[tokio::test(start_paused = true)]
async fn panic_of_a_limiter_delays_its_item() {
    struct Broken;
    impl RateLimiter<&'static str> for Broken {
        fn when(&mut self, _: &&'static str, _: Option<&(dyn Error + 'static)>) -> Duration {
            panic!("the limiter's own")
        }
        fn forget(&mut self, _: &&'static str) {}
        fn num_requeues(&self, _: &&'static str) -> usize {
            0
        }
    }
    let queue = Queue::new(Broken);

    assert_eq!(queue.add_rate_limited("item"), NO_ANSWER);

    assert_eq!(next_within(&queue, NO_ANSWER / 2).await, None);
    assert_eq!(next_within(&queue, SEC).await, Some("item"));
}

#[tokio::test(start_paused = true)]
async fn queued_items_are_served_after_shutdown_and_delayed_ones_dropped() {
    let queue = queue();
    queue.add("queued");
    queue.add_after("delayed", SEC);

    queue.shut_down();
    queue.shut_down();
    queue.add("refused");
    queue.add_after("refused", SEC);

    assert!(queue.is_shutting_down());
    assert_eq!(queue.get().await.map(|held| *held), Some("queued"));
    assert!(queue.get().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn item_that_changed_while_held_is_served_after_shutdown_by_whoever_waits() {
    let queue = queue();
    queue.add("item");
    let held = queue.get().await;
    queue.add("item");
    queue.shut_down();
    let other = tokio::spawn({
        let queue = queue.clone();
        async move { queue.get().await.map(|held| *held) }
    });
    sleep(SEC).await;
    assert!(
        !other.is_finished(),
        "gave up on an item that will come back"
    );

    drop(held);

    assert_eq!(other.await.expect("no panic"), Some("item"));
}

#[tokio::test(start_paused = true)]
async fn shut_down_now_hands_out_nothing_more() {
    let queue = queue();
    queue.add("held");
    let held = queue.get().await;
    queue.add("held");
    queue.add("queued");
    let waiting = tokio::spawn({
        let queue = queue.clone();
        queue.add_after("delayed", SEC);
        async move {
            let _queued = queue.get().await;
            queue.get().await.is_none()
        }
    });
    tokio::task::yield_now().await;

    queue.shut_down_now();
    drop(held);

    assert!(waiting.await.expect("no panic"));
    assert!(queue.get().await.is_none());
    assert!(queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn drain_waits_for_queued_and_held_items() {
    let queue = queue();
    queue.add("held");
    queue.add("queued");
    let held = queue.get().await;
    let drain = tokio::spawn({
        let queue = queue.clone();
        async move { queue.shut_down_with_drain().await }
    });
    sleep(SEC).await;
    drop(held);
    sleep(SEC).await;
    assert!(!drain.is_finished(), "ended with an item queued");

    let queued = queue.get().await;
    sleep(SEC).await;
    assert!(!drain.is_finished(), "ended with an item held");
    drop(queued);

    drain.await.expect("no panic");
    queue.shut_down_with_drain().await;
}

#[tokio::test(start_paused = true)]
async fn drain_of_a_stopped_queue_waits_for_held_items_only() {
    let queue = queue();
    queue.add("held");
    queue.add("queued");
    let held = queue.get().await;
    queue.shut_down_now();

    let early = timeout(SEC, queue.shut_down_with_drain()).await;
    drop(held);

    assert!(early.is_err());
    queue.shut_down_with_drain().await;
}

#[tokio::test(start_paused = true)]
async fn get_yields_to_other_tasks_though_items_never_run_out() {
    let queue = queue();
    queue.add("item");
    let busy = tokio::spawn({
        let queue = queue.clone();
        async move {
            while let Some(held) = queue.get().await {
                queue.add(*held);
            }
        }
    });

    tokio::task::yield_now().await;
    queue.shut_down_now();

    busy.await.expect("no panic");
}

/// Not paused: real threads, for races that no paused clock has.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_item_is_held_once_at_a_time_and_all_come_through() {
    const ITEMS: usize = 50;
    const ROUNDS: usize = 40;
    let queue: Queue<usize> = Queue::default();
    let holders: Arc<Vec<AtomicUsize>> =
        Arc::new((0..ITEMS).map(|_| AtomicUsize::new(0)).collect());
    let served = Arc::new(AtomicUsize::new(0));
    let workers = [(); 8].map(|()| {
        let (queue, holders, served) = (queue.clone(), holders.clone(), served.clone());
        tokio::spawn(async move {
            while let Some(item) = queue.get().await {
                assert_eq!(
                    holders[*item].fetch_add(1, Ordering::SeqCst),
                    0,
                    "two holders"
                );
                tokio::task::yield_now().await;
                holders[*item].fetch_sub(1, Ordering::SeqCst);
                served.fetch_add(1, Ordering::SeqCst);
            }
        })
    });

    for round in 0..ROUNDS {
        for item in 0..ITEMS {
            queue.add_with(
                item,
                Priority::new(i32::try_from(round % 3).expect("small")),
            );
        }
        tokio::task::yield_now().await;
        // A getter that goes away, most often while it waits.
        if let Ok(Some(item)) = timeout(Duration::ZERO, queue.get()).await {
            queue.add(*item);
        }
    }
    // A lost wake-up ends the test here instead of hanging it.
    let drain = tokio::spawn(async move { queue.shut_down_with_drain().await });
    let drained = timeout(60 * SEC, drain).await;

    assert!(drained.is_ok(), "an item was lost");
    for worker in workers {
        worker.await.expect("no two holders");
    }
    assert!(served.load(Ordering::SeqCst) >= ITEMS);
}

/// Not paused, as the one above: holders that block their threads until all have come.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn as_many_items_are_held_at_once_as_there_are_threads_though_holders_block_them() {
    const HOLDERS: usize = 4;
    let queue: Queue<usize> = Queue::default();
    let met = Arc::new((Mutex::new(0), Condvar::new()));
    let holders = [(); HOLDERS].map(|()| {
        let (queue, met) = (queue.clone(), met.clone());
        tokio::spawn(async move {
            let _held = queue.get().await;
            let (count, came) = &*met;
            let mut count = count.lock().expect("no panic");
            *count += 1;
            came.notify_all();
            // It only ends a test that fails: a blocked thread cannot be taken back.
            let (count, _) = came
                .wait_timeout_while(count, 60 * SEC, |count| *count < HOLDERS)
                .expect("no panic");
            *count
        })
    });
    tokio::task::yield_now().await;

    tokio::spawn(async move { (0..HOLDERS).for_each(|item| queue.add(item)) })
        .await
        .expect("no panic");

    for holder in holders {
        assert_eq!(holder.await.expect("no panic"), HOLDERS);
    }
}

#[tokio::test]
async fn getter_whose_items_never_run_out_lets_other_tasks_run() {
    let queue = Queue::default();
    let ran = Arc::new(AtomicUsize::new(0));
    let other = tokio::spawn({
        let ran = ran.clone();
        async move { ran.fetch_add(1, Ordering::SeqCst) }
    });

    for item in 0..=BURST {
        queue.add(item);
        drop(queue.get().await);
    }

    assert_eq!(ran.load(Ordering::SeqCst), 1);
    other.await.expect("no panic");
}
