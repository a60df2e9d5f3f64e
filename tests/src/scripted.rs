//! A scripted API server: honest by itself, and as wrong as a test tells it to be.
//!
//! Behind a [`ScriptedServer`] is the embedded one, its [`Truth`]. Rules, tried before it, answer
//! single requests otherwise, byte by byte where need be: what the embedded server's own faults
//! cannot say. It runs in the process, as a `tower::Service`, so that tests can hold the clock still.

mod follower;
mod link;
mod reply;
mod socket;
mod truth;

use std::{
    collections::BTreeMap,
    fmt, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Uri};
use http_body_util::Full;
use kubehandler::kube::{Client, client::Body};
use serde_json::Value;
use tokio::time::Instant;
use tower::Service as _;

use crate::pod;

pub use self::{
    follower::Follower,
    link::Link,
    reply::{Reply, ReplyBody},
    socket::Listening,
    truth::{Summary, Truth, View},
};

/// A server that answers as its truth does, except where a rule answers otherwise.
///
/// The handle is cheap to clone; all clones are one server.
#[derive(Clone, Default)]
pub struct ScriptedServer {
    inner: Arc<Inner>,
}

type Rule = Box<dyn FnMut(&Asked, &mut Truth) -> Option<Reply> + Send>;

#[derive(Default)]
struct Inner {
    truth: Mutex<Truth>,
    rules: Mutex<Vec<Rule>>,
    asked: Mutex<Vec<Asked>>,
}

/// One request, as the server saw it.
#[derive(Clone, Debug)]
pub struct Asked {
    uri: Uri,
    /// The path, without the query.
    pub path: String,
    /// The parameters of the query, decoded.
    pub query: BTreeMap<String, String>,
    /// The headers.
    pub headers: HeaderMap,
    /// When it came.
    pub at: Instant,
}

impl Asked {
    fn of<B>(request: &Request<B>) -> Self {
        let query = request.uri().query().unwrap_or_default();
        Self {
            uri: request.uri().clone(),
            path: request.uri().path().to_owned(),
            query: query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .map(|(name, value)| (decode(name), decode(value)))
                .collect(),
            headers: request.headers().clone(),
            at: Instant::now(),
        }
    }

    /// Returns the request again. All that informers ask has no body.
    fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::default());
        *request.uri_mut() = self.uri.clone();
        request.headers_mut().clone_from(&self.headers);
        request
    }

    /// Returns a parameter, empty if it is absent.
    #[must_use]
    pub fn param(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    /// Returns true for a list in pages or in one piece.
    #[must_use]
    pub fn is_list(&self) -> bool {
        !self.watches() && !self.is_probe()
    }

    /// Returns true for a list of one object, which only asks how far the server is.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        !self.watches() && self.param("limit") == "1"
    }

    /// Returns true for a watch that starts with the objects themselves.
    #[must_use]
    pub fn is_streaming_list(&self) -> bool {
        self.watches() && self.param("sendInitialEvents") == "true"
    }

    /// Returns true for a watch from a version on.
    #[must_use]
    pub fn is_watch(&self) -> bool {
        self.watches() && !self.is_streaming_list()
    }

    fn watches(&self) -> bool {
        self.param("watch") == "true"
    }
}

impl ScriptedServer {
    /// Makes a server without objects and rules.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a server with the pods `a`, `b` and `c` in the namespace `default`.
    #[must_use]
    pub fn with_three_pods() -> Self {
        let server = Self::new();
        for key in ["default/a", "default/b", "default/c"] {
            server.put(pod(key));
        }
        server
    }

    /// Changes those pods in every way: `a` changes, `b` is created again, `c` goes, `d` comes.
    pub fn change_all(&self) {
        self.put(pod("default/a"));
        self.delete_pod("default/b");
        self.put(pod("default/b"));
        self.delete_pod("default/c");
        self.put(pod("default/d"));
    }

    /// Returns a client of this server that needs no socket.
    #[must_use]
    pub fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move { server.answer(&Asked::of(&request)).await }
        });
        Client::new(service, "default")
    }

    /// Lets `rule` answer before the truth does; rules are tried in the order they were added.
    ///
    /// It gets every request and returns `None` for those that are not its business.
    pub fn rule(&self, rule: impl FnMut(&Asked, &mut Truth) -> Option<Reply> + Send + 'static) {
        self.rules().push(Box::new(rule));
    }

    /// Answers the first `times` requests that `matches` picks with `reply`.
    pub fn fault(
        &self,
        mut times: usize,
        matches: fn(&Asked) -> bool,
        reply: impl Fn() -> Reply + Send + 'static,
    ) {
        self.rule(move |asked, _| {
            if times == 0 || !matches(asked) {
                return None;
            }
            times -= 1;
            Some(reply())
        });
    }

    /// Answers the first request that `matches` picks as `reply` says, if it says something.
    pub fn once(
        &self,
        matches: fn(&Asked) -> bool,
        reply: impl Fn(&Asked, &mut Truth) -> Option<Reply> + Send + 'static,
    ) {
        let mut is_over = false;
        self.rule(move |asked, truth| {
            if is_over || !matches(asked) {
                return None;
            }
            is_over = true;
            reply(asked, truth)
        });
    }

    /// Refuses streaming lists, as servers before 1.32 do.
    pub fn refuse_streaming(&self) {
        self.fault(usize::MAX, Asked::is_streaming_list, || {
            Reply::status(422, "Invalid")
        });
    }

    /// Forgets all rules: from here on the server is honest.
    pub fn be_honest(&self) {
        self.rules().clear();
    }

    /// Creates the object, or changes it if there is one of its name.
    pub fn put(&self, object: Value) {
        self.change(|truth| truth.put(object));
    }

    /// Deletes the pod `namespace/name`, if there is one.
    pub fn delete_pod(&self, key: &str) {
        self.change(|truth| truth.delete("/api/v1/pods", key));
    }

    /// Changes the truth.
    pub fn change<T>(&self, change: impl FnOnce(&mut Truth) -> T) -> T {
        change(&mut self.truth())
    }

    /// Closes every open watch.
    pub fn close_watches(&self) {
        self.change(Truth::close_watches);
    }

    /// Returns what the server was asked so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.inner.asked).clone()
    }

    /// Forgets what it was asked so far.
    pub fn forget_asked(&self) {
        lock(&self.inner.asked).clear();
    }

    /// Returns how many of the requests so far `matches` picks.
    #[must_use]
    pub fn count(&self, matches: fn(&Asked) -> bool) -> usize {
        lock(&self.inner.asked)
            .iter()
            .filter(|asked| matches(asked))
            .count()
    }

    /// Returns every pod, in order.
    #[must_use]
    pub fn pods(&self) -> Vec<Summary> {
        self.truth().summary("/api/v1/pods")
    }

    /// Makes a change, and returns every pod that was there on the way.
    pub fn pods_during(&self, change: impl FnOnce()) -> Vec<Summary> {
        let before = self.truth().version();
        change();
        self.truth().summaries_since("/api/v1/pods", before)
    }

    async fn answer(&self, asked: &Asked) -> io::Result<Response<ReplyBody>> {
        lock(&self.inner.asked).push(asked.clone());
        let scripted = {
            let mut truth = self.truth();
            let mut rules = self.rules();
            rules.iter_mut().find_map(|rule| rule(asked, &mut truth))
        };
        if let Some(reply) = scripted {
            return reply.send(self, asked).await;
        }
        let mut honest = self.truth().server().service();
        Ok(honest.call(asked.request()).await?.map(reply::body))
    }

    fn truth(&self) -> MutexGuard<'_, Truth> {
        lock(&self.inner.truth)
    }

    fn rules(&self) -> MutexGuard<'_, Vec<Rule>> {
        lock(&self.inner.rules)
    }
}

impl fmt::Debug for ScriptedServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedServer").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Decodes a part of a query.
fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next(), rest.next()].map(Option::unwrap_or_default);
                let digits = std::str::from_utf8(&digits).unwrap_or_default();
                u8::from_str_radix(digits, 16).unwrap_or(b'?')
            }
            other => other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
