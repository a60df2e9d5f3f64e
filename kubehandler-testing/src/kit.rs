//! The kit: a server, and the event loops that run against it.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kubehandler::{EventLoop, kube::Client};
use kubehandler_apiserver::{ApiServer, ApiService, LoadError};

use crate::run::{Run, Running};

/// A server in memory, and the event loops that run against it.
///
/// The handle is cheap to clone; all clones are one kit. See the [crate](crate) for a whole test.
#[derive(Clone)]
pub struct TestKit {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) server: ApiServer,
    client: Client,
    runs: Mutex<Runs>,
}

struct Runs {
    started: u64,
    running: Vec<Arc<Running>>,
    idle_timeout: Duration,
}

impl TestKit {
    /// What the test's own client is called, in the record of requests and for faults.
    pub const CLIENT: &str = "test";

    /// Makes a kit with a new server.
    ///
    /// Like all of the kit it needs a tokio runtime.
    #[must_use]
    pub fn new() -> Self {
        Self::with_server(ApiServer::new())
    }

    /// Makes a kit with this server, made with options of your own or shared with something else.
    #[must_use]
    pub fn with_server(server: ApiServer) -> Self {
        let runs = Runs {
            started: 0,
            running: Vec::new(),
            idle_timeout: Duration::from_secs(60),
        };
        let inner = Inner {
            client: server.client_named(Self::CLIENT),
            server,
            runs: Mutex::new(runs),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Waits at most `timeout` for [`Run::idle`]; the default is 60 s, of paused time where it is paused.
    #[must_use]
    pub fn idle_timeout(self, timeout: Duration) -> Self {
        self.inner.runs().idle_timeout = timeout;
        self
    }

    /// Returns the server.
    #[must_use]
    pub fn server(&self) -> &ApiServer {
        &self.inner.server
    }

    /// Returns a client for the test itself.
    ///
    /// Its requests are not in [`Run::requests`], and [`Run::idle`] does not wait for its watches.
    #[must_use]
    pub fn client(&self) -> Client {
        self.inner.client.clone()
    }

    /// Creates the objects of `manifests`, YAML or JSON, or replaces those that are there.
    ///
    /// Returns how many. An object without namespace goes to `default`; a status is written too.
    ///
    /// # Errors
    ///
    /// Fails at the first document that is wrong; those before it are there.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the objects that were written before.
    pub async fn load(&self, manifests: &str) -> Result<usize, LoadError> {
        self.inner.server.load(manifests).await
    }

    /// Runs the loop against the server until it is stopped, or what is returned is dropped.
    ///
    /// It gets a client of the kit in place of the one it may have. Several loops may run at once.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use = "dropping it stops the event loop"]
    pub fn run(&self, event_loop: EventLoop) -> Run {
        self.run_with(event_loop, |service| Client::new(service, "default"))
    }

    /// Runs the loop as [`run`](Self::run) does, with the client that `connect` makes of the server's
    /// service: for what is to be between the two.
    ///
    /// # Examples
    ///
    /// ```
    /// # use kubehandler::{DefaultHandler, EventLoop, k8s::Pod, kube::Client};
    /// # use kubehandler_testing::TestKit;
    /// # async fn example(kit: TestKit) {
    /// # let event_loop = EventLoop::new("test").register(DefaultHandler::<Pod>::new("pods"));
    /// let run = kit.run_with(event_loop, |service| Client::new(service, "web"));
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use = "dropping it stops the event loop"]
    pub fn run_with(
        &self,
        event_loop: EventLoop,
        connect: impl FnOnce(ApiService) -> Client,
    ) -> Run {
        let name = {
            let mut runs = self.inner.runs();
            runs.started += 1;
            format!("event-loop-{}", runs.started)
        };
        let client = connect(self.inner.server.service_named(&name));
        let running = Arc::new(Running::start(name, event_loop.client(client)));
        self.inner.runs().running.push(Arc::clone(&running));
        Run::new(self.clone(), running)
    }
}

impl Inner {
    pub(crate) fn timeout(&self) -> Duration {
        self.runs().idle_timeout
    }

    /// Returns the loops that have not been stopped.
    pub(crate) fn running(&self) -> Vec<Arc<Running>> {
        self.runs().running.clone()
    }

    /// Forgets a loop that is stopped.
    pub(crate) fn remove(&self, stopped: &Arc<Running>) {
        self.runs()
            .running
            .retain(|running| !Arc::ptr_eq(running, stopped));
    }

    fn runs(&self) -> MutexGuard<'_, Runs> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for TestKit {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TestKit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestKit")
            .field("running", &self.inner.running())
            .finish_non_exhaustive()
    }
}
