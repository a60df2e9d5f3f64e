//! Informers and handlers wired together: run, then drain.

mod builder;
mod connect;
#[cfg(feature = "main")]
mod main;
mod registry;
mod signals;
mod starting;
mod syncing;

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use kube::Client;
use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

pub use registry::{EventLoopHandle, InformerState, RunningCallback, WaitingCallback};

use crate::{
    cluster::{ClusterError, Stages},
    contained::all_ended,
    event_loop::{
        builder::{Defaults, Registration},
        connect::Connect,
        registry::{Registry, Wired},
    },
    informer::{Informers, Limits},
    log::{self, debug, info, warn},
    observe::Observer,
    printable::Printable,
    watchdog::{Bench, Code, LET_GO, Watchdog},
};

/// A set of handlers, the informers they need, and the workers that call them.
///
/// # Examples
///
/// ```no_run
/// use kubehandler::{k8s::Pod, prelude::*};
/// use kubehandler::EventLoop;
///
/// #[derive(EventHandler)]
/// #[handler(resource = Pod)]
/// struct PodLogger;
///
/// impl Callbacks for PodLogger {
///     async fn on_add(&self, ev: Event<Self>) -> Result<Action> {
///         info!("pod {} added", ev.key());
///         Ok(Action::DONE)
///     }
/// }
///
/// fn main() -> Result {
///     EventLoop::new("pods").register(PodLogger).main()
/// }
/// ```
pub struct EventLoop {
    name: Arc<str>,
    connect: Connect,
    workers: usize,
    limits: Limits,
    connect_timeout: Duration,
    sync_timeout: Duration,
    drain_timeout: Duration,
    registrations: Vec<Box<dyn Registration>>,
    observer: Option<Observer>,
    registry: Arc<Registry>,
}

/// Why [`EventLoop::run`] returned other than by being told to stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// No handler was registered.
    #[error("event loop `{}` has no handler: call `register` before it runs", Printable::new(.0))]
    NoHandler(String),
    /// A handler's name is no DNS label.
    #[error(
        "handler name `{}` is not a DNS label: use at most 63 of a-z, 0-9 and `-`",
        Printable::new(.0)
    )]
    InvalidName(String),
    /// Two handlers were registered under one name.
    #[error("handler `{0}` is registered twice: give one of them another name")]
    DuplicateHandler(String),
    /// A handler's settings contradict themselves.
    #[error("handler `{handler}` has invalid settings: {reason}")]
    #[non_exhaustive]
    InvalidSettings {
        /// The handler's name.
        handler: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// What a handler wants to list and watch cannot exist.
    #[error("handler `{handler}` has an invalid informer: {reason}")]
    #[non_exhaustive]
    InvalidInformer {
        /// The handler's name.
        handler: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// No cluster is configured, or its configuration cannot be used.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The configuration that the program was to find was not found.
    #[error("cannot make a client for the cluster")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The process cannot listen for its signals.
    #[error("cannot listen for signals")]
    Signals(#[source] std::io::Error),
    /// The runtime could not be made.
    #[error("cannot start a runtime")]
    Runtime(#[source] std::io::Error),
    /// The sync timeout ran out; each informer that has no first list, or cannot watch, is named with its
    /// last error.
    #[error("failed to wait for caches to sync: {}", names(.0))]
    NotSynced(Vec<Unsynced>),
    /// Callbacks were still running when the drain deadline came; none is named if the loop itself was stuck.
    #[error("callbacks were still running at the drain deadline: {}", names(.0))]
    CutOff(Vec<CutOff>),
}

/// An informer that had no complete list at the sync timeout, or could not watch from there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unsynced {
    /// What is listed and watched.
    pub informer: String,
    /// The last failure, with what to do about it, or what has come of the list by then; none if
    /// nothing has.
    pub cause: Option<String>,
}

impl std::fmt::Display for Unsynced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let cause = self.cause.as_deref().unwrap_or("the server did not answer");
        write!(f, "{}: {cause}", self.informer)
    }
}

/// A callback that was dropped at the drain deadline.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CutOff {
    /// What was running.
    pub callback: RunningCallback,
    /// It blocks its thread, so that it could not even be dropped, and is left behind.
    pub is_blocking: bool,
}

impl std::fmt::Display for CutOff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.callback)?;
        if self.is_blocking {
            write!(f, " (it blocks its thread)")?;
        }
        Ok(())
    }
}

/// The items, joined by semicolons.
fn names<T: ToString>(items: &[T]) -> String {
    if items.is_empty() {
        return "none is known; the event loop itself did not stop".to_owned();
    }
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join("; ")
}

impl EventLoop {
    /// Runs until SIGINT or SIGTERM, then lets the running callbacks finish.
    ///
    /// A second signal ends the process at once, with exit code 128 + its number. Once this has been
    /// called, signals no longer end the process by themselves, also after it has returned.
    ///
    /// All is logged with `tracing`. If no subscriber is set, so that nothing is seen of it, standard
    /// error says so, once; [`logging::init`](crate::logging::init) sets one.
    ///
    /// # Errors
    ///
    /// As [`run_until`](Self::run_until), and if the process cannot listen for signals.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the running callbacks at their next await. Signals are
    /// what stops it.
    pub async fn run(self) -> Result<(), RunError> {
        let stop = CancellationToken::new();
        let signals = signals::Signals::listen().map_err(RunError::Signals)?;
        log::tell_if_silent();
        tokio::select! {
            result = self.run_until(stop.clone()) => result,
            never = signals.forward(stop) => match never {},
        }
    }

    /// Runs until `stop` is cancelled, then lets the running callbacks finish; nothing queued starts.
    ///
    /// # Errors
    ///
    /// Fails if handlers or settings are invalid, if there is no client in time, if an informer has
    /// no first list at the sync timeout, or if callbacks outlast the drain deadline; each names what
    /// failed. The callbacks of informers that have synced run meanwhile, and are drained as well.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the running callbacks at their next await. Cancel `stop` instead.
    pub async fn run_until(self, stop: CancellationToken) -> Result<(), RunError> {
        self.check()?;
        let watchdog = Watchdog::start();
        let bench = Bench::of_loop(self.name.clone());
        watchdog.add(bench.clone());
        // The tasks of the loop have slots of their own.
        let run = self.run_watched(stop, &watchdog);
        bench.slot(0).watch(Code::Poll, run).await
    }

    async fn run_watched(
        mut self,
        stop: CancellationToken,
        watchdog: &Watchdog,
    ) -> Result<(), RunError> {
        let registry = self.registry.clone();
        let drain_timeout = self.drain_timeout;
        // The callbacks see the stop of a loop that failed, the caller's token does not.
        let stop = stop.child_token();
        let connect = std::mem::take(&mut self.connect);
        let stages = Stages::default();
        let client = tokio::select! {
            // A client that is there already lets the handlers' informers be checked first.
            biased;
            client = connect.client(self.connect_timeout, stages.clone()) => client?,
            () = stop.cancelled() => return Ok(()),
            never = starting::report(&stages) => match never {},
        };
        let wired = self.wire(client, &stop)?;
        for (lane, informer) in &wired.lanes {
            informer.subscribe(lane.clone()).await;
        }
        let mut tasks = JoinSet::new();
        let mut sources = JoinSet::new();
        for informer in &wired.informers {
            let (informer, stop) = (informer.clone(), stop.clone());
            let bench = Bench::of_informer(&informer.describe());
            watchdog.add(bench.clone());
            sources.spawn(async move {
                let run = Box::pin(informer.run(stop));
                bench.slot(0).watch(Code::Poll, run).await;
            });
        }
        for (lane, informer) in &wired.lanes {
            watchdog.add(lane.bench().clone());
            lane.spawn(informer, &mut tasks);
        }
        let pulse = watchdog.pulse();
        let mut alive = JoinSet::new(); // Ends with the loop.
        alive.spawn(async move { pulse.answer().await });
        self.registry.start(wired);
        let name = Printable::new(&self.name);
        info!(event_loop = %name, "started");

        let synced = serve(&registry, self.sync_timeout, &stages, &stop).await;
        stop.cancel();
        registry.stopping().cancel();
        info!(event_loop = %name, "stopping");
        let drained = drain(&registry, tasks, drain_timeout).await;
        // A client that blocks its thread, in a credentials plugin for one, is left behind.
        let _ = timeout(LET_GO, all_ended(&mut sources)).await;
        info!(event_loop = %name, "stopped");
        synced.and(drained)
    }

    /// Makes the informers and lanes of all handlers.
    fn wire(&mut self, client: Client, stop: &CancellationToken) -> Result<Wired, RunError> {
        let informers = Informers::new(client).limits(self.limits);
        let defaults = Defaults {
            workers: self.workers,
            observer: self.observer.as_ref(),
        };
        let mut wired = Wired::default();
        for registration in std::mem::take(&mut self.registrations) {
            let (lane, informer) = registration.open(&informers, stop, defaults, &self.registry)?;
            if !wired.informers.iter().any(|i| Arc::ptr_eq(i, &informer)) {
                wired.informers.push(informer.clone());
            }
            wired.lanes.push((lane, informer));
        }
        Ok(wired)
    }
}

/// However a loop ends, also if it never ran: nobody waits for it, and no informer holds its handlers.
impl Drop for EventLoop {
    fn drop(&mut self) {
        self.registry.end();
    }
}

/// Returns when `stop` is cancelled, or fails when an informer has not synced in time, or cannot watch.
async fn serve(
    registry: &Registry,
    sync_timeout: Duration,
    stages: &Stages,
    stop: &CancellationToken,
) -> Result<(), RunError> {
    let informers = registry.informers();
    let in_time = syncing::in_time(&informers, sync_timeout, async {
        join_all(informers.iter().map(|informer| informer.synced())).await;
        debug!("every informer has synced");
        registry.notify();
        // An informer that can list but not watch sees no change.
        join_all(informers.iter().map(|informer| informer.watched())).await;
    });
    tokio::select! {
        () = stop.cancelled() => return Ok(()),
        in_time = in_time => if !in_time {
            return Err(RunError::NotSynced(unsynced(registry)));
        },
        never = starting::report(stages) => match never {},
    }
    stop.cancelled().await;
    Ok(())
}

/// Lets running callbacks finish, and names those that do not by the deadline.
async fn drain(
    registry: &Registry,
    mut tasks: JoinSet<()>,
    drain_timeout: Duration,
) -> Result<(), RunError> {
    let began = Instant::now();
    if timeout(drain_timeout, all_ended(&mut tasks)).await.is_ok() {
        return Ok(());
    }
    // A runtime that stood still past the deadline gave the others no time to finish.
    let late = began.elapsed().saturating_sub(drain_timeout);
    if late > LET_GO && timeout(LET_GO, all_ended(&mut tasks)).await.is_ok() {
        return Ok(());
    }
    let callbacks = registry.running();
    let on_thread = registry.on_thread();
    tasks.abort_all();
    // A callback that awaits is dropped by now, unless another has its thread.
    let _ = timeout(LET_GO, all_ended(&mut tasks)).await;
    tasks.detach_all();
    let cut_off: Vec<CutOff> = callbacks
        .into_iter()
        .map(|callback| CutOff {
            is_blocking: on_thread.still_has(&callback),
            callback,
        })
        .collect();
    warn!(callbacks = names(&cut_off), "drain deadline passed");
    Err(RunError::CutOff(cut_off))
}

fn unsynced(registry: &Registry) -> Vec<Unsynced> {
    let informers = registry.informers();
    let unsynced = informers
        .iter()
        .filter(|informer| !informer.has_synced() || !informer.has_watched());
    unsynced
        .map(|informer| Unsynced {
            informer: informer.describe(),
            cause: informer.last_error().or_else(|| informer.what_came()),
        })
        .collect()
}
