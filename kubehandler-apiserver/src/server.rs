//! The face of the server: how it is made, reached, loaded and observed. All of `ApiServer` is here.

pub(crate) mod builder;
mod guard;
pub(crate) mod listen;
pub(crate) mod load;
mod progress;

use std::{fmt, sync::Arc};

use crate::{
    admission::Admission,
    controllers::Cluster,
    engine::Engine,
    group::GroupResource,
    object,
    pipeline::{Pipeline, faults::Faults, record::Record, service::ApiService},
    server::builder::ApiServerBuilder,
    state::storage::key,
    wire::asked::Asked,
};

/// A Kubernetes API server in memory.
///
/// The handle is cheap to clone; all clones are one server. It has no thread and no task of its own:
/// requests do all the work.
#[derive(Clone)]
pub struct ApiServer {
    pipeline: Arc<Pipeline>,
    /// The hosts that a listener may be called by, beside the loopback.
    allowed_hosts: Arc<[String]>,
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

    fn new_with(cluster: Cluster, record: Record, allowed_hosts: Vec<String>) -> Self {
        Self {
            pipeline: Arc::new(Pipeline::new(
                Engine::new(cluster, Admission::default()),
                record,
            )),
            allowed_hosts: allowed_hosts.into(),
        }
    }

    /// Puts an object that is there in another form, which nothing checks: what a server stored before its
    /// kind had the type that it has now. Returns false if there is no such object.
    ///
    /// For the tests of this workspace alone.
    #[doc(hidden)]
    #[must_use]
    pub fn overwrite(&self, group: &str, plural: &str, mut object: serde_json::Value) -> bool {
        let engine = self.pipeline.engine();
        let mut cluster = engine.cluster();
        let Some(resource) = cluster
            .catalog
            .find(GroupResource::new(group, plural))
            .cloned()
        else {
            return false;
        };
        let place = key(object::namespace(&object), object::name(&object));
        let table = cluster.table(&resource);
        let Some(old) = cluster.storage.get(table, &place).map(|old| old.to_value()) else {
            return false;
        };
        for field in ["uid", "creationTimestamp"] {
            object::copy_meta(&mut object, field, &old);
        }
        cluster.put(&resource, Some(&old), &object);
        cluster.settle();
        drop(cluster);
        engine.advanced.notify_waiters();
        true
    }

    /// Returns a client of this server that needs no socket.
    ///
    /// Its namespace is `default`.
    #[cfg(feature = "client")]
    #[must_use]
    pub fn client(&self) -> kube::Client {
        kube::Client::new(self.service(), "default")
    }

    /// Returns a client that [`Faults`](crate::Faults) and the record of requests know by `name`.
    #[cfg(feature = "client")]
    #[must_use]
    pub fn client_named(&self, name: &str) -> kube::Client {
        kube::Client::new(self.service_named(name), "default")
    }

    /// Returns the server as a service, for a client or a listener of your own.
    #[must_use]
    pub fn service(&self) -> ApiService {
        ApiService::new(Arc::clone(&self.pipeline), None)
    }

    /// Returns the server as a service that [`Faults`](crate::Faults) and the record of requests know
    /// by `name`.
    #[must_use]
    pub fn service_named(&self, name: &str) -> ApiService {
        ApiService::new(Arc::clone(&self.pipeline), Some(name.into()))
    }

    /// Returns the handle on what goes wrong.
    #[must_use]
    pub fn faults(&self) -> Faults {
        Faults::new(Arc::clone(&self.pipeline))
    }

    /// Returns what the server was asked so far, the oldest first; at most the last 100,000.
    ///
    /// It is empty for a server that was built
    /// [without record](crate::ApiServerBuilder::without_record).
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.pipeline.record().entries()
    }

    /// Forgets what the server was asked so far.
    pub fn forget_asked(&self) {
        self.pipeline.record().forget();
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
