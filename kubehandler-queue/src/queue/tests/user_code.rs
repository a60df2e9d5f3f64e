//! Code of the user's in a queue: it panics, asks the queue, or waits for another thread that asks.

use std::cell::Cell;
use std::hash::Hasher;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::mpsc;
use std::thread;

use super::*;

/// What the user's code does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Nothing,
    /// Panics with something that panics when it is dropped.
    Panic,
    /// Asks the queue.
    Ask,
    /// Waits until another thread has asked the queue.
    Wait,
}

const DEEDS: [Deed; 3] = [Deed::Panic, Deed::Ask, Deed::Wait];

thread_local! {
    /// What the code of this thread does next, again and again.
    static DEED: Cell<Deed> = const { Cell::new(Deed::Nothing) };
    /// How often it has.
    static DONE: Cell<usize> = const { Cell::new(0) };
}

/// Panics with another of its kind each time that one is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic_any(Self);
    }
}

/// An item whose `Drop` does a deed.
#[derive(Clone)]
struct OnDrop {
    name: &'static str,
    queue: Option<Queue<OnDrop>>,
}

impl OnDrop {
    fn of(queue: &Queue<Self>, name: &'static str) -> Self {
        let queue = Some(queue.clone());
        Self { name, queue }
    }
}

impl PartialEq for OnDrop {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for OnDrop {}

impl Hash for OnDrop {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        act(self.queue.as_ref(), |queue| {
            queue.add(OnDrop::of(queue, "asked"));
            let _ = queue.num_requeues(&OnDrop::of(queue, "asked"));
        });
    }
}

/// Does the deed of this thread.
fn act<T>(queue: Option<&Queue<T>>, ask_more: fn(&Queue<T>))
where
    T: Clone + Eq + Hash + Send + 'static,
{
    let deed = DEED.replace(Deed::Nothing);
    if deed == Deed::Nothing {
        return;
    }
    DONE.set(DONE.get() + 1);
    let restore = Restore(deed);
    if deed == Deed::Panic {
        drop(restore);
        panic_any(Bomb);
    }
    let Some(queue) = queue else { return };
    let (tell, told) = mpsc::channel();
    let same = queue.clone();
    thread::spawn(move || {
        let _ = (same.len(), same.is_shutting_down());
        let _ = tell.send(());
    });
    told.recv_timeout(10 * SEC).expect("the queue answers");
    if deed == Deed::Ask {
        let _ = queue.len();
        ask_more(queue);
    }
}

/// Sets the deed again: what the deed itself comes by does none.
struct Restore(Deed);

impl Drop for Restore {
    fn drop(&mut self) {
        DEED.set(self.0);
    }
}

/// Does `deed` wherever `operation` runs code of the user's; returns how often that was.
fn during(deed: Deed, operation: impl FnOnce()) -> usize {
    DEED.set(deed);
    DONE.set(0);
    let done = catch_unwind(AssertUnwindSafe(operation));
    DEED.set(Deed::Nothing);
    let panicked = done.map_err(std::mem::forget).is_err();
    assert!(!panicked, "{deed:?} was not contained");
    DONE.get()
}

/// Puts the items of a case into a queue, and returns the operation that drops one.
type Case = fn(&Queue<OnDrop>) -> Box<dyn FnOnce()>;

/// Holds the next item.
fn hold(queue: &Queue<OnDrop>) -> Held<OnDrop> {
    let (item, hold) = queue.shared.hub.take(|| Duration::ZERO).expect("ready");
    Held::new(item, hold, queue.shared.clone())
}

fn cases() -> Vec<(&'static str, Case)> {
    fn known(queue: &Queue<OnDrop>) -> OnDrop {
        OnDrop::of(queue, "known")
    }
    vec![
        ("add of what is ready", |queue| {
            queue.add(known(queue));
            let (queue, item) = (queue.clone(), known(queue));
            Box::new(move || queue.add(item))
        }),
        ("add of what waits", |queue| {
            queue.add_after(known(queue), SEC);
            let (queue, item) = (queue.clone(), known(queue));
            Box::new(move || queue.add(item))
        }),
        ("add_after of what waits", |queue| {
            queue.add_after(known(queue), SEC);
            let (queue, item) = (queue.clone(), known(queue));
            Box::new(move || queue.add_after(item, SEC))
        }),
        ("replace_after of what waits", |queue| {
            queue.add_after(known(queue), SEC);
            let (queue, item) = (queue.clone(), known(queue));
            Box::new(move || queue.replace_after(item, SEC))
        }),
        ("add of what is held", |queue| {
            queue.add(known(queue));
            let held = hold(queue);
            let (queue, item) = (queue.clone(), known(queue));
            Box::new(move || {
                queue.add(item);
                drop(held);
            })
        }),
        ("end of a hold", |queue| {
            queue.add(known(queue));
            let held = hold(queue);
            Box::new(move || drop(held))
        }),
        ("cancel", |queue| {
            queue.add_after(known(queue), SEC);
            let (queue, item) = (queue.clone(), Contained::new(known(queue)));
            Box::new(move || assert!(queue.cancel(&item)))
        }),
        ("remove", |queue| {
            queue.add(known(queue));
            let (queue, item) = (queue.clone(), Contained::new(known(queue)));
            Box::new(move || assert!(queue.remove(&item)))
        }),
        ("failure and success", |queue| {
            let (queue, item) = (queue.clone(), Contained::new(known(queue)));
            Box::new(move || {
                queue.backoff(&item, None);
                queue.backoff(&item, None);
                queue.forget(&item);
            })
        }),
    ]
}

#[tokio::test(start_paused = true)]
async fn item_that_is_dropped_does_no_harm() {
    for (name, case) in cases() {
        for deed in DEEDS {
            let queue = Queue::default();
            let operation = case(&queue);

            let times = during(deed, operation);

            assert!(times > 0, "{name}: no item was dropped");
            queue.add(OnDrop::of(&queue, "next"));
            let mut names = Vec::new();
            while let Ok(Some(held)) = timeout(60 * SEC, queue.get()).await {
                names.push(held.name);
            }
            assert!(names.contains(&"next"), "{deed:?} in {name}: {names:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn items_that_are_dropped_in_a_shutdown_do_no_harm() {
    let ends: [fn(&Queue<OnDrop>); 2] = [Queue::shut_down, Queue::shut_down_now];
    for end in ends {
        for deed in DEEDS {
            let queue = Queue::default();
            for name in ["one", "other"] {
                queue.add_after(OnDrop::of(&queue, name), SEC);
            }

            let times = during(deed, || end(&queue));

            assert_eq!(times, 2);
            assert!(queue.get().await.is_none());
            let times = during(deed, || queue.add(OnDrop::of(&queue, "late")));
            assert_eq!(times, 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn items_of_a_queue_that_is_dropped_do_no_harm() {
    let queue = Queue::default();
    for name in ["one", "other", "third"] {
        let item = OnDrop { name, queue: None };
        queue.backoff(&item, None);
        queue.add(item);
    }

    let times = during(Deed::Panic, || drop(queue));

    assert_eq!(times, 6);
}

/// A rate limiter that does a deed whenever it is asked.
struct Touchy(Arc<OnceLock<Queue<u8>>>);

impl Touchy {
    fn act(&self) {
        act(self.0.get(), |queue| {
            queue.backoff(&1, None);
            queue.forget(&1);
            queue.add_rate_limited(queue.num_requeues(&1).try_into().expect("none"));
        });
    }
}

impl RateLimiter<u8> for Touchy {
    fn when(&mut self, _: &u8, _: Option<&(dyn Error + 'static)>) -> Duration {
        self.act();
        Duration::from_millis(7)
    }

    fn forget(&mut self, _: &u8) {
        self.act();
    }

    fn num_requeues(&self, _: &u8) -> usize {
        self.act();
        5
    }
}

impl Drop for Touchy {
    fn drop(&mut self) {
        self.act();
    }
}

#[tokio::test(start_paused = true)]
async fn rate_limiter_does_no_harm() {
    for deed in DEEDS {
        let own = Arc::new(OnceLock::new());
        let queue = Queue::new(Touchy(own.clone()));
        let _ = own.set(queue.clone());
        let (mut delay, mut requeues) = (Duration::ZERO, 0);

        let times = during(deed, || {
            delay = queue.add_rate_limited(3);
            queue.forget(&3);
            requeues = queue.num_requeues(&3);
        });

        let panics = deed == Deed::Panic;
        assert_eq!(times, 3, "{deed:?}");
        assert_eq!(
            delay,
            if panics {
                NO_ANSWER
            } else {
                Duration::from_millis(7)
            }
        );
        assert_eq!(requeues, if panics { 0 } else { 5 });
        sleep(delay).await;
        assert_eq!(
            queue.get().await.as_deref(),
            Some(&3),
            "{deed:?}: it is not lost"
        );
    }
    let queue = Queue::<u8>::new(Touchy(Arc::default()));
    assert_eq!(during(Deed::Panic, || drop(queue)), 1);
}

/// An item whose `Hash`, `Eq` and `Clone` panic while that is the deed.
#[derive(Debug)]
struct Brittle(u32);

impl Brittle {
    fn act() {
        act::<u8>(None, |_| {});
    }
}

impl Hash for Brittle {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Self::act();
        self.0.hash(state);
    }
}

impl PartialEq for Brittle {
    fn eq(&self, other: &Self) -> bool {
        Self::act();
        self.0 == other.0
    }
}

impl Eq for Brittle {}

impl Clone for Brittle {
    fn clone(&self) -> Self {
        Self::act();
        Self(self.0)
    }
}

#[tokio::test(start_paused = true)]
async fn panic_of_an_items_own_code_is_the_callers_and_the_queue_goes_on() {
    let operations: [fn(&Queue<Brittle>); 4] = [
        |queue| queue.add(Brittle(1)),
        |queue| queue.add_after(Brittle(1), SEC),
        |queue| assert!(!queue.cancel(&Brittle(1))),
        |queue| assert!(!queue.remove(&Brittle(1))),
    ];
    for operation in operations {
        let queue = Queue::default();
        queue.add(Brittle(1));
        queue.add(Brittle(2));
        let held = queue.get().await.expect("the first");

        DEED.set(Deed::Panic);
        let panicked = catch_unwind(AssertUnwindSafe(|| operation(&queue)));
        DEED.set(Deed::Nothing);

        assert!(panicked.map_err(std::mem::forget).is_err());
        drop(held);
        assert_eq!(queue.get().await.as_deref(), Some(&Brittle(2)));
        queue.add(Brittle(1));
        assert_eq!(queue.get().await.as_deref(), Some(&Brittle(1)));
        assert!(queue.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn hold_ends_without_code_of_the_item() {
    let queue = Queue::default();
    for item in 0..1000 {
        queue.add(Brittle(item));
    }
    let held = [queue.get().await, queue.get().await].map(|held| held.expect("ready"));
    queue.add(Brittle(1));
    // Those that are held move closer together.
    for item in 2..1000 {
        assert!(queue.remove(&Brittle(item)));
    }

    let times = during(Deed::Panic, || drop(held));

    assert_eq!(times, 0);
    assert_eq!(queue.get().await.as_deref(), Some(&Brittle(1)));
    timeout(SEC, queue.shut_down_with_drain())
        .await
        .expect("nothing is held");
}
