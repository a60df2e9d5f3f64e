//! The queue of this workspace in the queue contest; the Go program `queue` does the same.
//!
//! `peer-queue String|ArcStr` prints lines `FIGURE NANOSECONDS`: the nanoseconds of one key, of the
//! wall clock or, for `add-after`, of the process's CPU time; medians of a few repeats. Priorities are always on here.

use std::{
    fmt::Debug,
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::bail;
use kubehandler::queue::Queue;
use kubehandler_peers::report::say;
use rustix::time::{ClockId, clock_gettime};
use tokio::task::JoinSet;

const KEYS: usize = 100_000;

/// The time within which the delayed keys come due.
const WINDOW: Duration = Duration::from_millis(50);

/// How often each figure is measured.
const REPEATS: usize = 5;

const PRODUCERS: usize = 4;
const CONSUMERS: usize = 64;

/// What a key has to be.
trait Key: Clone + Debug + Eq + Hash + Send + Sync + 'static {}
impl<T: Clone + Debug + Eq + Hash + Send + Sync + 'static> Key for T {}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let names = (0..KEYS).map(|i| format!("namespace-{:04}/object-name-{i:05}", i % 40));
    // On a worker of the runtime, as a program's code runs: the main thread is none.
    let contest = match std::env::args().nth(1).as_deref() {
        Some("String") => tokio::spawn(run(names.collect::<Vec<String>>())),
        Some("ArcStr") => tokio::spawn(run(names.map(Arc::from).collect::<Vec<Arc<str>>>())),
        _ => bail!("usage: peer-queue String|ArcStr"),
    };
    contest.await?;
    Ok(())
}

async fn run<T: Key>(all: Vec<T>) {
    let all: Arc<[T]> = all.into();
    fill_and_drain(&all).await; // Warms up what the runtime and the allocator keep.
    for figure in ["fill-drain", "add-after", "one-to-one", "many-to-many"] {
        let mut totals = [Duration::ZERO; REPEATS];
        for total in &mut totals {
            *total = match figure {
                "fill-drain" => fill_and_drain(&all).await,
                "add-after" => add_after(&all).await,
                "one-to-one" => crowd(&all, 1, 1).await,
                _ => crowd(&all, PRODUCERS, CONSUMERS).await,
            };
        }
        totals.sort();
        report(figure, totals[REPEATS / 2]);
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a tenth of a nanosecond is enough"
)]
fn report(figure: &str, total: Duration) {
    let each = total.as_nanos() as f64 / KEYS as f64;
    say(&format!("{figure} {each:.1}"));
}

/// Adds all keys, then takes and ends each, with one worker.
async fn fill_and_drain<T: Key>(all: &[T]) -> Duration {
    let queue = Queue::default();
    let started = Instant::now();
    for key in all {
        queue.add(key.clone());
    }
    take(&queue, all.len()).await;
    started.elapsed()
}

/// Adds all keys within the window, and returns the CPU time until all are taken.
async fn add_after<T: Key>(all: &[T]) -> Duration {
    let queue = Queue::default();
    let started = process_time();
    let count = u32::try_from(all.len()).unwrap_or(u32::MAX);
    for (i, key) in (1..).zip(all) {
        queue.add_after(key.clone(), WINDOW * i / count);
    }
    take(&queue, all.len()).await;
    process_time().saturating_sub(started)
}

/// Shares all keys out among producers, while consumers take them.
async fn crowd<T: Key>(all: &Arc<[T]>, producers: usize, consumers: usize) -> Duration {
    let queue = Queue::<T>::default();
    let left = Arc::new(AtomicUsize::new(all.len()));
    let mut workers = JoinSet::new();
    for _ in 0..consumers {
        let (queue, left) = (queue.clone(), left.clone());
        workers.spawn(async move {
            while let Some(key) = queue.get().await {
                drop(key);
                if left.fetch_sub(1, Ordering::AcqRel) == 1 {
                    queue.shut_down();
                }
            }
        });
    }
    let started = Instant::now();
    for producer in 0..producers {
        let (queue, all) = (queue.clone(), all.clone());
        workers.spawn(async move {
            for key in all.iter().skip(producer).step_by(producers) {
                queue.add(key.clone());
            }
        });
    }
    while workers.join_next().await.is_some() {}
    started.elapsed()
}

async fn take<T: Key>(queue: &Queue<T>, count: usize) {
    for _ in 0..count {
        drop(queue.get().await);
    }
}

fn process_time() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(now).unwrap_or_default()
}
