//! What a server is made from.

use std::{collections::hash_map::RandomState, hash::BuildHasher as _, time::Duration};

use crate::{
    controllers::Cluster,
    pipeline::record::Record,
    server::ApiServer,
    state::{State, clock::Clock, storage::Retention},
};

/// What a server is made from.
///
/// Two servers made alike answer the same calls with the same bytes: uids, versions and times.
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
#[derive(Clone, Debug)]
#[must_use]
pub struct ApiServerBuilder {
    seed: u64,
    has_system_clock: bool,
    retention: Retention,
    has_controllers: bool,
    has_record: bool,
    tracks_managers: bool,
    allowed_hosts: Vec<String>,
}

impl Default for ApiServerBuilder {
    fn default() -> Self {
        Self {
            seed: 0,
            has_system_clock: false,
            retention: Retention {
                changes: 100_000,
                age: Duration::from_secs(300),
            },
            has_controllers: true,
            has_record: true,
            tracks_managers: true,
            allowed_hosts: Vec::new(),
        }
    }
}

impl ApiServerBuilder {
    /// Makes uids and generated names from `seed`. The default is 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Stamps objects with the machine's time.
    ///
    /// By default the server's clock starts at the same time whenever it is built, and goes with
    /// tokio's: it stands still in tests that pause that.
    pub fn system_clock(mut self) -> Self {
        self.has_system_clock = true;
        self
    }

    /// Makes uids and generated names that no other server makes.
    pub fn random_seed(self) -> Self {
        self.seed(RandomState::new().hash_one(()))
    }

    /// Keeps at most `changes` changes for watches and paged lists. The default is 100,000.
    pub fn history_len(mut self, changes: usize) -> Self {
        self.retention.changes = changes;
        self
    }

    /// Keeps changes for at most `age`. The default is 5 minutes, etcd's as the API server sets it.
    pub fn history_age(mut self, age: Duration) -> Self {
        self.retention.age = age;
        self
    }

    /// Leaves out what kube-controller-manager does in a cluster: the garbage collection of objects
    /// whose owner is gone, and the end of namespaces that were deleted.
    pub fn without_controllers(mut self) -> Self {
        self.has_controllers = false;
        self
    }

    /// Leaves out the record of requests, which takes time and memory.
    pub fn without_record(mut self) -> Self {
        self.has_record = false;
        self
    }

    /// Leaves `metadata.managedFields` out of objects without a server-side apply: faster, and smaller.
    ///
    /// The first server-side apply of an object then gives everything that is there to the manager
    /// `before-first-apply`, as Kubernetes does with objects that it has no record of.
    ///
    /// # Examples
    ///
    /// ```
    /// let server = kubehandler_apiserver::ApiServer::builder().without_managed_fields().build();
    /// ```
    pub fn without_managed_fields(mut self) -> Self {
        self.tracks_managers = false;
        self
    }

    /// Serves requests to a [listener](ApiServer::listen) that name this host: a name, or an address
    /// without port.
    ///
    /// By default these are `localhost`, names below it, loopback addresses, and the address that the
    /// listener is bound to, or any address if it is bound to all. A request that names another host
    /// gets 421, so that no web page can reach the server by a name of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// let server = kubehandler_apiserver::ApiServer::builder().allow_host("apiserver.test").build();
    /// ```
    pub fn allow_host(mut self, host: impl Into<String>) -> Self {
        self.allowed_hosts.push(host.into());
        self
    }

    /// Makes the server.
    #[must_use]
    pub fn build(self) -> ApiServer {
        let clock = if self.has_system_clock {
            Clock::system()
        } else {
            Clock::fixed()
        };
        let record = if self.has_record {
            Record::default()
        } else {
            Record::off()
        };
        let mut state = State::new(self.seed, clock, self.retention);
        state.tracks_managers = self.tracks_managers;
        let cluster = Cluster::new(state, self.has_controllers);
        ApiServer::new_with(cluster, record, self.allowed_hosts)
    }
}
