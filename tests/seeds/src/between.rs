//! What stands between a loop and the server: small pages, and a replica that lags.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use http::Request;
use kube::{Client, client::Body};
use kubehandler_testing::kubehandler_apiserver::{ApiServer, ApiService, Fault, Verb, When};
use tower::{ServiceExt as _, service_fn};

/// What the replica that lags calls its client.
pub(crate) const REPLICA: &str = "replica";

/// What stands between, under way; all clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Between {
    replica: ApiService,
    server: ApiServer,
    /// How many objects a page has, instead of what is asked for.
    page: u64,
    stands: Arc<AtomicBool>,
    lags: Arc<AtomicBool>,
    lies: Arc<AtomicBool>,
}

impl Between {
    pub(crate) fn new(server: &ApiServer, page: u64) -> Self {
        Self {
            replica: server.service_named(REPLICA),
            server: server.clone(),
            page,
            stands: Arc::default(),
            lags: Arc::default(),
            lies: Arc::default(),
        }
    }

    /// The replica stands still from here on. If it does already, whatever need not be consistent
    /// is answered by it; if it `lies`, also where the request asks for a version that it does not
    /// have yet.
    pub(crate) fn lag(&self, lies: bool) {
        let faults = self.server.faults();
        if !self.stands.swap(true, Ordering::Relaxed) {
            faults.freeze_view(REPLICA);
            return;
        }
        // Who watches there is made to list.
        let gone = Fault::Status {
            code: 404,
            retry_after: None,
        };
        let watches = When::any().client(REPLICA).verb(Verb::Watch);
        faults.add(watches.parameter("sendInitialEvents", "").times(4), gone);
        self.lies.store(lies, Ordering::Relaxed);
        self.lags.store(true, Ordering::Relaxed);
    }

    /// The replica catches up.
    pub(crate) fn catch_up(&self) {
        self.stands.store(false, Ordering::Relaxed);
        self.lags.store(false, Ordering::Relaxed);
        self.server.faults().release_view(REPLICA);
    }

    /// Makes the client of a loop.
    pub(crate) fn client(&self, service: ApiService) -> Client {
        let between = self.clone();
        let service = service_fn(move |request| {
            let (request, is_lagging) = between.change(request);
            let service = if is_lagging {
                between.replica.clone()
            } else {
                service.clone()
            };
            service.oneshot(request)
        });
        Client::new(service, "default")
    }

    /// Returns the request as it goes on, and whether the replica answers it.
    fn change(&self, mut request: Request<Body>) -> (Request<Body>, bool) {
        let (path, query) = {
            let uri = request.uri();
            (uri.path(), uri.query().unwrap_or_default())
        };
        if request.method() != http::Method::GET || !path.ends_with("/pods") {
            return (request, false);
        }
        let small = format!("limit={}", self.page);
        let mut pairs: Vec<&str> = query
            .split('&')
            .map(|pair| if pair == "limit=500" { &small } else { pair })
            .collect();
        let is_consistent = !pairs
            .iter()
            .any(|pair| pair.starts_with("resourceVersion=") && *pair != "resourceVersion=");
        let is_watch = pairs.contains(&"watch=true") && !pairs.contains(&"sendInitialEvents=true");
        let is_lagging = self.lags.load(Ordering::Relaxed) && !is_consistent;
        if is_lagging && !is_watch && self.lies.load(Ordering::Relaxed) {
            pairs.retain(|pair| !pair.starts_with("resourceVersion="));
            if !pairs.contains(&"watch=true") {
                pairs.retain(|pair| !pair.starts_with("resourceVersionMatch="));
            }
        }
        let uri = format!("{path}?{}", pairs.join("&"));
        *request.uri_mut() = uri.parse().expect("as it was, but for its pairs");
        (request, is_lagging)
    }
}
