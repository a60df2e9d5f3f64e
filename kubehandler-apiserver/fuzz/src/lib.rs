//! What all targets do: ask a server that has an object, and look at the answer.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use kubehandler_apiserver::ApiServer;
use serde_json::Value;
use tower::ServiceExt as _;

/// Where the object is.
pub const MAP: &str = "/api/v1/namespaces/default/configmaps/a";

/// Where objects like it are.
pub const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// Asks, and panics unless there is an answer in time: what was asked for, or a `Status`.
pub fn ask(method: Method, uri: &str, content_type: &str, body: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let server = ApiServer::new();
        let map = br#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","labels":{"app":"web"}},"data":{"k":"v"}}"#;
        send(&server, Method::POST, MAPS, "application/json", map).await;
        send(&server, method, uri, content_type, body).await;
    });
}

async fn send(server: &ApiServer, method: Method, uri: &str, content_type: &str, body: &[u8]) {
    let request = Request::builder().method(method).uri(uri).header("content-type", content_type);
    let Ok(request) = request.body(Full::new(Bytes::copy_from_slice(body))) else {
        return; // What is no URL never leaves the client.
    };
    let answer = tokio::time::timeout(Duration::from_secs(60), server.service().oneshot(request)).await;
    let answer = answer.expect("an answer in time").expect("no fault is set");
    let code = answer.status();
    if code.is_success() {
        return;
    }
    let body = answer.into_body().collect().await.expect("a body").to_bytes();
    // What Go's own HTTP server says before the API is asked.
    if body.starts_with(b"404 page not found") || body.starts_with(b"400 Bad Request") {
        return;
    }
    let status: Value = serde_json::from_slice(&body).expect("a Status");
    assert_eq!(status["code"], code.as_u16());
    assert!(code.is_client_error() || code.as_u16() == 504, "{status}");
}

/// Encodes any bytes so that they can stand in a query.
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("%{byte:02X}")).collect()
}
