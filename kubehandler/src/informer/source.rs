//! What an informer watches, and the cache that holds it, without the type of the objects.

use std::{fmt, sync::Arc, time::Duration};

use kube::Client;
use tokio::{sync::Mutex, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    contained::Contained,
    informer::{
        cache::{Cache, store::Store},
        options::Options,
        reflector::{Progress, Reflector, upstream::Upstream},
        wire::target::Target,
    },
    log::warn,
};

/// One watch and one cache, however many informers and handlers use it.
pub(crate) struct Source {
    cache: Arc<Cache>,
    upstream: Arc<Upstream>,
    /// Held by the task that lists and watches; the next one goes on from there.
    progress: Mutex<Progress>,
}

/// A reflector that panicked pauses for this long.
const RESTART: Duration = Duration::from_secs(5);

impl Source {
    pub(crate) fn new(client: Client, target: Target, options: Options) -> Self {
        let Options {
            dropped,
            decoder,
            views,
            limits,
            invalid,
        } = options;
        Self {
            cache: Arc::new(Cache::new(views, decoder)),
            upstream: Arc::new(Upstream::new(client, target, limits, dropped, invalid)),
            progress: Mutex::default(),
        }
    }

    pub(crate) fn cache(&self) -> &Cache {
        &self.cache
    }

    pub(crate) fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// Returns true once the first list was complete, and a watch was open that continues it.
    pub(crate) fn has_started(&self) -> bool {
        self.cache.has_synced() && self.upstream.has_watched()
    }

    /// Lists and watches until `stop`; waits its turn while another task does.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        if let Some(why) = self.upstream.invalid() {
            warn!(informer = %self.upstream.target, error = why, "cannot list or watch");
            stop.cancelled().await;
            return;
        }
        // Dropping the reflector at any of its awaits leaves the cache and the progress whole.
        stop.run_until_cancelled(async {
            let mut progress = self.progress.lock().await;
            // A panic that the reflector does not contain is one of the program's logging.
            while Contained::new(Box::pin(
                Reflector::new(&self.upstream, &self.cache, &mut progress).run(),
            ))
            .await
            .is_err()
            {
                sleep(RESTART).await;
            }
        })
        .await;
    }

    /// Returns how much has come of the first list; `None` if nothing has, or if it is complete.
    pub(crate) fn what_came(&self) -> Option<String> {
        let bytes = self.upstream.arrived.bytes();
        let objects = self.cache.read(Store::len);
        let is_coming = bytes > 0 && !self.cache.has_synced();
        is_coming.then(|| format!("{objects} objects, {bytes} bytes of the list have come"))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("target", &self.upstream.describe())
            .field("has_synced", &self.cache.has_synced())
            .finish_non_exhaustive()
    }
}
