//! What is set before an event loop runs, and the checks of it.

use std::{any, collections::HashMap, error::Error, fmt, sync::Arc, time::Duration};

use kube::{Client, Config};
use tokio_util::sync::CancellationToken;

use super::{
    EventLoop, EventLoopHandle,
    connect::Connect,
    error::RunError,
    registry::{Registry, Wired},
};
use crate::{
    cluster::{AnswerTimes, CONNECT_TIMEOUT, Cluster},
    contained::{Contained, contained},
    event::Context,
    handler::Callbacks,
    informer::{Informers, Limits},
    lane::{
        self, Lane,
        dispatch::Typed,
        gate::Gate,
        observer::LaneObserver,
        source::{DeclaredSource, Sources},
    },
    object_key::is_dns_label,
    observe::{Fact, Observer},
    settings::{Settings, Workers},
};

/// More workers than this are a mistake.
const MAX_WORKERS: usize = 65_536;

impl EventLoop {
    /// Makes an event loop without handlers; `name` appears in its logs.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into().into(),
            connect: Connect::default(),
            workers: 16,
            limits: Limits::default(),
            connect_timeout: None,
            sync_timeout: Duration::from_secs(120),
            drain_timeout: Duration::from_secs(25),
            registrations: Vec::new(),
            observer: None,
            gate: None,
            registry: Arc::default(),
        }
    }

    /// Adds a handler.
    ///
    /// Its name must be a DNS label that is unique within the loop; [`run`](Self::run) says so
    /// otherwise.
    pub fn register<H: Callbacks>(self, handler: H) -> Self {
        self.register_with(handler, Sources::default())
    }

    /// Adds a handler whose objects become due when those of its sources change, too.
    #[doc(hidden)]
    pub fn register_with<H: Callbacks>(mut self, handler: H, sources: Sources) -> Self {
        self.registrations.push(Box::new(Registered {
            name: handler.name().into_owned(),
            sources: sources.into_declared(),
            typed: Typed {
                settings: Contained::new(handler.settings()),
                handler: Contained::new(handler),
            },
        }));
        self
    }

    /// Uses this client; by default, one is made from the kubeconfig or the cluster's environment.
    ///
    /// The default client leaves retries to the informers. If yours is made from a
    /// `kube::Config`, set its `default_retry` to false, or each failing request is retried
    /// twice over.
    pub fn client(mut self, client: Client) -> Self {
        self.connect = Connect::Client(client);
        self
    }

    /// Uses this cluster, instead of the one that is [found](Cluster::find).
    ///
    /// # Examples
    ///
    /// ```
    /// use kubehandler::{Cluster, EventLoop};
    ///
    /// let event_loop = EventLoop::new("staging").cluster(Cluster::find().context("staging"));
    /// ```
    pub fn cluster(mut self, cluster: Cluster) -> Self {
        self.connect = Connect::Cluster(cluster);
        self
    }

    /// Uses the configuration of `kube` that this future finds when the loop starts.
    ///
    /// Its credentials are used as they are, also over plain HTTP, which is warned about.
    ///
    /// # Examples
    ///
    /// ```
    /// use kubehandler::{EventLoop, kube::{Config, config::KubeConfigOptions}};
    ///
    /// let event_loop = EventLoop::new("staging").config_from(async {
    ///     let context = Some("staging".to_owned());
    ///     Config::from_kubeconfig(&KubeConfigOptions { context, ..Default::default() }).await
    /// });
    /// ```
    pub fn config_from<E>(
        mut self,
        config: impl Future<Output = Result<Config, E>> + Send + 'static,
    ) -> Self
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let config = async { config.await.map_err(Into::into) };
        self.connect = Connect::Config(Box::pin(config));
        self
    }

    /// Runs at most this many callbacks of each handler at once, unless its settings say otherwise.
    ///
    /// The default is 16.
    ///
    /// # Examples
    ///
    /// ```
    /// use kubehandler::EventLoop;
    ///
    /// let event_loop = EventLoop::new("demo").workers(4);
    /// ```
    pub fn workers(mut self, workers: impl Workers) -> Self {
        self.workers = workers.count();
        self
    }

    /// Sets how large, and how slow, what the server sends to the loop's own informers may be.
    ///
    /// Informers that handlers bring have limits of their own, set with
    /// [`InformerOptions::limits`](crate::InformerOptions::limits).
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Fails if a credentials plugin, or what is given to [`config_from`](Self::config_from), takes longer.
    ///
    /// By default, a credentials plugin has as long as the [sync timeout](Self::sync_timeout). One that may
    /// ask a person, as it is run in a terminal, has 5 minutes at least, and so has what is given to `config_from`.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// Fails if an informer has waited this long for its first complete list; the default is 2 minutes.
    ///
    /// The time in which the list comes does not count, as long as it comes at the
    /// [least rate](Limits::min_rate): a slow link is waited for however long it takes. What counts
    /// is the time without an answer, that of bytes too few, and the delays after failures, so that
    /// lists which fail again and again end the loop as well.
    pub fn sync_timeout(mut self, timeout: Duration) -> Self {
        self.sync_timeout = timeout;
        self
    }

    /// Gives running callbacks this long to finish at shutdown; the default is 25 s.
    ///
    /// That is 5 s less than the default grace period of a pod.
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// Tells `observe` what happens in the loop, after those given before: callbacks, objects that are
    /// due, lists and watches.
    ///
    /// It is called by the worker, between two callbacks, by the informer, or, for what is due, by a task
    /// of its own, and must not block. When the loop [is idle](EventLoopHandle::is_idle) it has been told of
    /// every callback so far.
    ///
    /// # Examples
    ///
    /// ```
    /// use kubehandler::{CallbackStage, EventLoop, Fact, InformerStage, Printable};
    ///
    /// let event_loop = EventLoop::new("demo").observe(|fact| match fact {
    ///     Fact::Callback(report) => {
    ///         if let CallbackStage::Failed { error, .. } = report.stage {
    ///             let (object, error) = (Printable::new(&report.object), Printable::new(error));
    ///             eprintln!("{} of {object}: {error}", report.event_type);
    ///         }
    ///     }
    ///     Fact::ListOrWatch(report) => {
    ///         if let InformerStage::Listing { cause, .. } = report.stage {
    ///             eprintln!("{} are listed: {cause}", report.informer);
    ///         }
    ///     }
    ///     _ => {}
    /// });
    /// ```
    pub fn observe(mut self, observe: impl Fn(Fact) + Send + Sync + 'static) -> Self {
        self.observer = Some(match self.observer.take() {
            None => Observer::new(observe),
            Some(observer) => observer.and(observe),
        });
        self
    }

    /// Calls the handlers only while this gate is open; informers and stores are kept up to date meanwhile.
    ///
    /// For what decides whose turn it is among several processes.
    #[doc(hidden)]
    pub fn gate(mut self, gate: Gate) -> Self {
        self.gate = Some(gate);
        self
    }

    /// Says how long what gives credentials may take.
    pub(super) fn answer_times(&self) -> AnswerTimes {
        self.connect_timeout.map_or(
            AnswerTimes {
                alone: self.sync_timeout,
                asking: self.sync_timeout.max(CONNECT_TIMEOUT),
            },
            AnswerTimes::of,
        )
    }

    /// Returns a handle that shows how far the loop has come.
    #[must_use]
    pub fn handle(&self) -> EventLoopHandle {
        EventLoopHandle::new(self.registry.clone())
    }

    /// Checks all that can be known before there is a client.
    pub(super) fn check(&self) -> Result<(), RunError> {
        if self.registrations.is_empty() {
            return Err(RunError::NoHandler(self.name.to_string()));
        }
        let mut types = HashMap::new();
        for registration in &self.registrations {
            let (name, type_name) = (registration.name().to_owned(), registration.type_name());
            if !is_dns_label(&name) {
                return Err(RunError::InvalidName { type_name, name });
            }
            registration
                .check(self.workers)
                .map_err(|reason| RunError::InvalidSettings {
                    handler: name.clone(),
                    reason,
                })?;
            if let Some(first) = types.insert(name.clone(), type_name) {
                let type_names = [first, type_name];
                return Err(RunError::DuplicateHandler { type_names, name });
            }
        }
        Ok(())
    }
}

impl fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let handlers: Vec<&str> = self.registrations.iter().map(|r| r.name()).collect();
        f.debug_struct("EventLoop")
            .field("name", &self.name)
            .field("handlers", &handlers)
            .field("workers", &self.workers)
            .field("limits", &self.limits)
            .field("connect_timeout", &self.connect_timeout)
            .field("sync_timeout", &self.sync_timeout)
            .field("drain_timeout", &self.drain_timeout)
            .finish_non_exhaustive()
    }
}

/// What the loop says of all its handlers.
#[derive(Clone, Copy)]
pub(super) struct Defaults<'a> {
    pub(super) workers: usize,
    pub(super) observer: Option<&'a Observer>,
    pub(super) gate: Option<&'a Gate>,
}

/// A handler that waits for its loop to run; its type is forgotten.
pub(super) trait Registration: Send + Sync {
    fn name(&self) -> &str;

    /// Returns the handler's Rust type.
    fn type_name(&self) -> &'static str;

    /// Says what is wrong with the settings, if anything is; `workers` is the loop's number.
    fn check(&self, workers: usize) -> Result<(), String>;

    /// Makes the handler's lane and its sources, and wires them with their informers.
    fn open(
        self: Box<Self>,
        informers: &Informers,
        stop: &CancellationToken,
        defaults: Defaults<'_>,
        registry: &Registry,
        wired: &mut Wired,
    ) -> Result<(), RunError>;
}

/// A handler, with what it said of itself when it was registered.
struct Registered<H: Callbacks> {
    name: String,
    sources: Vec<DeclaredSource>,
    typed: Typed<H>,
}

impl<H: Callbacks> Registration for Registered<H> {
    fn name(&self) -> &str {
        &self.name
    }

    fn type_name(&self) -> &'static str {
        any::type_name::<H>()
    }

    fn check(&self, workers: usize) -> Result<(), String> {
        check_settings(&self.typed.settings, workers)
    }

    fn open(
        self: Box<Self>,
        informers: &Informers,
        stop: &CancellationToken,
        defaults: Defaults<'_>,
        registry: &Registry,
        wired: &mut Wired,
    ) -> Result<(), RunError> {
        let Self {
            name,
            sources,
            typed,
        } = *self;
        let informer = contained(|| typed.handler.informer(informers).source().clone())
            .map_err(|panic| format!("`informer` panicked: {panic}"))
            .and_then(|informer| informer.upstream().invalid().map_or(Ok(informer), Err));
        let informer = match informer {
            Ok(informer) => informer,
            Err(reason) => {
                return Err(RunError::InvalidInformer {
                    handler: name,
                    reason,
                });
            }
        };
        let settings = &typed.settings;
        let config = lane::Config {
            workers: settings.workers.unwrap_or(defaults.workers),
            timeout: settings.timeout,
            retry: settings.retry,
            resync: settings.resync,
            observer: defaults
                .observer
                .map(|observer| -> Arc<dyn LaneObserver> { Arc::new(observer.clone()) }),
            gate: defaults.gate.cloned(),
        };
        let context = Context {
            client: informers.client().clone(),
            stop: stop.clone(),
            decoder: informer.cache().decoder().clone(),
        };
        let progress = registry.progress().clone();
        let lane = Lane::new(name.into(), Arc::new(typed), config, context, progress);
        wired.add_informer(&informer);
        wired.lanes.push((lane.clone(), informer));
        for source in sources {
            let (source, informer) = source.open(&lane, informers);
            if let Some(reason) = informer.upstream().invalid() {
                let handler = lane.name().to_string();
                return Err(RunError::InvalidInformer { handler, reason });
            }
            wired.add_informer(&informer);
            wired.sources.push((source, informer));
        }
        Ok(())
    }
}

fn check_settings<H: Callbacks>(settings: &Settings<H>, workers: usize) -> Result<(), String> {
    let workers = settings.workers.unwrap_or(workers);
    if workers == 0 {
        return Err("there are no workers: use at least 1".to_owned());
    }
    if workers > MAX_WORKERS {
        return Err(format!(
            "{workers} workers are more than {MAX_WORKERS}: each is a task, also while it waits"
        ));
    }
    let retry = &settings.retry;
    if retry.base > retry.cap {
        return Err(format!(
            "the base {:?} of its retries is above their cap {:?}",
            retry.base, retry.cap
        ));
    }
    if retry.max == Some(0) {
        return Err("a callback is tried at least once: use `max(1)`".to_owned());
    }
    if retry.base.is_zero() {
        return Err("the base of its retries is zero: they would not wait".to_owned());
    }
    for (name, value) in [("timeout", settings.timeout), ("resync", settings.resync)] {
        if value.is_some_and(|value| value.is_zero()) {
            return Err(format!(
                "`{name}` is zero: leave it out or give it a length"
            ));
        }
    }
    Ok(())
}
