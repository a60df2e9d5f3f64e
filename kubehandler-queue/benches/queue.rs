//! What the work queue costs: filled and drained, with delays, and by a crowd.
//!
//! `cargo bench -p kubehandler-queue --bench queue`; each line is the time for [`KEYS`] keys.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kubehandler_queue::{Priority, Queue};
use tokio::{
    runtime::{Builder, Runtime},
    sync::Notify,
    task::JoinSet,
    time::sleep,
};

const KEYS: usize = 100_000;

type Key = Arc<str>;

/// Distinct keys of 32 bytes.
fn keys() -> Vec<Key> {
    (0..KEYS)
        .map(|number| format!("namespace-{:04}/some-pod-{number:08}", number % 100).into())
        .collect()
}

/// Adds all keys, every other one at a lower priority, then takes all.
async fn fill_and_drain(queue: &Queue<Key>, keys: &[Key]) {
    for pair in keys.chunks(2) {
        for (key, priority) in pair.iter().zip([Priority::NORMAL, Priority::LOW]) {
            queue.add_with(key.clone(), priority);
        }
    }
    for _ in keys {
        drop(queue.get().await);
    }
}

/// Adds all keys with delays of up to 50 ms, then takes all as they come due.
async fn delay_and_drain(queue: &Queue<Key>, keys: &[Key], delays: &[Duration]) {
    for (key, &delay) in keys.iter().zip(delays) {
        queue.add_after(key.clone(), delay);
    }
    for _ in keys {
        drop(queue.get().await);
    }
}

/// A queue and consumers that sleep in it.
struct Crowd {
    queue: Queue<Key>,
    keys: Arc<[Key]>,
    taken: Arc<AtomicUsize>,
    all_taken: Arc<Notify>,
    consumers: JoinSet<()>,
}

impl Crowd {
    async fn new(consumers: usize) -> Self {
        let mut crowd = Self {
            queue: Queue::default(),
            keys: keys().into(),
            taken: Arc::default(),
            all_taken: Arc::default(),
            consumers: JoinSet::new(),
        };
        for _ in 0..consumers {
            let (queue, taken) = (crowd.queue.clone(), crowd.taken.clone());
            let all_taken = crowd.all_taken.clone();
            crowd.consumers.spawn(async move {
                while let Some(held) = queue.get().await {
                    drop(held);
                    if (taken.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(KEYS) {
                        all_taken.notify_one();
                    }
                }
            });
        }
        sleep(Duration::from_millis(10)).await;
        crowd
    }

    /// Adds all keys from so many tasks, each of which yields now and then.
    async fn serve(&self, producers: usize) {
        for first in 0..producers {
            let (queue, keys) = (self.queue.clone(), self.keys.clone());
            tokio::spawn(async move {
                for (number, key) in keys.iter().skip(first).step_by(producers).enumerate() {
                    queue.add(key.clone());
                    if number % 64 == 63 {
                        tokio::task::yield_now().await;
                    }
                }
            });
        }
        self.all_taken.notified().await;
    }

    async fn end(mut self) {
        self.queue.shut_down();
        while self.consumers.join_next().await.is_some() {}
    }
}

fn one_thread() -> Runtime {
    // Its time stands still, so that a wait for a delay costs nothing.
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.expect("a runtime")
}

fn two_threads() -> Runtime {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build();
    runtime.expect("a runtime")
}

fn queue(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue");
    group.sample_size(20);
    group.throughput(Throughput::Elements(KEYS as u64));
    let keys = keys();

    let runtime = one_thread();
    let queue = Queue::default();
    group.bench_function("fill and drain", |bencher| {
        bencher.iter(|| runtime.block_on(fill_and_drain(&queue, &keys)));
    });
    let mut random = fastrand::Rng::with_seed(1);
    let delays: Vec<_> = keys
        .iter()
        .map(|_| Duration::from_micros(random.u64(..50_000)))
        .collect();
    group.bench_function("delays within 50 ms", |bencher| {
        bencher.iter(|| runtime.block_on(delay_and_drain(&queue, &keys, &delays)));
    });

    let runtime = two_threads();
    for (producers, consumers) in [(1, 1), (4, 64)] {
        let crowd = runtime.block_on(Crowd::new(consumers));
        let name = format!("{producers} to {consumers}");
        group.bench_function(name, |bencher| {
            bencher.iter(|| runtime.block_on(crowd.serve(producers)));
        });
        runtime.block_on(crowd.end());
    }
    group.finish();
}

criterion_group!(benches, queue);
criterion_main!(benches);
