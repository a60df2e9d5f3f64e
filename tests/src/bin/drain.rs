//! A controller that the shutdown tests stop: its callbacks end, hang or block as the command line says.
//!
//! `drain URL WAY DRAIN_SECONDS BEHAVIOR` handles the pods of the server at `URL`, 20 at a time,
//! and prints `started NAME` and `finished NAME` for each callback.

use std::{
    io::Write as _,
    num::NonZeroUsize,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::{Context as _, bail};
use kubehandler::{k8s::Pod, kube::Config, prelude::*};

const WORKERS: NonZeroUsize = NonZeroUsize::new(20).unwrap();

/// Longer than any test waits.
const FOR_EVER: Duration = Duration::from_secs(3600);

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
}

#[derive(Debug, EventHandler)]
#[handler(resource = Pod, name = "pods")]
struct Pods {
    behavior: Behavior,
    is_first: AtomicBool,
}

impl Callbacks for Pods {
    async fn on_add(&self, ev: Event<Self>) -> Result<Action> {
        let is_first = self.is_first.swap(false, Ordering::Relaxed);
        print("started", &ev)?;
        match self.behavior {
            Behavior::HangOne if is_first => std::future::pending().await,
            Behavior::BlockOne if is_first => std::thread::sleep(FOR_EVER),
            Behavior::BlockAll => std::thread::sleep(FOR_EVER),
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
            other => bail!("unknown behavior `{other}`"),
        },
        is_first: AtomicBool::new(true),
    };
    let url = url.parse().context("the URL is none")?;
    let event_loop = EventLoop::new("drain")
        .config_from(async { anyhow::Ok(Config::new(url)) })
        .workers(WORKERS)
        .drain_timeout(Duration::from_secs(drain_seconds.parse()?))
        .register(handler);
    let result = match way.as_str() {
        "main" => event_loop.main(),
        "run" => run(event_loop),
        other => bail!("unknown way to run `{other}`"),
    };
    // What `fn main() -> kubehandler::Result` does.
    Ok(std::process::Termination::report(result))
}

/// Runs the loop as a program with a runtime and logging of its own does.
#[tokio::main]
async fn run(event_loop: EventLoop) -> Result {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    Ok(event_loop.run().await?)
}
