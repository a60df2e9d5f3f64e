//! Informers and handlers wired together: run, then drain.

mod builder;
mod connect;
mod error;
mod handle;
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

use error::names;
pub use error::{CutOff, RunError, Unsynced};
pub use handle::{EventLoopHandle, HandlerState, InformerState};
pub use registry::{RunningCallback, WaitingCallback};

use crate::{
    Printable,
    cluster::Stages,
    contained::all_ended,
    event_loop::{
        builder::{Defaults, Registration},
        connect::Connect,
        registry::{Registry, Wired},
    },
    informer::{Informers, Limits},
    lane::gate::Gate,
    log::{self, debug, info, warn},
    observe::Observer,
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
#[must_use = "`register` and the other setters take the event loop and return it: chain the calls, or write `let event_loop = event_loop.register(..)`; it does nothing until `main` or `run`"]
pub struct EventLoop {
    name: Arc<str>,
    connect: Connect,
    workers: usize,
    limits: Limits,
    connect_timeout: Option<Duration>,
    sync_timeout: Duration,
    drain_timeout: Duration,
    registrations: Vec<Box<dyn Registration>>,
    observer: Option<Observer>,
    gate: Option<Gate>,
    registry: Arc<Registry>,
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
            client = connect.client(self.answer_times(), stages.clone()) => client?,
            () = stop.cancelled() => return Ok(()),
            never = starting::report(&stages) => match never {},
        };
        let wired = self.wire(client, &stop)?;
        for (subscriber, informer) in wired.subscribers() {
            informer.cache().subscribe(subscriber).await;
        }
        let mut tasks = JoinSet::new();
        let mut sources = JoinSet::new();
        for informer in &wired.informers {
            let (informer, stop) = (informer.clone(), stop.clone());
            let bench = Bench::of_informer(&informer.upstream().describe());
            watchdog.add(bench.clone());
            sources.spawn(async move {
                let run = Box::pin(informer.run(stop));
                bench.slot(0).watch(Code::Poll, run).await;
            });
        }
        for (lane, informer) in &wired.lanes {
            watchdog.add(lane.bench().clone());
            lane.spawn(&wired.informers_of(lane, informer), &mut tasks);
        }
        for (source, _) in &wired.sources {
            watchdog.add(source.bench().clone());
            source.spawn(&mut tasks);
        }
        let pulse = watchdog.pulse();
        let mut alive = JoinSet::new(); // Ends with the loop.
        for (lane, _) in &wired.lanes {
            lane.spawn_teller(&mut alive);
        }
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
            gate: self.gate.as_ref(),
        };
        let mut wired = Wired::default();
        for registration in std::mem::take(&mut self.registrations) {
            registration.open(&informers, stop, defaults, &self.registry, &mut wired)?;
        }
        if let Some(observer) = &self.observer {
            wired.observe_informers(Arc::new(observer.clone()));
        }
        Ok(wired)
    }
}

/// Ends the waits for a loop, and takes its handlers off the informers, however it ends.
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
        let synced = informers.iter().map(|all| all.cache().synced());
        join_all(synced).await;
        debug!("every informer has synced");
        registry.notify();
        // An informer that can list but not watch sees no change.
        let watched = informers.iter().map(|all| all.upstream().watched());
        join_all(watched).await;
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
    let unsynced = informers.iter().filter(|informer| !informer.has_started());
    unsynced
        .map(|informer| Unsynced {
            informer: informer.upstream().describe(),
            cause: informer
                .upstream()
                .last_error()
                .or_else(|| informer.what_came()),
        })
        .collect()
}
