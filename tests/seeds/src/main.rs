//! The ten laws of `ARCHITECTURE.md` under random histories and random faults, a seed each.
//!
//! A run is a server, an event loop with four handlers whose callbacks fail, panic, hang, take
//! their time and write by server-side apply, 200 changes and more, and at least five faults; then the faults end, and all must come
//! to rest as the laws demand: see `laws`. The clock is paused. A failure names its seed, and
//!
//! ```text
//! SEED=17 cargo test -p kubehandler-seeds
//! ```
//!
//! runs that one alone, the same way. `SEEDS=5000` runs more of them, `SEEDS=5000..9000` those.

mod actor;
mod applies;
mod between;
mod dice;
mod first_list;
mod history;
mod laws;
mod log;
mod looks;
mod queues;
mod rounds;
mod run;
mod thing;
mod truth;
mod world;

use std::{
    env,
    io::{self, Write as _},
    ops::Range,
    panic, process,
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread,
    time::Duration,
};

/// How many seeds there are, unless `SEEDS` says so.
const SEEDS: u64 = 1_000;
/// How many tests share them, so that they run in parallel.
const SHARDS: u64 = 8;

/// A run that takes longer, by a clock that is not paused, goes round in circles.
const LIMIT: Duration = Duration::from_secs(60);

/// Another shard has failed: one seed is enough to look at.
static HAS_FAILED: AtomicBool = AtomicBool::new(false);

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().expect("a number"))
}

/// Returns the seeds that are to be run.
fn seeds() -> Range<u64> {
    let Ok(text) = env::var("SEEDS") else {
        return 0..SEEDS;
    };
    let (first, end) = text.split_once("..").unwrap_or(("0", &text));
    let number = |text: &str| {
        text.parse()
            .expect("SEEDS is a number, or two with `..` between")
    };
    number(first)..number(end)
}

fn run_shard(shard: u64) {
    quiet_deliberate_panics();
    if let Some(seed) = number("SEED") {
        if shard == seed % SHARDS {
            run_seed(seed);
        }
        return;
    }
    for seed in seeds().filter(|seed| seed % SHARDS == shard) {
        if HAS_FAILED.load(Ordering::Relaxed) {
            return;
        }
        run_seed(seed);
    }
}

fn run_seed(seed: u64) {
    // The informers' jitter, too.
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let done = watch_over(seed);
    let broken = runtime.block_on(run::run(seed));
    drop(done);
    if !broken.is_empty() {
        HAS_FAILED.store(true, Ordering::Relaxed);
        panic!(
            "seed {seed}: {}\nto see it again: SEED={seed} cargo test -p kubehandler-seeds",
            broken.join("\n")
        );
    }
}

/// Ends the tests if the seed is not done in time, by a clock that is not paused; until the answer
/// is dropped.
fn watch_over(seed: u64) -> Sender<()> {
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        if is_done.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
            let mut out = io::stderr().lock();
            let _ = writeln!(out, "seed {seed}: law 10: not done after {LIMIT:?}");
            process::exit(101);
        }
    });
    done
}

/// The panics that callbacks are told to make say nothing.
fn quiet_deliberate_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let message = info.payload().downcast_ref::<&str>();
            let message = message.copied().or_else(|| {
                let message = info.payload().downcast_ref::<String>();
                message.map(String::as_str)
            });
            if message != Some(actor::PANIC) {
                loud(info);
            }
        }));
    });
}

macro_rules! shards {
    ($($name:ident: $shard:expr),+ $(,)?) => {
        $(
            #[test]
            fn $name() {
                run_shard($shard);
            }
        )+
    };
}

shards! {
    laws_hold_for_seeds_of_shard_0: 0,
    laws_hold_for_seeds_of_shard_1: 1,
    laws_hold_for_seeds_of_shard_2: 2,
    laws_hold_for_seeds_of_shard_3: 3,
    laws_hold_for_seeds_of_shard_4: 4,
    laws_hold_for_seeds_of_shard_5: 5,
    laws_hold_for_seeds_of_shard_6: 6,
    laws_hold_for_seeds_of_shard_7: 7,
}
