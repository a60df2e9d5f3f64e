//! A running informer that is held against its server.

use std::time::Duration;

use kubehandler::{
    Filter, Informer, ObjectKey,
    k8s::Pod,
    kube::{Client, ResourceExt},
};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{ScriptedServer, Summary};

/// How long an informer may take to agree with its server, in the time of the test.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// How long it must agree from then on.
const PEACE: Duration = Duration::from_secs(10 * 60);

/// An informer of pods that runs until this is dropped.
#[derive(Debug)]
pub struct Follower {
    /// The informer.
    pub informer: Informer<Pod>,
    /// Stops it.
    pub stop: CancellationToken,
    server: ScriptedServer,
    task: AbortOnDropHandle<()>,
}

impl Follower {
    /// Runs an informer of all pods of the server.
    #[must_use]
    pub fn start(server: &ScriptedServer) -> Self {
        Self::start_with(server, server.client(), Filter::default())
    }

    /// Runs an informer of the pods that match, through this client.
    #[must_use]
    pub fn start_with(server: &ScriptedServer, client: Client, filter: Filter) -> Self {
        let informer = Informer::<Pod>::new(client, filter);
        let stop = CancellationToken::new();
        let task = tokio::spawn({
            let (informer, stop) = (informer.clone(), stop.clone());
            async move { informer.run(stop).await }
        });
        Self {
            informer,
            stop,
            server: server.clone(),
            task: AbortOnDropHandle::new(task),
        }
    }

    /// Runs an informer of all pods of the server, and waits until it has them.
    ///
    /// # Panics
    ///
    /// If it does not get them.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the informer.
    pub async fn start_synced(server: &ScriptedServer) -> Self {
        let follower = Self::start(server);
        follower.becomes_equal().await;
        follower
    }

    /// Waits for the first complete list.
    ///
    /// # Panics
    ///
    /// If it does not come.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    pub async fn synced(&self) {
        let synced = timeout(PATIENCE, self.informer.synced()).await;
        assert!(
            synced.is_ok(),
            "no first list: {:?}",
            self.informer.last_error()
        );
    }

    /// Waits until the store equals the server's pods, and sees that it stays so.
    ///
    /// # Panics
    ///
    /// If it does not become equal, or does not stay so.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    pub async fn converges(&self) {
        self.becomes_equal().await;
        sleep(PEACE).await;
        assert_eq!(
            self.pods(),
            self.server.pods(),
            "equal at first, but not for long"
        );
        assert_eq!(self.informer.last_error(), None, "equal, but in trouble");
    }

    /// Waits until the store equals the server's pods.
    ///
    /// # Panics
    ///
    /// If it does not become equal.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    pub async fn becomes_equal(&self) {
        let start = Instant::now();
        while !self.is_equal() {
            assert!(
                start.elapsed() < PATIENCE,
                "the store has {:?}, the server {:?}; {:?}",
                self.pods(),
                self.server.pods(),
                self.informer.last_error()
            );
            sleep(Duration::from_millis(250)).await;
        }
    }

    fn is_equal(&self) -> bool {
        let pods = self.server.pods();
        // The number first: it spares the decoding.
        self.informer.has_synced() && self.informer.len() == pods.len() && self.pods() == pods
    }

    /// Returns `namespace/name`, uid and resourceVersion of every pod in the store that decodes.
    #[must_use]
    pub fn pods(&self) -> Vec<Summary> {
        let pods = self.informer.list();
        pods.into_iter()
            .filter_map(Result::ok)
            .map(|pod| {
                let key = ObjectKey::of(&*pod).map_or_else(String::new, |key| key.to_string());
                let version = pod.resource_version().unwrap_or_default();
                (key, pod.uid().unwrap_or_default(), version)
            })
            .collect()
    }

    /// Returns the keys in the store.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.informer
            .keys()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    /// Stops the informer and returns how long that took.
    ///
    /// # Panics
    ///
    /// If the informer panicked.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the informer's.
    pub async fn stops(self) -> Duration {
        let start = Instant::now();
        self.stop.cancel();
        self.task.await.expect("no panic");
        start.elapsed()
    }
}
