//! What handlers write by server-side apply, and what must be left of it in the end: of each pod a
//! child, and a condition in its status.
//!
//! Answers are lost, requests are refused, the state that a handler sees is an old one, and a meddler
//! overwrites children. Whatever happens on the way, what a handler has applied last is what is there.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use kubehandler::{Action, Event, Result};
use kubehandler_testing::{TestKit, kubehandler_apiserver::ApiServer};
use serde_json::{Value, json};
use tokio::time::timeout;
use tower::ServiceExt as _;

use crate::actor::Actor;

/// How long a handler waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// What the meddler writes.
const MEDDLED: &str = "meddled";

/// All that was applied in a run; all clones are one.
#[derive(Clone, Default)]
pub(crate) struct Applies(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    applies: Vec<Apply>,
    meddled: Vec<Meddled>,
}

/// One apply of a handler for a pod.
struct Apply {
    handler: &'static str,
    key: String,
    uid: String,
    /// The version of the pod that the handler saw, and wrote down.
    version: u64,
    /// The version of the child, once all was answered.
    done: Option<u64>,
}

/// One write of the meddler to a child.
struct Meddled {
    child: String,
    /// The version of the child, if the write was answered.
    done: Option<u64>,
}

impl Applies {
    /// Applies the child and the status of a pod; takes what another has by force.
    pub(crate) async fn apply(&self, ev: &Event<Actor>, handler: &'static str) -> Result<Action> {
        let index = self.start(ev, handler);
        let (namespace, name) = (ev.namespace().unwrap_or_default(), ev.name());
        let version = ev.resource_version();
        let child = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": format!("{name}-{handler}"),
                "ownerReferences": [
                    {"apiVersion": "v1", "kind": "Pod", "name": name, "uid": ev.uid(), "controller": true},
                ],
            },
            "data": {"seen": version, format!("at-{version}"): "yes"},
        });
        let path = format!("/api/v1/namespaces/{namespace}/configmaps/{name}-{handler}");
        let Some(child) = apply(ev, handler, &path, &child).await? else {
            return Ok(Action::DONE);
        };
        let pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "uid": ev.uid()},
            "status": {"conditions": [{"type": handler, "status": "True", "message": version}]},
        });
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/status");
        if apply(ev, handler, &path, &pod).await?.is_some() {
            self.lock().applies[index].done = Some(version_of(&child));
        }
        Ok(Action::DONE)
    }

    /// Overwrites what a handler has applied to a child, if that is there.
    pub(crate) async fn meddle(&self, ev: &Event<Actor>, handler: &'static str) -> Result<Action> {
        let (namespace, name) = (ev.namespace().unwrap_or_default(), ev.name());
        let index = {
            let mut lines = self.lock();
            lines.meddled.push(Meddled {
                child: format!("{namespace}/{name}-{handler}"),
                done: None,
            });
            lines.meddled.len() - 1
        };
        let path = format!("/api/v1/namespaces/{namespace}/configmaps/{name}-{handler}");
        let request = Request::patch(format!("{path}?fieldManager=meddler"))
            .header(header::CONTENT_TYPE, "application/merge-patch+json")
            .body(json!({"data": {"seen": MEDDLED}}).to_string().into_bytes())?;
        let child = send(ev, request).await?;
        // What is not there was not written.
        self.lock().meddled[index].done = Some(child.as_ref().map_or(0, version_of));
        Ok(Action::DONE)
    }

    fn start(&self, ev: &Event<Actor>, handler: &'static str) -> usize {
        let mut lines = self.lock();
        lines.applies.push(Apply {
            handler,
            key: ev.key().to_string(),
            uid: ev.uid().to_owned(),
            version: ev.resource_version().parse().expect("a number"),
            done: None,
        });
        lines.applies.len() - 1
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns where the server differs from what was applied; all is at rest.
    pub(crate) async fn broken(&self, server: &ApiServer) -> Vec<String> {
        let pods = list(server, "/api/v1/pods").await;
        let children = list(server, "/api/v1/configmaps").await;
        let lines = self.lock();
        let mut broken = Vec::new();
        for pod in &pods {
            let key = key_of(pod);
            let uid = pod["metadata"]["uid"].as_str().unwrap_or_default();
            let of_pod = || {
                let applies = lines.applies.iter();
                applies.filter(|apply| apply.key == key && apply.uid == uid)
            };
            let handlers: BTreeSet<&str> = of_pod().map(|apply| apply.handler).collect();
            for handler in handlers {
                let applies: Vec<&Apply> =
                    of_pod().filter(|apply| apply.handler == handler).collect();
                if let Err(why) = lines.check(handler, &applies, pod, &children) {
                    broken.push(format!("apply: {handler} {key}: {why}"));
                }
            }
        }
        let uids: HashSet<&Value> = pods.iter().map(|pod| &pod["metadata"]["uid"]).collect();
        let leaked = children.iter().filter(|child| {
            let owners = child["metadata"]["ownerReferences"].as_array();
            owners.is_some_and(|owners| owners.iter().all(|owner| !uids.contains(&owner["uid"])))
        });
        broken.extend(leaked.map(|child| format!("apply: {} has no owner", key_of(child))));
        broken
    }
}

impl Lines {
    /// Checks what one handler has left of one pod.
    fn check(
        &self,
        handler: &str,
        applies: &[&Apply],
        pod: &Value,
        children: &[Value],
    ) -> Result<(), String> {
        let Some(last) = applies.iter().rposition(|apply| apply.done.is_some()) else {
            return Ok(());
        };
        // What came after it failed, but may have been done all the same.
        let seen: BTreeSet<String> = applies[last..]
            .iter()
            .map(|apply| apply.version.to_string())
            .collect();
        let name = format!("{}-{handler}", key_of(pod));
        let child = children.iter().find(|child| key_of(child) == name);
        let child = child.ok_or("its child is gone")?;
        let data = child["data"].as_object().ok_or("its child has no data")?;
        let text = data.get("seen").and_then(Value::as_str).unwrap_or_default();
        let done = applies[last].done.unwrap_or_default();
        let is_meddled = text == MEDDLED
            && self.meddled.iter().any(|meddled| {
                meddled.child == name && meddled.done.is_none_or(|version| version > done)
            });
        if !is_meddled && !seen.contains(text) {
            return Err(format!("its child has {data:?}, not one of {seen:?}"));
        }
        let stale = data
            .keys()
            .filter_map(|key| key.strip_prefix("at-"))
            .filter(|version| !seen.contains(*version));
        if data.len() != 2 || stale.count() > 0 {
            return Err(format!("its child keeps what was released: {data:?}"));
        }
        let entries = child["metadata"]["managedFields"].as_array();
        let own = entries
            .into_iter()
            .flatten()
            .filter(|entry| entry["manager"] == handler && entry["operation"] == "Apply");
        if own.count() != 1 {
            return Err(format!("its child is managed by {entries:?}"));
        }
        let conditions = pod["status"]["conditions"].as_array();
        let own = conditions
            .into_iter()
            .flatten()
            .find(|condition| condition["type"] == handler);
        let message = own.and_then(|own| own["message"].as_str());
        if !message.is_some_and(|message| seen.contains(message)) {
            return Err(format!("its condition is {own:?}, not one of {seen:?}"));
        }
        Ok(())
    }
}

/// Applies an object, by force only what another has; `None` if there is nothing to apply it to.
async fn apply(
    ev: &Event<Actor>,
    handler: &str,
    path: &str,
    object: &Value,
) -> Result<Option<Value>> {
    let request = |force: bool| {
        Request::patch(format!("{path}?fieldManager={handler}&force={force}"))
            .header(header::CONTENT_TYPE, "application/apply-patch+yaml")
            .body(object.to_string().into_bytes())
    };
    match send(ev, request(false)?).await {
        Err(Refused::Conflict) => Ok(send(ev, request(true)?).await?),
        other => Ok(other?),
    }
}

/// Why a write did not succeed.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("another manager has it")]
    Conflict,
    #[error("told to fail")]
    Failed,
}

/// Sends a write; `None` if what it is for is gone.
async fn send(ev: &Event<Actor>, request: Request<Vec<u8>>) -> Result<Option<Value>, Refused> {
    let answer = timeout(PATIENCE, ev.client().request::<Value>(request)).await;
    match answer {
        Ok(Ok(object)) => Ok(Some(object)),
        Ok(Err(kube::Error::Api(status))) => match status.code {
            // A namespace that goes takes nothing new.
            403 | 404 => Ok(None),
            409 if status.message.contains("conflict with") => Err(Refused::Conflict),
            // Another pod has the name by now.
            409 if status.message.contains("Precondition failed: UID") => Ok(None),
            _ => Err(Refused::Failed),
        },
        _ => Err(Refused::Failed),
    }
}

async fn list(server: &ApiServer, path: &str) -> Vec<Value> {
    let request = Request::builder()
        .method(Method::GET)
        .uri(path)
        .body(Full::<Bytes>::default())
        .expect("valid");
    let service = server.service_named(TestKit::CLIENT);
    let answer = service.oneshot(request).await.expect("no faults");
    assert_eq!(answer.status(), StatusCode::OK);
    let body = answer.into_body().collect().await.expect("whole");
    let mut list: Value = serde_json::from_slice(&body.to_bytes()).expect("JSON");
    serde_json::from_value(list["items"].take()).expect("a list")
}

fn key_of(object: &Value) -> String {
    let text = |name: &str| object["metadata"][name].as_str().unwrap_or_default();
    format!("{}/{}", text("namespace"), text("name"))
}

fn version_of(object: &Value) -> u64 {
    let version = object["metadata"]["resourceVersion"].as_str();
    version
        .and_then(|version| version.parse().ok())
        .expect("every object has a version")
}
