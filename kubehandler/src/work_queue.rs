//! A work queue with callbacks per kind, for programs with a source of events of their own.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt;
use parking_lot::{Mutex, MutexGuard};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::Printable;
use crate::contained::{all_ended, contained};
use crate::event::EventType;
use crate::log::{debug, error, info};
use crate::object_key::ObjectKey;
use crate::outcome::Result;
use crate::watchdog::{Bench, LET_GO, Watchdog};

mod book;
mod context;
mod error;
mod owed;
mod registry;
mod worker;

pub use context::WorkContext;
pub use error::{UnfinishedCall, WorkQueueError};

use book::{Book, WorkKey};
use registry::{Handler, Handlers};

/// How often the functions of `add_synced` are asked.
const SYNC_POLL: Duration = Duration::from_millis(100);

/// Calls, for each name that is enqueued, the callback of its kind and event type.
///
/// It stands alone: it needs no informer, no cluster and no [`EventLoop`](crate::EventLoop).
/// All clones are the same queue.
///
/// - For one kind and name, never two callbacks at once, whatever the events. Others run in
///   parallel, as many as there are workers.
/// - The first call is never delayed. One that fails or panics is called again after 5 ms,
///   10 ms and so on up to 1000 s, until it succeeds, says
///   [`terminal`](crate::HandlerError::terminal), or is overtaken by a delete. A newer event
///   does not wait for the backoff of an older one. If its call fails before the retry was due, it
///   does not count, and the retry stays at its time: a stream of events neither stretches the
///   backoff nor uses up the failures that a delete has.
/// - A delete that goes on failing is given up after a day, or after an hour while more than 1,000
///   deletes fail; this is logged as an error.
/// - Pending calls of one name merge: an update into an add or update, an add into an update.
///   A delete cancels an add that has not started, and replaces any other add or update. A
///   delete and then an add stay two calls, in this order; there, a delete that goes on
///   failing is given up after 5 failures, so that the new object gets its add.
/// - The memory is that of the names that wait or run. Nothing is remembered of the others,
///   so a second add of an object that is handled already cannot be told from a first one.
///
/// # Examples
///
/// ```
/// use kubehandler::{CancellationToken, WorkQueue, k8s::Pod};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let queue = WorkQueue::new("pods");
/// let token = CancellationToken::new();
/// let stop = token.clone();
/// queue.register_add_handler("pods", move |_ctx, namespace, name| {
///     let stop = stop.clone();
///     async move {
///         println!("{namespace}/{name} added");
///         stop.cancel();
///         Ok(())
///     }
/// })?;
///
/// let mut pod = Pod::default();
/// pod.metadata.namespace = Some("default".to_owned());
/// pod.metadata.name = Some("web".to_owned());
/// queue.enqueue_add("pods", &pod)?;
///
/// queue.run(token, 2).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct WorkQueue {
    shared: Arc<Inner>,
    sync_timeout: Duration,
    drain_timeout: Duration,
}

/// A function that says whether a cache has its first full list.
struct HasSynced {
    ask: Box<dyn Fn() -> bool + Send + Sync>,
    /// It is logged once.
    has_panicked: AtomicBool,
}

impl HasSynced {
    fn ask(&self) -> bool {
        contained(&self.ask).unwrap_or_else(|panic| {
            if !self.has_panicked.swap(true, Ordering::Relaxed) {
                let panic = Printable::new(&panic);
                error!(%panic, "a function of `add_synced` panicked");
            }
            false
        })
    }
}

struct Inner {
    name: String,
    book: Book,
    registry: Mutex<Handlers>,
    synced: Mutex<Vec<Arc<HasSynced>>>,
    has_run: AtomicBool,
}

impl Inner {
    fn registry(&self) -> MutexGuard<'_, Handlers> {
        self.registry.lock()
    }

    fn synced(&self) -> MutexGuard<'_, Vec<Arc<HasSynced>>> {
        self.synced.lock()
    }
}

impl fmt::Debug for WorkQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkQueue")
            .field("name", &self.shared.name)
            .field("len", &self.len())
            .field("registry", &*self.shared.registry())
            .finish_non_exhaustive()
    }
}

/// Making one, and saying what it calls.
impl WorkQueue {
    /// Returns an empty work queue; the name is for its logs and errors.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        let shared = Inner {
            name: name.into(),
            book: Book::default(),
            registry: Mutex::default(),
            synced: Mutex::default(),
            has_run: AtomicBool::new(false),
        };
        Self {
            shared: Arc::new(shared),
            sync_timeout: Duration::from_secs(120),
            drain_timeout: Duration::from_secs(25),
        }
    }

    /// Sets how long [`run`](Self::run) on this handle waits for the functions of
    /// [`add_synced`](Self::add_synced). The default is 2 minutes.
    #[must_use]
    pub fn sync_timeout(mut self, sync_timeout: Duration) -> Self {
        self.sync_timeout = sync_timeout;
        self
    }

    /// Sets how long [`run`](Self::run) on this handle lets running callbacks finish once it
    /// is told to stop. The default is 25 seconds.
    #[must_use]
    pub fn drain_timeout(mut self, drain_timeout: Duration) -> Self {
        self.drain_timeout = drain_timeout;
        self
    }

    /// Adds a function that must return true before any callback is called.
    ///
    /// It is asked ten times a second, and must not block. While it panics, it counts as false.
    pub fn add_synced(&self, has_synced: impl Fn() -> bool + Send + Sync + 'static) {
        let has_synced = HasSynced {
            ask: Box::new(has_synced),
            has_panicked: AtomicBool::new(false),
        };
        self.shared.synced().push(Arc::new(has_synced));
    }

    /// Registers what is called when an object of the kind is added.
    ///
    /// The callback gets the namespace, which is empty for a cluster-scoped object, and the
    /// name. `kind` is any text; it only has to be the same in `enqueue_add`.
    ///
    /// # Errors
    ///
    /// Fails if the kind is empty, or has a callback for adds already.
    pub fn register_add_handler<F, Fut>(
        &self,
        kind: impl Into<String>,
        handler: F,
    ) -> Result<(), WorkQueueError>
    where
        F: Fn(WorkContext, String, String) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result> + Send + 'static,
    {
        self.register(kind.into(), EventType::Add, boxed(handler))
    }

    /// Registers what is called when an object of the kind is updated.
    ///
    /// As [`register_add_handler`](Self::register_add_handler).
    ///
    /// # Errors
    ///
    /// Fails if the kind is empty, or has a callback for updates already.
    pub fn register_update_handler<F, Fut>(
        &self,
        kind: impl Into<String>,
        handler: F,
    ) -> Result<(), WorkQueueError>
    where
        F: Fn(WorkContext, String, String) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result> + Send + 'static,
    {
        self.register(kind.into(), EventType::Update, boxed(handler))
    }

    /// Registers what is called when an object of the kind is deleted.
    ///
    /// As [`register_add_handler`](Self::register_add_handler).
    ///
    /// # Errors
    ///
    /// Fails if the kind is empty, or has a callback for deletes already.
    pub fn register_delete_handler<F, Fut>(
        &self,
        kind: impl Into<String>,
        handler: F,
    ) -> Result<(), WorkQueueError>
    where
        F: Fn(WorkContext, String, String) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result> + Send + 'static,
    {
        self.register(kind.into(), EventType::Delete, boxed(handler))
    }

    fn register(
        &self,
        kind: String,
        event_type: EventType,
        handler: Handler,
    ) -> Result<(), WorkQueueError> {
        self.shared.registry().insert(kind, event_type, handler)
    }
}

/// Adding to it, and looking at it.
impl WorkQueue {
    /// Enqueues an object that was added, at once.
    ///
    /// Calls may be enqueued before [`run`](Self::run). They are ignored after it was told to stop.
    ///
    /// # Errors
    ///
    /// Fails if the kind has no callback for adds, or the object has no name.
    pub fn enqueue_add<K: kube::Resource>(
        &self,
        kind: &str,
        object: &K,
    ) -> Result<(), WorkQueueError> {
        self.enqueue(kind, EventType::Add, object)
    }

    /// Enqueues an object that was updated; as [`enqueue_add`](Self::enqueue_add).
    ///
    /// # Errors
    ///
    /// Fails if the kind has no callback for updates, or the object has no name.
    pub fn enqueue_update<K: kube::Resource>(
        &self,
        kind: &str,
        object: &K,
    ) -> Result<(), WorkQueueError> {
        self.enqueue(kind, EventType::Update, object)
    }

    /// Enqueues an object that was deleted; as [`enqueue_add`](Self::enqueue_add).
    ///
    /// # Errors
    ///
    /// Fails if the kind has no callback for deletes, or the object has no name.
    pub fn enqueue_delete<K: kube::Resource>(
        &self,
        kind: &str,
        object: &K,
    ) -> Result<(), WorkQueueError> {
        self.enqueue(kind, EventType::Delete, object)
    }

    /// Returns how many names have a call that can start now.
    ///
    /// Those that run, or wait for their backoff, do not count.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.book.queue().len()
    }

    /// Says whether no call can start now.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn enqueue<K: kube::Resource>(
        &self,
        kind: &str,
        event_type: EventType,
        object: &K,
    ) -> Result<(), WorkQueueError> {
        let Some((shared_kind, _)) = self.shared.registry().get(kind, event_type) else {
            return Err(WorkQueueError::NotRegistered {
                kind: kind.to_owned(),
                event_type,
            });
        };
        let Some(object) = ObjectKey::of(object) else {
            return Err(WorkQueueError::Nameless {
                kind: kind.to_owned(),
            });
        };
        self.shared.book.enqueue(
            WorkKey {
                kind: shared_kind,
                object,
            },
            event_type,
        );
        Ok(())
    }
}

/// Running it.
impl WorkQueue {
    /// Waits for the caches, then calls callbacks, `workers` at once, until `token` is cancelled.
    ///
    /// Then nothing queued starts, running callbacks learn of it through their [`WorkContext`],
    /// and have the drain timeout to finish; what is still running is dropped.
    /// A callback that blocks its thread cannot be dropped, and is left behind.
    /// A work queue runs once.
    ///
    /// # Errors
    ///
    /// Fails at once if the queue has no name, if there are no workers, or if it runs already
    /// or has run; later if the caches do not sync in time, or, naming them, if callbacks
    /// outlast the drain timeout. A failing callback is logged and retried.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime with its time driver enabled.
    ///
    /// # Cancel safety
    ///
    /// Stop it through `token`: dropping the future drops the running callbacks, and the
    /// queue takes nothing any more.
    pub async fn run(
        &self,
        token: CancellationToken,
        workers: usize,
    ) -> Result<(), WorkQueueError> {
        let shared = &self.shared;
        if shared.name.is_empty() {
            return Err(WorkQueueError::EmptyName);
        }
        if workers == 0 {
            return Err(WorkQueueError::ZeroWorkers);
        }
        if shared.has_run.swap(true, Ordering::SeqCst) {
            return Err(WorkQueueError::AlreadyRun(shared.name.clone()));
        }
        let closing = CloseOnDrop(shared);
        tokio::select! {
            biased;
            () = token.cancelled() => return Ok(()),
            synced = timeout(self.sync_timeout, self.wait_for_sync()) => {
                synced.map_err(|_| self.not_synced())?;
            }
        }

        let name = Printable::new(&shared.name);
        info!(queue = %name, workers, "work queue started");
        let watchdog = Watchdog::start();
        let bench = Bench::of_queue(&shared.name, workers);
        watchdog.add(Arc::clone(&bench));
        let mut running = JoinSet::new();
        for worker in 0..workers {
            let (shared, token, bench) = (Arc::clone(shared), token.clone(), Arc::clone(&bench));
            running.spawn(
                async move { worker::keep_working(shared, token, bench.slot(worker)).await },
            );
        }
        token.cancelled().await;
        drop(closing);
        debug!(queue = %name, "draining");
        if timeout(self.drain_timeout, all_ended(&mut running))
            .await
            .is_ok()
        {
            return Ok(());
        }
        let mut cut_off = shared.book.running();
        let on_thread = bench.on_thread();
        running.abort_all();
        // A callback that awaits is dropped by now, unless another has its thread.
        let _ = timeout(LET_GO, all_ended(&mut running)).await;
        for call in &mut cut_off {
            call.is_blocking = on_thread.still_has(Some(call.kind.as_str()), &call.object);
        }
        Err(WorkQueueError::CutOff(cut_off))
    }

    async fn wait_for_sync(&self) {
        while self.unsynced() > 0 {
            sleep(SYNC_POLL).await;
        }
    }

    fn unsynced(&self) -> usize {
        // Asked outside the lock: the functions are the user's.
        let synced = self.shared.synced().clone();
        synced.iter().filter(|has_synced| !has_synced.ask()).count()
    }

    fn not_synced(&self) -> WorkQueueError {
        WorkQueueError::NotSynced {
            waiting: self.unsynced(),
            all: self.shared.synced().len(),
            timeout: self.sync_timeout,
        }
    }
}

/// Closes the queue also when `run` fails or its future is dropped.
struct CloseOnDrop<'a>(&'a Inner);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.book.close();
    }
}

fn boxed<F, Fut>(handler: F) -> Handler
where
    F: Fn(WorkContext, String, String) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result> + Send + 'static,
{
    Arc::new(move |context, namespace, name| handler(context, namespace, name).boxed())
}
