//! Whatever comes in, an answer goes out: no panic, no hang, and a `Status` that says what was wrong.
//!
//! The inputs grow from ones that are right, by the same mutations on every run. `fuzz/` has the same
//! targets for a fuzzer that looks for its own.

use std::{fmt::Write as _, time::Duration};

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use kubehandler_apiserver::ApiServer;
use serde_json::{Value, json};
use tokio::time::timeout;
use tower::ServiceExt as _;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// What inputs are made from: right ones, and what goes wrong in practice.
const PIECES: [&str; 40] = [
    "%",
    "%00",
    "%zz",
    "%2F",
    "..",
    "//",
    "?",
    "&",
    "=",
    ";",
    "+",
    " ",
    "\"",
    "\\",
    "'",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "true",
    "-1",
    "0",
    "18446744073709551616",
    "1e999",
    "metadata",
    "name",
    "status",
    "a in (b,c)",
    "!a",
    "a!=b",
    "\u{0}",
    "\u{202e}",
    "é",
    "𝄞",
    "watch=true",
    "limit=1",
    "resourceVersion=5",
];

struct Mutator(fastrand::Rng);

impl Mutator {
    fn mutate(&mut self, seed: &str) -> Vec<u8> {
        let mut bytes = seed.as_bytes().to_vec();
        for _ in 0..self.0.usize(..4) {
            let at = self.0.usize(..=bytes.len());
            let end = (at + self.0.usize(..8)).min(bytes.len());
            match self.0.u8(..5) {
                0 => drop(bytes.splice(at..at, PIECES[self.0.usize(..PIECES.len())].bytes())),
                1 => drop(bytes.drain(at..end)),
                2 => drop(bytes.splice(at..end, PIECES[self.0.usize(..PIECES.len())].bytes())),
                3 if at < bytes.len() => bytes[at] = self.0.u8(..),
                _ => {
                    let copy = bytes[at..end].to_vec();
                    drop(bytes.splice(at..at, copy));
                }
            }
        }
        bytes
    }

    /// Text that an HTTP client can put into a URL.
    fn query(&mut self, seed: &str) -> String {
        let bytes = self.mutate(seed);
        bytes.iter().fold(String::new(), |mut query, &byte| {
            if byte.is_ascii_graphic()
                && !matches!(byte, b'#' | b'"' | b'<' | b'>' | b'`' | b'{' | b'}')
            {
                query.push(char::from(byte));
            } else {
                write!(query, "%{byte:02X}").expect("text grows");
            }
            query
        })
    }
}

/// Sends a request and returns the code; fails unless there is an answer in time, and a `Status` for
/// what is refused.
async fn ask(
    server: &ApiServer,
    method: Method,
    uri: &str,
    content_type: &str,
    body: Vec<u8>,
) -> Option<StatusCode> {
    let request = Request::builder()
        .method(method)
        .uri(uri)
        .header("content-type", content_type);
    // What is no URL never leaves the client.
    let request = request.body(Full::new(Bytes::from(body.clone()))).ok()?;
    let what = format!(
        "{} {uri} {}",
        request.method(),
        String::from_utf8_lossy(&body)
    );
    let answer = timeout(Duration::from_secs(60), server.service().oneshot(request)).await;
    let answer = answer
        .unwrap_or_else(|_| panic!("no answer to {what}"))
        .expect("no fault is set");
    let code = answer.status();
    if code.is_success() {
        return Some(code);
    }
    let body = answer
        .into_body()
        .collect()
        .await
        .expect("a body")
        .to_bytes();
    // As the real server, whose HTTP library speaks here before its API does.
    if body.starts_with(b"404 page not found") || body.starts_with(b"400 Bad Request") {
        return Some(code);
    }
    let status: Value =
        serde_json::from_slice(&body).unwrap_or_else(|_| panic!("no Status for {what}"));
    assert_eq!(status["kind"], "Status", "{what}");
    assert_eq!(status["code"], code.as_u16(), "{what}");
    assert!(
        !status["message"].as_str().unwrap_or_default().is_empty(),
        "{what}"
    );
    // A version that is not there yet is waited for; nothing else is the server's fault.
    let is_too_new = code == StatusCode::GATEWAY_TIMEOUT && uri.contains("resourceVersion");
    assert!(code.is_client_error() || is_too_new, "{code} for {what}");
    Some(code)
}

async fn server() -> ApiServer {
    let server = ApiServer::new();
    for name in ["a", "b", "c"] {
        let body = map(name).to_string().into_bytes();
        let code = ask(&server, Method::POST, MAPS, "application/json", body).await;
        assert_eq!(code, Some(StatusCode::CREATED));
    }
    server
}

fn map(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": name, "namespace": "default", "labels": { "app": "web" }, "finalizers": [] },
        "data": { "key": "value" },
    })
}

#[tokio::test(start_paused = true)]
async fn mutated_queries_are_answered() {
    let server = server().await;
    let mut mutator = Mutator(fastrand::Rng::with_seed(1));
    let seeds = [
        "labelSelector=app%20in%20(web,db),tier!=test,!canary,env",
        "fieldSelector=metadata.name=a,metadata.namespace!=default",
        "resourceVersion=5&resourceVersionMatch=NotOlderThan",
        "limit=1&continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6OCwic3RhcnQiOiJhXHUwMDAwIn0",
        "watch=true&timeoutSeconds=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
        "dryRun=All&fieldManager=me&fieldValidation=Strict&propagationPolicy=Orphan&gracePeriodSeconds=3",
    ];
    let mut refused = 0;
    for _ in 0..4_000 {
        let seed = mutator.0.choice(seeds).expect("there are some");
        let query = mutator.query(seed);
        let code = ask(
            &server,
            Method::GET,
            &format!("{MAPS}?{query}"),
            "",
            Vec::new(),
        )
        .await;
        refused += usize::from(code.is_some_and(|code| code.is_client_error()));
    }
    assert!(refused > 500, "only {refused} were wrong enough");
}

#[tokio::test(start_paused = true)]
async fn mutated_paths_are_answered() {
    let server = server().await;
    let mut mutator = Mutator(fastrand::Rng::with_seed(2));
    for _ in 0..4_000 {
        let path = mutator
            .query("/api/v1/namespaces/default/configmaps/a/status")
            .replace('?', "%3F");
        let methods = [Method::GET, Method::PUT, Method::DELETE, Method::OPTIONS];
        let method = mutator.0.choice(methods).expect("there are some");
        ask(
            &server,
            method,
            &format!("/{path}"),
            "application/json",
            b"{}".to_vec(),
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn mutated_bodies_are_answered() {
    let server = server().await;
    let mut mutator = Mutator(fastrand::Rng::with_seed(3));
    let seed = map("d").to_string();
    for _ in 0..4_000 {
        let body = mutator.mutate(&seed);
        ask(
            &server,
            Method::POST,
            MAPS,
            "application/json",
            body.clone(),
        )
        .await;
        ask(
            &server,
            Method::PUT,
            &format!("{MAPS}/a"),
            "application/json",
            body,
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn mutated_patches_and_delete_options_are_answered() {
    let server = server().await;
    let mut mutator = Mutator(fastrand::Rng::with_seed(4));
    let json_patch = r#"[{"op":"add","path":"/metadata/labels/x","value":"y"},{"op":"test","path":"/data/key","value":"value"},{"op":"move","from":"/data/key","path":"/data/other"}]"#;
    let merge_patch =
        r#"{"metadata":{"labels":{"x":null},"resourceVersion":"7"},"data":{"key":"other"}}"#;
    let options = r#"{"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"uid":"x","resourceVersion":"1"},"propagationPolicy":"Foreground","gracePeriodSeconds":0,"dryRun":["All"]}"#;
    let name = format!("{MAPS}/b");
    for _ in 0..4_000 {
        ask(
            &server,
            Method::PATCH,
            &name,
            "application/json-patch+json",
            mutator.mutate(json_patch),
        )
        .await;
        ask(
            &server,
            Method::PATCH,
            &name,
            "application/merge-patch+json",
            mutator.mutate(merge_patch),
        )
        .await;
        ask(
            &server,
            Method::DELETE,
            &name,
            "application/json",
            mutator.mutate(options),
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn mutated_definitions_are_answered() {
    let server = server().await;
    let mut mutator = Mutator(fastrand::Rng::with_seed(5));
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let seed = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": "sites.demo.dev" },
        "spec": {
            "group": "demo.dev",
            "names": { "kind": "Site", "plural": "sites", "shortNames": ["st"] },
            "scope": "Namespaced",
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": { "openAPIV3Schema": { "type": "object" } },
                "subresources": { "status": {}, "scale": { "specReplicasPath": ".spec.replicas" } },
                "selectableFields": [{ "jsonPath": ".spec.image" }],
            }],
        },
    });
    let seed = seed.to_string();
    for _ in 0..1_500 {
        ask(
            &server,
            Method::POST,
            path,
            "application/json",
            mutator.mutate(&seed),
        )
        .await;
        let name = format!("{path}/sites.demo.dev");
        ask(
            &server,
            Method::PUT,
            &name,
            "application/json",
            mutator.mutate(&seed),
        )
        .await;
        ask(&server, Method::GET, "/apis/demo.dev/v1", "", Vec::new()).await;
        ask(
            &server,
            Method::GET,
            "/apis/demo.dev/v1/sites",
            "",
            Vec::new(),
        )
        .await;
        if mutator.0.u8(..4) == 0 {
            ask(&server, Method::DELETE, &name, "", Vec::new()).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn body_over_three_mebibytes_is_refused() {
    let server = server().await;
    let mut large = map("large");
    large["data"]["key"] = "x".repeat(3 * 1024 * 1024).into();

    let code = ask(
        &server,
        Method::POST,
        MAPS,
        "application/json",
        large.to_string().into_bytes(),
    )
    .await;

    assert_eq!(code, Some(StatusCode::PAYLOAD_TOO_LARGE));
}

#[tokio::test(start_paused = true)]
async fn deep_json_is_refused() {
    let server = server().await;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let depth = 500_000;
        let body = format!("{}{}{}", open.repeat(depth), "1", close.repeat(depth)).into_bytes();
        for (method, path, ty) in [
            (Method::POST, MAPS.to_owned(), "application/json"),
            (
                Method::PATCH,
                format!("{MAPS}/a"),
                "application/merge-patch+json",
            ),
            (
                Method::PATCH,
                format!("{MAPS}/a"),
                "application/json-patch+json",
            ),
            (Method::DELETE, format!("{MAPS}/a"), "application/json"),
        ] {
            let code = ask(&server, method.clone(), &path, ty, body.clone()).await;
            assert!(
                code.is_some_and(|code| code.is_client_error()),
                "{method}: {code:?}"
            );
        }
    }
}
