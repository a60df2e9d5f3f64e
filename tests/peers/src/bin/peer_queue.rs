//! The queue of this workspace in the queue contest; the Go program `queue` does the same.
//!
//! `peer-queue String|ArcStr` prints lines `FIGURE NANOSECONDS`: the nanoseconds of one key, of the
//! wall clock or, for `add-after`, of the process's CPU time; medians of a few repeats. Priorities are always on here.
//! `peer-queue bare` does so for the least that a queue can be: the limit of `fill-drain` and `add-after`.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    fmt::Debug,
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::bail;
use foldhash::quality::RandomState;
use kubehandler::queue::Queue;
use kubehandler_peers::report::say;
use parking_lot::Mutex;
use rustix::time::{ClockId, clock_gettime};
use tokio::{runtime::Builder, task::JoinSet};

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

fn main() -> anyhow::Result<()> {
    let names = (0..KEYS).map(|i| format!("namespace-{:04}/object-name-{i:05}", i % 40));
    match std::env::args().nth(1).as_deref() {
        Some("String") => run(names.collect::<Vec<String>>()),
        Some("ArcStr") => run(names.map(Arc::from).collect::<Vec<Arc<str>>>()),
        Some("bare") => {
            run_bare(&names.map(Arc::from).collect::<Vec<_>>());
            Ok(())
        }
        _ => bail!("usage: peer-queue String|ArcStr|bare"),
    }
}

fn run<T: Key>(all: Vec<T>) -> anyhow::Result<()> {
    let all: Arc<[T]> = all.into();
    // One worker needs one thread; with more, the runtime wakes the others in vain now and then.
    let alone = Builder::new_current_thread().enable_time().build()?;
    alone.block_on(fill_and_drain(&all)); // Warms up what the runtime and the allocator keep.
    report("fill-drain", || alone.block_on(fill_and_drain(&all)));
    report("add-after", || alone.block_on(add_after(&all)));
    let threads = Builder::new_multi_thread().enable_time().build()?;
    report("one-to-one", || threads.block_on(crowd(&all, 1, 1)));
    let many = || threads.block_on(crowd(&all, PRODUCERS, CONSUMERS));
    report("many-to-many", many);
    Ok(())
}

/// What is left of a queue without priorities, waiting and a second delivery of what is held: it
/// knows each key once, and hands it to one holder, who says when it is done.
#[derive(Default)]
struct Bare {
    known: HashSet<Arc<str>, RandomState>,
    line: VecDeque<Arc<str>>,
    /// By the time when they are due, and the order in which they came.
    later: BTreeMap<(Instant, usize), Arc<str>>,
}

struct BareHeld {
    key: Arc<str>,
    queue: Arc<Mutex<Bare>>,
}

impl Drop for BareHeld {
    fn drop(&mut self) {
        let known = self.queue.lock().known.take(&self.key);
        drop(known);
    }
}

/// The limits of one lock, one hash table and one line, in the order of [`fill_and_drain`] and
/// of [`add_after`].
fn run_bare(all: &[Arc<str>]) {
    bare_fill_and_drain(all);
    report("fill-drain", || bare_fill_and_drain(all));
    report("add-after", || bare_add_after(all));
}

fn bare_fill_and_drain(all: &[Arc<str>]) -> Duration {
    let queue = Arc::new(Mutex::new(Bare::default()));
    let started = Instant::now();
    for key in all {
        let mut bare = queue.lock();
        if bare.known.insert(key.clone()) {
            bare.line.push_back(key.clone());
        }
    }
    for _ in all {
        let first = queue.lock().line.pop_front();
        let held = first.map(|key| BareHeld {
            key,
            queue: queue.clone(),
        });
        drop(held);
    }
    started.elapsed()
}

fn bare_add_after(all: &[Arc<str>]) -> Duration {
    let queue = Arc::new(Mutex::new(Bare::default()));
    let started = process_time();
    let count = u32::try_from(all.len()).unwrap_or(u32::MAX);
    for (i, key) in (1..).zip(all) {
        let due = Instant::now() + WINDOW * i / count;
        let mut bare = queue.lock();
        if bare.known.insert(key.clone()) {
            let order = bare.later.len();
            bare.later.insert((due, order), key.clone());
        }
    }
    let mut left = all.len();
    while left > 0 {
        let now = Instant::now();
        let due = {
            let mut bare = queue.lock();
            let first = bare.later.first_entry();
            first.and_then(|first| (first.key().0 <= now).then(|| first.remove()))
        };
        let Some(key) = due else {
            std::thread::sleep(Duration::from_millis(1)); // As fine as tokio's timers are.
            continue;
        };
        left -= 1;
        drop(BareHeld {
            key,
            queue: queue.clone(),
        });
    }
    process_time().saturating_sub(started)
}

/// Measures a figure a few times and prints the median, in nanoseconds a key.
#[expect(
    clippy::cast_precision_loss,
    reason = "a tenth of a nanosecond is enough"
)]
fn report(figure: &str, measure: impl FnMut() -> Duration) {
    let mut totals: Vec<_> = std::iter::repeat_with(measure)
        .take(
            std::env::var("R")
                .ok()
                .and_then(|r| r.parse().ok())
                .unwrap_or(REPEATS),
        )
        .collect();
    totals.sort();
    let each = totals[REPEATS / 2].as_nanos() as f64 / KEYS as f64;
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
