//! The embedded API server that stands behind a scripted one, asked and changed without waiting.

use bytes::Bytes;
use futures::FutureExt as _;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use kubehandler_apiserver::{ApiServer, When};
use serde_json::{Value, json};
use tokio::task::unconstrained;
use tower::Service as _;

use super::{Asked, Reply};

/// The objects that a scripted server has, and their history: an [`ApiServer`].
#[derive(Debug)]
pub struct Truth {
    server: ApiServer,
    /// Watches from an older version are answered with 410.
    compacted: u64,
    seed: u64,
}

/// `namespace/name`, uid and resourceVersion of an object.
pub type Summary = (String, String, String);

/// What one request sees of the truth: the path and the selectors of its address.
#[derive(Clone, Debug)]
pub struct View {
    path: String,
    /// As they were in the address.
    selectors: Vec<String>,
}

impl View {
    /// Returns what this request sees.
    #[must_use]
    pub fn of(asked: &Asked) -> Self {
        let query = asked.uri.query().unwrap_or_default();
        let selectors = query.split('&').filter(|pair| pair.contains("Selector="));
        Self {
            path: asked.path.clone(),
            selectors: selectors.map(str::to_owned).collect(),
        }
    }

    /// What a request without selectors sees.
    fn of_all(collection: &str) -> Self {
        Self {
            path: collection.to_owned(),
            selectors: Vec::new(),
        }
    }

    /// Returns the address with these parameters beside the selectors.
    fn address(&self, parameters: &[(&str, &str)]) -> String {
        let parameters = parameters
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let query: Vec<String> = self.selectors.iter().cloned().chain(parameters).collect();
        format!("{}?{}", self.path, query.join("&"))
    }
}

impl Default for Truth {
    /// Returns a truth without objects, in which the first one put gets the version 96: versions grow
    /// a digit in almost every test, and are never to be compared as text.
    fn default() -> Self {
        let mut truth = Self {
            server: server(0),
            compacted: 0,
            seed: 0,
        };
        truth.count_to(95);
        truth
    }
}

fn server(seed: u64) -> ApiServer {
    ApiServer::builder().seed(seed).without_record().build()
}

impl Truth {
    /// Returns the server itself: for faults, and for what must go on after a rule has answered.
    #[must_use]
    pub fn server(&self) -> &ApiServer {
        &self.server
    }

    /// Returns the version of the last change.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.server.revision()
    }

    /// Returns an object of a collection such as `/api/v1/pods` by its `namespace/name`.
    #[must_use]
    pub fn object(&self, collection: &str, key: &str) -> Option<Value> {
        self.ask(Method::GET, &address_of(collection, key), None)
            .ok()
    }

    /// Creates the object, or changes it if there is one of its name; returns its version.
    ///
    /// Its namespace and its definition are made where there are none.
    ///
    /// # Panics
    ///
    /// If the object has no kind and name, or the server refuses it.
    pub fn put(&mut self, mut object: Value) -> u64 {
        let (collection, key) = (collection_of(&object), key_of(&object));
        let address = address_of(&collection, &key);
        // Each put is a change, also one that says nothing new.
        let version = self.version().to_string();
        object["metadata"]["annotations"]["put-after"] = json!(version);
        if self.ask(Method::PUT, &address, Some(&object)).is_err() {
            self.make_way(&collection, &object);
            let (all, _) = address.rsplit_once('/').expect("it was joined with one");
            let made = self.ask(Method::POST, all, Some(&object));
            if let Err(failure) = made {
                let is_put = self.put_unchecked(&collection, all, object);
                assert!(is_put, "cannot put {key}: {failure}");
            }
        }
        self.version()
    }

    /// Puts an object that is none of its kind, as one of an older schema could be; false if it cannot.
    fn put_unchecked(&mut self, collection: &str, all: &str, object: Value) -> bool {
        let mut empty = object.clone();
        empty["spec"] = json!({"containers": [{"name": "main", "image": "busybox"}]});
        // It may be there.
        let _ = self.ask(Method::POST, all, Some(&empty));
        let (root, plural) = collection.rsplit_once('/').expect("a path");
        let group = root
            .strip_prefix("/apis/")
            .and_then(|root| root.split('/').next());
        self.server
            .overwrite(group.unwrap_or_default(), plural, object)
    }

    /// Makes what an object needs to be created: its definition, its namespace.
    fn make_way(&mut self, collection: &str, object: &Value) {
        let one = format!("{collection}?limit=1");
        if self.ask(Method::GET, &one, None).is_err() {
            let (root, plural) = collection.rsplit_once('/').expect("a path");
            let (group, version) = root
                .trim_start_matches("/apis/")
                .split_once('/')
                .expect("a group");
            let kind = &object["kind"];
            self.put(json!({
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": {"name": format!("{plural}.{group}")},
                "spec": {
                    "group": group,
                    "scope": "Namespaced",
                    "names": {"plural": plural, "kind": kind},
                    "versions": [{"name": version, "served": true, "storage": true, "schema": {
                        "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                    }}],
                },
            }));
        }
        if let Some(namespace) = object["metadata"]["namespace"].as_str()
            && self.object("/api/v1/namespaces", namespace).is_none()
        {
            self.put(
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
            );
        }
    }

    /// Deletes an object, if there is one.
    pub fn delete(&mut self, collection: &str, key: &str) {
        // At once: nobody here is to see it go.
        let address = address_of(collection, key) + "?gracePeriodSeconds=0";
        let _ = self.ask(Method::DELETE, &address, None);
    }

    /// Forgets the history: a watch from before is answered with 410, a page of a list too.
    pub fn compact(&mut self) {
        self.count_on();
        self.server.faults().compact();
        self.compacted = self.version();
        self.close_watches();
    }

    /// Closes every open watch.
    pub fn close_watches(&mut self) {
        self.server.faults().cut_watches(&When::any());
    }

    /// Goes back to an older state with a lower version, as a server does that is restored from a backup.
    pub fn restore(&mut self, version: u64) {
        self.close_watches();
        self.seed += 1;
        self.server = server(self.seed);
        self.compacted = 0;
        self.count_to(version);
    }

    /// Raises the version to this one.
    fn count_to(&mut self, version: u64) {
        while self.version() < version {
            self.count_on();
        }
    }

    /// Raises the version by a change that nobody here looks at.
    fn count_on(&mut self) {
        self.put(json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"namespace": "default", "name": "counts-on"},
        }));
    }

    /// Returns every object of a collection, in order.
    #[must_use]
    pub fn summary(&self, collection: &str) -> Vec<Summary> {
        let objects = self.objects(&View::of_all(collection));
        objects.iter().map(summary_of).collect()
    }

    /// Returns what the objects of a collection became after `version`, one after the other.
    #[must_use]
    pub fn summaries_since(&self, collection: &str, version: u64) -> Vec<Summary> {
        let (events, _) = self.events(&View::of_all(collection), version);
        let objects = events.iter().map(|event| &event["object"]);
        objects.map(summary_of).collect()
    }

    /// Returns the objects of a view, each with its kind.
    ///
    /// # Panics
    ///
    /// If there are no such objects.
    #[must_use]
    pub fn objects(&self, view: &View) -> Vec<Value> {
        let list = self.ask(Method::GET, &view.address(&[]), None);
        let mut list = list.unwrap_or_else(|failure| panic!("no list: {failure}"));
        let kind = list["kind"].as_str().unwrap_or_default();
        let kind = json!(kind.trim_end_matches("List"));
        let api_version = list["apiVersion"].take();
        let mut objects = match list["items"].take() {
            Value::Array(objects) => objects,
            _ => Vec::new(),
        };
        for object in &mut objects {
            object["kind"] = kind.clone();
            object["apiVersion"] = api_version.clone();
        }
        objects
    }

    /// Returns the events of a view after `version`, and the version they lead to.
    ///
    /// # Panics
    ///
    /// If they are no events.
    #[must_use]
    pub fn events(&self, view: &View, version: u64) -> (Vec<Value>, u64) {
        let version = version.max(self.compacted).max(1).to_string();
        let address = view.address(&[("watch", "true"), ("resourceVersion", &version)]);
        let (_, text, _) = self
            .now(request(Method::GET, &address, None))
            .unwrap_or_default();
        let events = text
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        let events = events.map(|line| serde_json::from_slice(line).expect("an event"));
        (events.collect(), self.version())
    }

    /// Returns true if the history no longer reaches back to the version of this watch.
    #[must_use]
    pub fn has_forgotten(&self, asked: &Asked) -> bool {
        let version = asked.param("resourceVersion").parse::<u64>();
        asked.is_watch() && version.is_ok_and(|version| version < self.compacted)
    }

    /// Returns the events that a watch asks for, and the version they lead to.
    #[must_use]
    pub fn missed(&self, asked: &Asked) -> (Vec<Value>, u64) {
        let version = asked.param("resourceVersion").parse().unwrap_or(0);
        self.events(&View::of(asked), version)
    }

    /// Returns the objects of the view as events.
    #[must_use]
    pub fn initial_events(&self, asked: &Asked) -> Reply {
        let objects = self.objects(&View::of(asked));
        objects.into_iter().fold(Reply::stream(), |reply, object| {
            reply.event("ADDED", &object)
        })
    }

    /// Returns what the honest answer has at once, whole but for what a watch would bring later.
    #[must_use]
    pub fn answer(&self, asked: &Asked) -> Reply {
        match self.now(asked.request()) {
            Some((code, text, true)) => Reply::code(code).bytes(text),
            Some((_, text, false)) => Reply::stream().bytes(text).watch(self.version()),
            None => Reply::never(), // It waits for a version that is not there.
        }
    }

    /// Asks, and returns the answer's document, or why there is none.
    fn ask(&self, method: Method, address: &str, body: Option<&Value>) -> Result<Value, Value> {
        let (code, text, _) = self
            .now(request(method, address, body))
            .expect("no waiting");
        let answer = serde_json::from_slice(&text).unwrap_or_default();
        if code < 300 { Ok(answer) } else { Err(answer) }
    }

    /// Returns the code and the text that the server has at once, and whether that is all.
    fn now(&self, request: Request<Full<Bytes>>) -> Option<(u16, Bytes, bool)> {
        let answer = unconstrained(self.server.service().call(request)).now_or_never()?;
        let answer = answer.expect("no fault was added");
        let (parts, mut body) = answer.into_parts();
        let mut text = Vec::new();
        let is_all = loop {
            match unconstrained(body.frame()).now_or_never() {
                Some(Some(frame)) => {
                    let data = frame.expect("no fault was added").into_data();
                    text.extend_from_slice(&data.unwrap_or_default());
                }
                Some(None) => break true,
                None => break false,
            }
        };
        Some((parts.status.as_u16(), text.into(), is_all))
    }
}

/// Returns the address of a watch that goes on after a version, for who asked this.
pub(super) fn address_of_watch(asked: &Asked, version: u64) -> String {
    let version = version.to_string();
    let mut parameters = vec![("watch", "true"), ("resourceVersion", &*version)];
    for name in ["allowWatchBookmarks", "timeoutSeconds"] {
        if let Some(value) = asked.query.get(name) {
            parameters.push((name, value));
        }
    }
    View::of(asked).address(&parameters)
}

/// Makes a request for the server.
pub(super) fn request(method: Method, address: &str, body: Option<&Value>) -> Request<Full<Bytes>> {
    let body = body.map_or_else(Bytes::new, |body| body.to_string().into());
    let request = Request::builder().method(method).uri(address);
    let request = request.header(header::CONTENT_TYPE, "application/json");
    request.body(Full::new(body)).expect("an address")
}

/// `/api/v1/pods` for a pod: the plural is the kind with an `s`, which does for tests.
fn collection_of(object: &Value) -> String {
    let version = object["apiVersion"].as_str().expect("an apiVersion");
    let kind = object["kind"].as_str().expect("a kind").to_lowercase();
    let root = if version.contains('/') { "apis" } else { "api" };
    format!("/{root}/{version}/{kind}s")
}

fn summary_of(object: &Value) -> Summary {
    let text = |name: &str| {
        let text = object["metadata"][name].as_str();
        text.unwrap_or_default().to_owned()
    };
    (key_of(object), text("uid"), text("resourceVersion"))
}

fn key_of(object: &Value) -> String {
    let name = object["metadata"]["name"].as_str().expect("a name");
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name.to_owned(),
    }
}

/// Returns the address of an object: `/api/v1/namespaces/web/pods/a`.
fn address_of(collection: &str, key: &str) -> String {
    let (root, plural) = collection.rsplit_once('/').expect("a path");
    match key.split_once('/') {
        Some((namespace, name)) => format!("{root}/namespaces/{namespace}/{plural}/{name}"),
        None => format!("{collection}/{key}"),
    }
}
