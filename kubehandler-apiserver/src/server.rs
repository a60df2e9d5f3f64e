//! The server: what all requests share, and the way of one request.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::{
    builder::ApiServerBuilder, faults::Script, record::Record, service::ApiService, state::State,
    watch::Watches,
};

/// A Kubernetes API server in memory.
///
/// The handle is cheap to clone; all clones are one server. It has no thread and no task of its own:
/// requests do all the work.
#[derive(Clone)]
pub struct ApiServer {
    pub(crate) shared: Arc<Shared>,
}

/// What all requests share.
pub(crate) struct Shared {
    state: Mutex<State>,
    script: Mutex<Script>,
    pub(crate) record: Record,
    /// The hosts that a listener may be called by, beside the loopback.
    pub(crate) allowed_hosts: Vec<String>,
    pub(crate) watches: Arc<Watches>,
    /// Notified after each change of any object.
    pub(crate) advanced: Notify,
}

impl Shared {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // A panic under the lock left at worst one request half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ApiServer {
    /// Returns a server with the built-in kinds and the namespaces that every cluster has.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Returns what a server is made from.
    pub fn builder() -> ApiServerBuilder {
        ApiServerBuilder::default()
    }

    pub(crate) fn new_with(state: State, record: Record, allowed_hosts: Vec<String>) -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                script: Mutex::default(),
                record,
                allowed_hosts,
                watches: Arc::default(),
                advanced: Notify::new(),
            }),
        }
    }

    /// Returns a client of this server that needs no socket.
    ///
    /// Its namespace is `default`.
    #[must_use]
    pub fn client(&self) -> kube::Client {
        kube::Client::new(self.service(), "default")
    }

    /// Returns a client that [`Faults`](crate::Faults) and the record of requests know by `name`.
    #[must_use]
    pub fn client_named(&self, name: &str) -> kube::Client {
        kube::Client::new(self.service_named(name), "default")
    }

    /// Returns the server as a service, for a client or a listener of your own.
    #[must_use]
    pub fn service(&self) -> ApiService {
        ApiService {
            server: self.clone(),
            client: None,
        }
    }

    /// Returns the server as a service that [`Faults`](crate::Faults) and the record of requests know
    /// by `name`.
    #[must_use]
    pub fn service_named(&self, name: &str) -> ApiService {
        ApiService {
            client: Some(name.into()),
            ..self.service()
        }
    }
}

impl Default for ApiServer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiServer").finish_non_exhaustive()
    }
}
