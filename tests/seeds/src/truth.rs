//! What the server had, and when: every state of every pod, read from a watch that nothing disturbs.

use std::{collections::BTreeMap, ops::RangeInclusive};

use futures::FutureExt as _;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use kubehandler_testing::{
    TestKit,
    kubehandler_apiserver::{ApiServer, ReplyBody},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use tower::ServiceExt as _;

use crate::actor::View;

/// One state of a pod, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) uid: String,
    pub(crate) app: String,
    pub(crate) phase: String,
    pub(crate) revision: String,
    pub(crate) is_broken: bool,
    pub(crate) is_deleting: bool,
}

/// A stretch of versions during which a pod of one uid is in a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stay {
    pub(crate) uid: String,
    pub(crate) from: u64,
    /// The version at which it left; none if it is there.
    pub(crate) to: Option<u64>,
}

/// Every state of every pod.
pub(crate) struct Truth {
    server: ApiServer,
    /// By key: each version at which it changed, and what it was from then on.
    pods: BTreeMap<String, Vec<(u64, Option<State>)>>,
    watch: ReplyBody,
    buffer: Vec<u8>,
}

impl Truth {
    pub(crate) async fn new(server: &ApiServer) -> Self {
        Self {
            server: server.clone(),
            pods: BTreeMap::new(),
            watch: watch(server).await,
            buffer: Vec::new(),
        }
    }

    /// Takes what happened since the last time.
    pub(crate) async fn read(&mut self) {
        loop {
            match self.watch.frame().now_or_never() {
                None => break,
                Some(Some(Ok(frame))) => {
                    let bytes = frame.into_data().unwrap_or_default();
                    self.buffer.extend_from_slice(&bytes);
                    if !self.take_lines() {
                        self.watch = watch(&self.server).await;
                    }
                }
                Some(_) => self.watch = watch(&self.server).await,
            }
        }
    }

    /// Takes the whole lines; returns false if the watch is over.
    fn take_lines(&mut self) -> bool {
        let buffer = std::mem::take(&mut self.buffer);
        for line in buffer.split(|byte| *byte == b'\n') {
            if line.is_empty() {
                continue;
            }
            let event: Event<'_> = serde_json::from_slice(line).expect("a whole line at a time");
            match event.kind {
                "ERROR" => return false,
                "BOOKMARK" => {}
                kind => self.note(kind, event.object),
            }
        }
        true
    }

    fn note(&mut self, kind: &str, object: &RawValue) {
        let object: Object = serde_json::from_str(object.get()).expect("a pod");
        let version = object.metadata.version();
        let key = format!("{}/{}", object.metadata.namespace, object.metadata.name);
        let states = self.pods.entry(key).or_default();
        let last = states.last().map_or(0, |(version, _)| *version);
        if last >= version {
            return; // The watch started again.
        }
        let state = (kind != "DELETED").then(|| object.state());
        states.push((version, state));
    }

    /// Returns the pods that are there.
    pub(crate) fn now(&self) -> impl Iterator<Item = (&String, &State, u64)> {
        self.pods.iter().filter_map(|(key, states)| {
            let (version, state) = states.last()?;
            Some((key, state.as_ref()?, *version))
        })
    }

    /// Returns the pod as it is.
    pub(crate) fn get(&self, key: &str) -> Option<(&State, u64)> {
        let (version, state) = self.pods.get(key)?.last()?;
        Some((state.as_ref()?, *version))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &String> {
        self.pods.keys()
    }

    /// Returns the state that the pod got at exactly this version.
    pub(crate) fn at(&self, key: &str, version: u64) -> Option<&State> {
        let states = self.pods.get(key)?;
        let index = states.binary_search_by_key(&version, |(version, _)| *version);
        states[index.ok()?].1.as_ref()
    }

    /// Returns true if a state of these versions does not decode.
    pub(crate) fn was_broken(&self, key: &str, versions: RangeInclusive<u64>) -> bool {
        let states = self.pods.get(key).into_iter().flatten();
        let mut states = states.filter(|(version, _)| versions.contains(version));
        states.any(|(_, state)| state.as_ref().is_some_and(|state| state.is_broken))
    }

    /// Returns the stays of a pod in a view, in order.
    pub(crate) fn stays(&self, view: View, key: &str) -> Vec<Stay> {
        let mut stays: Vec<Stay> = Vec::new();
        for (version, state) in self.pods.get(key).into_iter().flatten() {
            let uid = state
                .as_ref()
                .filter(|state| view.has(key, state))
                .map(|state| &state.uid);
            let open = stays.last_mut().filter(|stay| stay.to.is_none());
            match (open, uid) {
                (Some(stay), Some(uid)) if stay.uid == *uid => continue,
                (Some(stay), _) => stay.to = Some(*version),
                (None, _) => {}
            }
            if let Some(uid) = uid {
                stays.push(Stay {
                    uid: uid.clone(),
                    from: *version,
                    to: None,
                });
            }
        }
        stays
    }
}

/// Opens a watch that starts with what is there: nothing is missed, as each write is read before the
/// next one.
async fn watch(server: &ApiServer) -> ReplyBody {
    let request = Request::get(
        "/api/v1/pods?watch=true&timeoutSeconds=100000000\
         &sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
    )
    .body(Full::<bytes::Bytes>::default())
    .expect("valid");
    let service = server.service_named(TestKit::CLIENT);
    let answer = service.oneshot(request).await.expect("no faults");
    assert!(answer.status().is_success(), "{}", answer.status());
    answer.into_body()
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    status: Option<Status>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    namespace: String,
    name: String,
    uid: String,
    resource_version: String,
    deletion_timestamp: Option<String>,
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    phase: String,
}

impl Metadata {
    fn version(&self) -> u64 {
        self.resource_version.parse().expect("a number")
    }
}

impl Object {
    fn state(&self) -> State {
        let label = |name: &str| self.metadata.labels.get(name).cloned().unwrap_or_default();
        State {
            uid: self.metadata.uid.clone(),
            app: label("app"),
            phase: self
                .status
                .as_ref()
                .map(|status| status.phase.clone())
                .unwrap_or_default(),
            revision: label("revision"),
            is_broken: label("broken") == "yes",
            is_deleting: self.metadata.deletion_timestamp.is_some(),
        }
    }
}
