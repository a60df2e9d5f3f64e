//! How often one event makes the process allocate, from the bytes of a watch to the callback's return.

use std::{
    alloc::System,
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use kubehandler::{
    Action, Callbacks, CancellationToken, Event, EventHandler, EventLoop, Filter, Informer,
    Informers, Result, k8s::Pod,
};
use kubehandler_peers::{
    feed::{Feed, Lines},
    pods::Pods,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokio::sync::Notify;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const PODS: u32 = 1_000;

/// Rounds of all pods, until all is as large as it gets.
const WARM_UP: u32 = 3;

/// What one event may allocate: the object, its key, its account and the callback's future.
const MAX_ALLOCATIONS: f64 = 4.0;

/// The same for one of many: what the queue takes anew for a burst is shared by its events.
const MAX_OF_MANY: f64 = 4.07;

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the figures, where one is missed")]
async fn event_of_which_no_object_is_read_allocates_little() {
    let pods = Pods::new(PODS).expect("the template is sound");
    let feed = Feed::default();
    let handled = Arc::new(Handled::default());
    let stop = CancellationToken::new();
    let event_loop = EventLoop::new("allocations")
        .client(feed.client())
        .register(Counting(handled.clone()));
    let running = tokio::spawn(event_loop.run_until(stop.clone()));
    handled.send(&feed, Lines::list(&pods, 0).pieces(32)).await;
    for round in 1..=WARM_UP {
        let lines = Lines::round(&pods, "MODIFIED", round);
        handled.send(&feed, lines.pieces(32)).await;
    }

    let single = Lines::round(&pods, "MODIFIED", WARM_UP + 1).pieces(1);
    let before = allocations();
    for event in single {
        handled.send_one(&feed, event).await;
    }
    let single = per_event(before);
    let batches = Lines::round(&pods, "MODIFIED", WARM_UP + 2).pieces(32);
    let before = allocations();
    handled.send(&feed, batches).await;
    let batches = per_event(before);

    println!("{single} allocations an event that comes by itself, {batches} of many");
    assert!(single <= MAX_ALLOCATIONS, "{single} an event");
    assert!(batches <= MAX_OF_MANY, "{batches} an event of many");
    stop.cancel();
    running.await.expect("no panic").expect("no error");
}

fn allocations() -> usize {
    let counted = ALLOCATOR.stats();
    counted.allocations + counted.reallocations
}

fn per_event(before: usize) -> f64 {
    let made = u32::try_from(allocations() - before).expect("not so many");
    f64::from(made) / f64::from(PODS)
}

/// How many callbacks have returned, or are about to.
#[derive(Default)]
struct Handled {
    events: AtomicUsize,
    changed: Notify,
}

impl Handled {
    /// Sends an event of every pod, and waits until all are handled.
    async fn send(&self, feed: &Feed, pieces: Vec<Bytes>) {
        let events = self.events.load(Ordering::Relaxed) + PODS as usize;
        for piece in pieces {
            feed.send(piece);
        }
        self.wait_for(events).await;
    }

    /// Sends one event, and waits until it is handled.
    async fn send_one(&self, feed: &Feed, event: Bytes) {
        let events = self.events.load(Ordering::Relaxed) + 1;
        feed.send(event);
        self.wait_for(events).await;
    }

    async fn wait_for(&self, events: usize) {
        while self.events.load(Ordering::Relaxed) < events {
            self.changed.notified().await; // No threads: nothing happens in between.
        }
    }
}

struct Counting(Arc<Handled>);

impl EventHandler for Counting {
    type Resource = Pod;

    fn name(&self) -> Cow<'_, str> {
        "pods".into()
    }

    fn informer(&self, informers: &Informers) -> Informer<Pod> {
        informers.informer(Filter::default())
    }
}

impl Callbacks for Counting {
    async fn reconcile(&self, ev: Event<Self>) -> Result<Action> {
        std::hint::black_box((ev.key(), ev.uid()));
        self.0.events.fetch_add(1, Ordering::Relaxed);
        self.0.changed.notify_one();
        Ok(Action::DONE)
    }
}
