//! A controller that the shutdown tests stop: its callbacks end, hang or block as the command line says.
//!
//! `drain URL WAY DRAIN_SECONDS BEHAVIOR` handles the pods of the server at `URL`, or of the cluster
//! that is found if that is `found`, 20 at a time, and prints `started NAME` and `finished NAME` for each callback. The way to run is `main`, or, on
//! a runtime and with logging of its own, `run` on several threads and `current` on one.

use std::{
    io::Write as _,
    num::NonZeroUsize,
    process::ExitCode,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use anyhow::{Context as _, bail};
use kubehandler::{Cluster, k8s::Pod, kube::Config, prelude::*};

const WORKERS: NonZeroUsize = NonZeroUsize::new(20).unwrap();

/// Longer than any test waits.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// How long code blocks its thread, where it does so for a while.
const A_WHILE: Duration = Duration::from_millis(2_500);

/// What a callback still does once the loop is told to stop.
const LAST_WORK: Duration = Duration::from_millis(300);

/// What the callbacks do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behavior {
    /// All of them end soon after the loop is told to stop.
    Finish,
    /// The first never ends, the others do.
    HangOne,
    /// The first blocks its thread, the others end.
    BlockOne,
    /// Each blocks its thread.
    BlockAll,
    /// The first blocks its thread for a while; all of them end soon after the loop is told to stop.
    BlockAWhile,
    /// The first does what blocks for a while where it may; all of them end as above.
    Blocking,
    /// Two block their threads when the others wait already.
    BlockTwo,
    /// The predicate blocks for a while, once.
    BlockPredicate,
    /// Each logs far more than a pipe takes, and ends as above.
    Chatty,
    /// As above, but never ends.
    ChattyHang,
}

/// The next predicate blocks.
static PREDICATE_BLOCKS: AtomicBool = AtomicBool::new(false);

/// Takes all pods, some day.
fn takes(_: &Pod) -> bool {
    if PREDICATE_BLOCKS.swap(false, Ordering::Relaxed) {
        std::thread::sleep(A_WHILE);
    }
    true
}

#[derive(Debug, EventHandler)]
#[handler(resource = Pod, name = "pods", when = takes)]
struct Pods {
    behavior: Behavior,
    is_first: AtomicBool,
    started: AtomicUsize,
}

impl Callbacks for Pods {
    async fn on_add(&self, ev: Event<Self>) -> Result<Action> {
        let is_first = self.is_first.swap(false, Ordering::Relaxed);
        print("started", &ev)?;
        let number = self.started.fetch_add(1, Ordering::Relaxed) + 1;
        match self.behavior {
            Behavior::HangOne if is_first => std::future::pending().await,
            Behavior::BlockOne if is_first => std::thread::sleep(FOR_EVER),
            Behavior::BlockAll => std::thread::sleep(FOR_EVER),
            Behavior::BlockTwo if number > WORKERS.get() - 2 => std::thread::sleep(FOR_EVER),
            Behavior::BlockAWhile if is_first => {
                std::thread::sleep(A_WHILE);
                ev.cancelled().await;
            }
            Behavior::Blocking if is_first => {
                ev.blocking(|| std::thread::sleep(A_WHILE)).await?;
                ev.cancelled().await;
            }
            Behavior::Chatty | Behavior::ChattyHang => {
                for _ in 0..100 {
                    info!("{}", "far too much ".repeat(100));
                }
                if self.behavior == Behavior::ChattyHang {
                    std::future::pending::<()>().await;
                }
                ev.cancelled().await;
            }
            _ => {
                ev.cancelled().await;
                tokio::time::sleep(LAST_WORK).await;
            }
        }
        print("finished", &ev)?;
        Ok(Action::DONE)
    }
}

fn print(what: &str, ev: &Event<Pods>) -> Result {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{what} {}", ev.name())?;
    Ok(out.flush()?)
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, way, drain_seconds, behavior] = &arguments[..] else {
        bail!("expected `URL WAY DRAIN_SECONDS BEHAVIOR`");
    };
    let handler = Pods {
        behavior: match behavior.as_str() {
            "finish" => Behavior::Finish,
            "hang-one" => Behavior::HangOne,
            "block-one" => Behavior::BlockOne,
            "block-all" => Behavior::BlockAll,
            "block-a-while" => Behavior::BlockAWhile,
            "blocking" => Behavior::Blocking,
            "block-two" => Behavior::BlockTwo,
            "block-predicate" => Behavior::BlockPredicate,
            "chatty" => Behavior::Chatty,
            "chatty-hang" => Behavior::ChattyHang,
            other => bail!("unknown behavior `{other}`"),
        },
        is_first: AtomicBool::new(true),
        started: AtomicUsize::new(0),
    };
    let blocks = handler.behavior == Behavior::BlockPredicate;
    PREDICATE_BLOCKS.store(blocks, Ordering::Relaxed);
    let cluster = match url.as_str() {
        "found" => Cluster::find(),
        url => Cluster::config(Config::new(url.parse().context("the URL is none")?)),
    };
    let event_loop = EventLoop::new("drain")
        .cluster(cluster)
        .workers(WORKERS)
        .drain_timeout(Duration::from_secs(drain_seconds.parse()?))
        .register(handler);
    let result = match way.as_str() {
        "main" => event_loop.main(),
        "run" => run(event_loop),
        "current" => current(event_loop),
        other => bail!("unknown way to run `{other}`"),
    };
    // What `fn main() -> kubehandler::Result` does.
    Ok(std::process::Termination::report(result))
}

/// Runs the loop as a program with a runtime and logging of its own does.
#[tokio::main]
async fn run(event_loop: EventLoop) -> Result {
    start_logging();
    Ok(event_loop.run().await?)
}

/// Runs the loop as a program with a runtime of one thread does.
#[tokio::main(flavor = "current_thread")]
async fn current(event_loop: EventLoop) -> Result {
    start_logging();
    Ok(event_loop.run().await?)
}

fn start_logging() {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
}
