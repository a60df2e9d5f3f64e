//! The server as the one who writes to it sees it, with all that it ever had.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::Full;
use kubehandler_testing::kubehandler_apiserver::ApiServer;
use serde_json::{Value, json};
use tokio::time::sleep;
use tower::ServiceExt as _;

use crate::truth::Truth;

/// The truth is read at least so often: the server forgets what is older than some minutes.
const READ: Duration = Duration::from_secs(60);

/// The server, and what it had.
pub(crate) struct World {
    pub(crate) server: ApiServer,
    pub(crate) truth: Truth,
    /// Writes that changed something.
    pub(crate) writes: usize,
    revisions: u64,
}

impl World {
    pub(crate) async fn new(server: ApiServer) -> Self {
        let truth = Truth::new(&server).await;
        let mut world = Self {
            server,
            truth,
            writes: 0,
            revisions: 0,
        };
        world.make_namespace("side").await;
        world
    }

    pub(crate) async fn make_namespace(&mut self, name: &str) {
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        self.send(Method::POST, "/api/v1/namespaces", &namespace)
            .await;
    }

    /// Makes a pod; returns false if it is there, or cannot be.
    pub(crate) async fn create(&mut self, key: &str, app: &str) -> bool {
        let (namespace, name) = split(key);
        let revision = self.next_revision();
        let pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "namespace": namespace,
                "name": name,
                "labels": {"app": app, "revision": revision},
            },
            "spec": {"containers": [{"name": "main", "image": "busybox"}]},
        });
        let path = format!("/api/v1/namespaces/{namespace}/pods");
        self.send(Method::POST, &path, &pod).await
    }

    /// Changes metadata that every handler looks at.
    pub(crate) async fn touch(&mut self, key: &str) -> bool {
        let revision = self.next_revision();
        self.label(key, "revision", &revision).await
    }

    /// Changes metadata that a handler with `changed` does not look at.
    pub(crate) async fn note(&mut self, key: &str) -> bool {
        let note = self.next_revision();
        let patch = json!({"metadata": {"annotations": {"note": note}}});
        self.patch(key, &patch).await
    }

    pub(crate) async fn label(&mut self, key: &str, name: &str, value: &str) -> bool {
        self.patch(key, &json!({"metadata": {"labels": {name: value}}}))
            .await
    }

    pub(crate) async fn finalizers(&mut self, key: &str, finalizers: &[&str]) -> bool {
        self.patch(key, &json!({"metadata": {"finalizers": finalizers}}))
            .await
    }

    pub(crate) async fn phase(&mut self, key: &str, phase: &str) -> bool {
        let path = format!("{}/status", path(key));
        let status = json!({"status": {"phase": phase}});
        self.send(Method::PATCH, &path, &status).await
    }

    pub(crate) async fn delete(&mut self, key: &str) -> bool {
        self.send(Method::DELETE, &path(key), &Value::Null).await
    }

    pub(crate) async fn delete_namespace(&mut self, name: &str) -> bool {
        let path = format!("/api/v1/namespaces/{name}");
        self.send(Method::DELETE, &path, &Value::Null).await
    }

    pub(crate) async fn sleep(&mut self, time: Duration) {
        let mut left = time;
        while !left.is_zero() {
            let nap = left.min(READ);
            sleep(nap).await;
            self.truth.read().await;
            left -= nap;
        }
    }

    fn next_revision(&mut self) -> String {
        self.revisions += 1;
        self.revisions.to_string()
    }

    async fn patch(&mut self, key: &str, patch: &Value) -> bool {
        self.send(Method::PATCH, &path(key), patch).await
    }

    /// Sends a request and reads what came of it; returns false if it was refused.
    async fn send(&mut self, method: Method, path: &str, body: &Value) -> bool {
        // What callbacks wrote meanwhile, before the server may forget it.
        self.truth.read().await;
        let content_type = if method == Method::PATCH {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        let body = if body.is_null() {
            Bytes::new()
        } else {
            body.to_string().into()
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, content_type)
            .body(Full::new(body))
            .expect("valid");
        let service = self.server.service_named("writer");
        let answer = service.oneshot(request).await.expect("no faults");
        let before = self.server.revision();
        self.truth.read().await;
        let is_done = answer.status().is_success();
        assert!(
            is_done || matches!(answer.status().as_u16(), 403 | 404 | 409),
            "{path}: {}",
            answer.status()
        );
        self.writes += usize::from(is_done);
        debug_assert_eq!(self.server.revision(), before, "reading writes nothing");
        is_done
    }
}

fn path(key: &str) -> String {
    let (namespace, name) = split(key);
    format!("/api/v1/namespaces/{namespace}/pods/{name}")
}

fn split(key: &str) -> (&str, &str) {
    key.split_once('/').expect("namespace/name")
}
