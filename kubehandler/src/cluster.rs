//! How the cluster is found and reached.

mod access;
mod convert;
mod credentials;
mod dial;
#[cfg(feature = "embedded")]
mod embedded;
mod environment;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
mod kubeconfig;
mod pod;
mod proxy;
mod reread;
mod select;
mod server;
mod service;
mod stage;
mod thread;
#[cfg(feature = "rustls-tls")]
mod tls;
#[cfg(not(feature = "rustls-tls"))]
#[path = "cluster/no_tls.rs"]
mod tls;

use std::{fmt, path::PathBuf, time::Duration};

use kube::{Client, Config};

pub use error::{ClusterError, Place};
pub(crate) use stage::{AnswerTimes, Stages};

use crate::{
    cluster::{
        access::{Access, Credentials},
        credentials::Signer,
        dial::Dialer,
        environment::Environment,
        kubeconfig::Kubeconfig,
        reread::aside,
        service::Requests,
        tls::TlsClient,
    },
    log::{info, warn},
};

/// How long a credentials plugin that may ask a person has, and any of `Cluster::connect`, if nothing else is said.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(300);

/// Which cluster to use, and as whom.
///
/// What kubectl and client-go accept works here. What they refuse is refused with a message that
/// begins with the file and the entry, and says what to do: see [`ClusterError`].
///
/// # Examples
///
/// ```no_run
/// use kubehandler::{Cluster, EventLoop};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let event_loop = EventLoop::new("staging").cluster(Cluster::kubeconfig("staging.yaml"));
///
/// // A client of your own:
/// let client = Cluster::find().context("staging").connect().await?;
/// # Ok(())
/// # }
/// ```
///
#[doc = include_str!("cluster/guide.md")]
#[derive(Clone, Debug)]
#[must_use]
pub struct Cluster {
    source: WhereFrom,
    context: Option<String>,
    credentials_over_http: bool,
    #[cfg(feature = "embedded")]
    or_embedded: bool,
}

#[derive(Clone)]
enum WhereFrom {
    #[cfg(feature = "embedded")]
    Embedded,
    Found,
    File(PathBuf),
    Pod,
    Config(Box<Config>),
}

/// Without what a configuration of `kube` holds: it may be secret.
impl fmt::Debug for WhereFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            #[cfg(feature = "embedded")]
            Self::Embedded => f.write_str("Embedded"),
            Self::Found => f.write_str("Found"),
            Self::File(file) => f.debug_tuple("File").field(file).finish(),
            Self::Pod => f.write_str("Pod"),
            Self::Config(_) => f.write_str("Config(..)"),
        }
    }
}

impl Default for Cluster {
    fn default() -> Self {
        Self::find()
    }
}

impl Cluster {
    const fn new(source: WhereFrom) -> Self {
        Self {
            source,
            context: None,
            credentials_over_http: false,
            #[cfg(feature = "embedded")]
            or_embedded: false,
        }
    }

    /// Finds the cluster as kubectl does: `KUBECONFIG`, `~/.kube/config`, the pod's own cluster.
    pub const fn find() -> Self {
        Self::new(WhereFrom::Found)
    }

    /// Uses this kubeconfig and no other.
    pub fn kubeconfig(file: impl Into<PathBuf>) -> Self {
        Self::new(WhereFrom::File(file.into()))
    }

    /// Uses the cluster that this program runs in, as the service account of its pod.
    pub const fn in_cluster() -> Self {
        Self::new(WhereFrom::Pod)
    }

    /// Uses an API server in memory, with pods that come, get ready, fail and go: for first runs.
    ///
    /// It listens on a free port of the loopback, which is logged, for kubectl and others; it ends
    /// with the client. No kubelet and no controllers run in it.
    #[cfg(feature = "embedded")]
    pub const fn embedded() -> Self {
        Self::new(WhereFrom::Embedded)
    }

    /// Uses the [embedded](Self::embedded) server where no cluster is configured.
    #[cfg(feature = "embedded")]
    pub const fn or_embedded(mut self) -> Self {
        self.or_embedded = true;
        self
    }

    /// Uses a configuration of `kube`.
    ///
    /// Its `default_retry` and its timeouts do not count: informers have their own.
    pub fn config(config: Config) -> Self {
        Self::new(WhereFrom::Config(Box::new(config)))
    }

    /// Uses this context of the kubeconfig instead of the current one.
    pub fn context(mut self, name: impl Into<String>) -> Self {
        self.context = Some(name.into());
        self
    }

    /// Sends tokens and passwords also over plain HTTP, where anybody on the way can read them.
    pub const fn credentials_over_http(mut self) -> Self {
        self.credentials_over_http = true;
        self
    }

    /// Makes a client for the cluster.
    ///
    /// It can be used wherever `kube` takes a client. It does not retry by itself.
    ///
    /// # Errors
    ///
    /// Fails if no cluster is configured, if its configuration cannot be used, or if a credentials
    /// plugin fails or does not answer within five minutes. Nothing is sent to the server yet.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends a plugin that runs.
    pub async fn connect(&self) -> Result<Client, ClusterError> {
        let times = AnswerTimes::of(CONNECT_TIMEOUT);
        self.connect_within(times, Stages::default()).await
    }

    /// Makes a client, whose plugin has this long to answer; what it waits for is noted in `stages`.
    pub(crate) async fn connect_within(
        &self,
        times: AnswerTimes,
        stages: Stages,
    ) -> Result<Client, ClusterError> {
        let environment = Environment::of_process();
        self.connect_in(&environment, stages, times).await
    }

    /// Makes a client in an environment; see [`connect_within`](Self::connect_within).
    async fn connect_in(
        &self,
        environment: &Environment,
        stages: Stages,
        times: AnswerTimes,
    ) -> Result<Client, ClusterError> {
        // What is a file may as well be a pipe that somebody is to fill, or far away.
        let (cluster, read_in) = (self.clone(), environment.clone());
        let access = aside(&stages, move || cluster.access(&read_in)).await;
        #[cfg(feature = "embedded")]
        let (access, keeper) = self.start_if_embedded(access).await?;
        #[cfg(not(feature = "embedded"))]
        let (access, keeper) = (access?, ());
        let mut access = access;
        self.guard(&mut access, environment);
        let place = access.place.clone();
        let signer = Signer::new(&mut access, &stages, times).await?;
        let Access {
            server,
            namespace,
            tls,
            headers,
            proxy,
            ..
        } = access;
        // A server of plain HTTP may redirect to one of HTTPS. The system's authorities are read only then.
        let tls = if server.is_https() || tls.is_configured() {
            let (plugin, place) = (signer.identity().cloned(), place.clone());
            let make = move || TlsClient::new(tls, &place, plugin.as_ref());
            Some(aside(&stages, make).await?)
        } else {
            None
        };
        let dialer = Dialer::new(proxy.clone(), tls, place, stages.clone());
        let requests = Requests::new(
            server,
            headers,
            proxy.as_ref(),
            signer,
            dialer,
            stages,
            Box::new(keeper),
        );
        Ok(Client::new(requests, namespace))
    }

    /// Finds out how to reach the cluster; nothing is sent, and no plugin runs.
    fn access(&self, environment: &Environment) -> Result<Access, ClusterError> {
        let context = self.context.as_deref();
        let select = |kubeconfig: &Kubeconfig| select::select(kubeconfig, context, environment);
        let file = match &self.source {
            #[cfg(feature = "embedded")]
            WhereFrom::Embedded => return Err(ClusterError::NotConfigured),
            WhereFrom::Config(config) => return convert::of_config(config),
            WhereFrom::Pod => return pod::of_pod(environment),
            WhereFrom::File(file) => return select(&Kubeconfig::read(std::slice::from_ref(file))?),
            WhereFrom::Found => match environment.listed_files() {
                Some(files) if !files.is_empty() => return select(&Kubeconfig::read(&files)?),
                Some(_) => None,
                None => environment.default_file(),
            },
        };
        // One that cannot be looked at is there.
        let is_there = |file: &PathBuf| file.try_exists().unwrap_or(true);
        if let Some(file) = file.filter(is_there) {
            let kubeconfig = Kubeconfig::read(&[file])?;
            let has_context = kubeconfig.current_context.is_some() || context.is_some();
            let counts = has_context || !environment.is_pod();
            if !kubeconfig.is_empty() && counts {
                return select(&kubeconfig);
            }
            if !kubeconfig.is_empty() {
                let file = kubeconfig.place();
                info!("{file}: `current-context` is not set; using the pod's service account");
            }
        }
        if context.is_none() && environment.is_pod() {
            return pod::of_pod(environment);
        }
        Err(ClusterError::NotConfigured)
    }

    /// Starts the embedded server, if it is to be used.
    #[cfg(feature = "embedded")]
    async fn start_if_embedded(
        &self,
        access: Result<Access, ClusterError>,
    ) -> Result<(Access, Option<embedded::Embedded>), ClusterError> {
        let is_embedded = matches!(self.source, WhereFrom::Embedded) || self.or_embedded;
        match access {
            Err(ClusterError::NotConfigured) if is_embedded => {}
            access => return Ok((access?, None)),
        }
        let place = Place::code();
        let cannot = |error: &dyn std::fmt::Display| {
            place.invalid(format!("the embedded API server cannot start: {error}"))
        };
        let embedded = embedded::Embedded::start().await;
        let embedded = embedded.map_err(|error| cannot(&error))?;
        let url = embedded.url();
        info!(
            "this is the embedded API server, with pods that come and go; look at it with \
             `kubectl --server {url} get pods -A -w`, or set KUBECONFIG to use a cluster of yours"
        );
        let config = Config::new(url.parse().map_err(|error| cannot(&error))?);
        Ok((convert::of_config(&config)?, Some(embedded)))
    }

    /// Keeps credentials off plain HTTP, unless they were asked for.
    fn guard(&self, access: &mut Access, environment: &Environment) {
        let is_asked_for = self.credentials_over_http || environment.credentials_over_http;
        let has_some = !access.credentials.is_none() || access.tls.identity.is_some();
        if access.server.is_https() || !has_some {
            return;
        }
        let (place, server) = (&access.place, &access.server);
        if is_asked_for {
            warn!("{place}: credentials are sent over plain HTTP to `{server}`");
            return;
        }
        warn!(
            "{place}: no credentials are sent to `{server}`, as it is plain HTTP; use https, or set KUBEHANDLER_CREDENTIALS_OVER_HTTP=true"
        );
        access.credentials = Credentials::None;
        access.tls.identity = None;
    }
}

#[cfg(test)]
mod tests;
