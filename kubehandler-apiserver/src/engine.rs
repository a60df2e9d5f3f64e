//! What all requests share: the cluster under its lock, the open watches, and who waits for a change.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::{admission::Admission, controllers::Cluster, state::watches::Watches};

/// What all requests share.
pub(crate) struct Engine {
    cluster: Mutex<Cluster>,
    pub(crate) admission: Admission,
    pub(crate) watches: Arc<Watches>,
    /// Notified after each change of any object.
    pub(crate) advanced: Notify,
}

impl Engine {
    pub(crate) fn new(cluster: Cluster, admission: Admission) -> Self {
        Self {
            cluster: Mutex::new(cluster),
            admission,
            watches: Arc::default(),
            advanced: Notify::new(),
        }
    }

    pub(crate) fn cluster(&self) -> MutexGuard<'_, Cluster> {
        // A panic under the lock left at worst one request half done.
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
