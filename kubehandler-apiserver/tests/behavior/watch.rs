//! What watches say, and when, in the process and with the clock held still.

use std::time::Duration;

use futures::{AsyncBufReadExt as _, StreamExt as _, stream::BoxStream};
use http::Request;
use http_body_util::BodyExt as _;
use kube::Client;
use kubehandler_apiserver::{ApiServer, Fault, Verb, When};
use serde_json::{Value, json};
use tower::ServiceExt as _;

async fn create(client: &Client, name: &str) -> Value {
    let object = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "namespace": "default", "name": name },
    });
    let request = Request::post("/api/v1/namespaces/default/configmaps")
        .header("content-type", "application/json")
        .body(object.to_string().into_bytes())
        .expect("valid");
    client.request(request).await.expect("created")
}

async fn list(client: &Client, query: &str) -> Value {
    let request = Request::get(format!("/api/v1/namespaces/default/configmaps?{query}"));
    let request = request.body(Vec::new()).expect("valid");
    client.request(request).await.expect("listed")
}

async fn watch(client: &Client, query: &str) -> BoxStream<'static, Value> {
    let request = Request::get(format!("/api/v1/configmaps?watch=true&{query}"));
    let request = request.body(Vec::new()).expect("valid");
    let lines = client
        .request_stream(request)
        .await
        .expect("watched")
        .lines();
    lines
        .filter_map(|line| async move { serde_json::from_str(&line.ok()?).ok() })
        .boxed()
}

fn summary(event: &Value) -> (String, String) {
    let text = |path| {
        event
            .pointer(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    (text("/type"), text("/object/metadata/name"))
}

#[tokio::test(start_paused = true)]
async fn watch_follows_the_list_it_continues() {
    let server = ApiServer::new();
    let client = server.client();
    create(&client, "a").await;
    let version = list(&client, "").await["metadata"]["resourceVersion"].clone();

    let mut watch = watch(
        &client,
        &format!("resourceVersion={}", version.as_str().unwrap_or("")),
    )
    .await;
    create(&client, "b").await;
    create(&client, "c").await;

    for name in ["b", "c"] {
        let event = watch.next().await.expect("an event");
        assert_eq!(summary(&event), ("ADDED".to_owned(), name.to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn page_continues_over_one_snapshot() {
    let server = ApiServer::new();
    let client = server.client();
    for name in ["a", "b", "c", "d", "e"] {
        create(&client, name).await;
    }
    let first = list(&client, "limit=2").await;
    assert_eq!(first["metadata"]["remainingItemCount"], 3);
    create(&client, "bb").await;

    let token = first["metadata"]["continue"].as_str().unwrap_or_default();
    let second = list(&client, &format!("limit=2&continue={token}")).await;

    let names: Vec<_> = second["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|i| i["metadata"]["name"].clone())
        .collect();
    assert_eq!(names, ["c", "d"]);
}

#[tokio::test(start_paused = true)]
async fn bookmark_comes_each_minute_and_before_the_end() {
    let server = ApiServer::new();
    let client = server.client();
    let started = tokio::time::Instant::now();

    let mut watch = watch(
        &client,
        "resourceVersion=1&allowWatchBookmarks=true&timeoutSeconds=150",
    )
    .await;

    let mut at = Vec::new();
    while let Some(event) = watch.next().await {
        assert_eq!(event["type"], "BOOKMARK");
        at.push(started.elapsed().as_secs());
    }
    assert_eq!(at, [60, 120, 148]);
    assert_eq!(started.elapsed().as_secs(), 150);
}

#[tokio::test(start_paused = true)]
async fn cut_watch_ends_after_its_events() {
    let server = ApiServer::new();
    let client = server.client();
    server
        .faults()
        .add(When::any().verb(Verb::Watch).times(1), Fault::Cut(1));
    let mut watch = watch(&client, "resourceVersion=1").await;
    create(&client, "a").await;
    create(&client, "b").await;

    assert!(watch.next().await.is_some());
    assert_eq!(watch.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn no_bookmark_comes_of_a_version_that_the_server_has_not_reached() {
    let server = ApiServer::new();
    let client = server.client();
    let head = server.revision();
    let future = head + 2;
    let mut watch = watch(
        &client,
        &format!("resourceVersion={future}&allowWatchBookmarks=true&timeoutSeconds=290"),
    )
    .await;
    create(&client, "below").await;
    create(&client, "at").await;

    let silence = tokio::time::timeout(Duration::from_secs(130), watch.next()).await;
    assert!(silence.is_err(), "{silence:?}");

    create(&client, "above").await;
    let event = watch.next().await.expect("an event");
    assert_eq!(summary(&event), ("ADDED".to_owned(), "above".to_owned()));
    let bookmark = watch.next().await.expect("a bookmark");
    assert_eq!(bookmark["type"], "BOOKMARK");
    let version = &bookmark["object"]["metadata"]["resourceVersion"];
    assert_eq!(version, &server.revision().to_string());
}

#[tokio::test(start_paused = true)]
async fn quiet_server_has_nothing_to_say_in_a_bookmark() {
    let server = ApiServer::new();
    let client = server.client();
    let head = server.revision();
    for (query, expected) in [
        (format!("resourceVersion={head}"), 0),
        (
            "sendInitialEvents=true&resourceVersionMatch=NotOlderThan".to_owned(),
            1,
        ),
    ] {
        let query = format!("{query}&allowWatchBookmarks=true&timeoutSeconds=290");
        let events = watch(&client, &query).await.count().await;

        assert_eq!(events, expected, "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn streaming_list_of_a_version_to_come_is_an_error_in_the_stream() {
    let server = ApiServer::new();
    let started = tokio::time::Instant::now();
    let mut watch = watch(
        &server.client(),
        "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion=1000",
    )
    .await;

    let event = watch.next().await.expect("an event");

    assert_eq!(event["type"], "ERROR");
    assert_eq!(event["object"]["code"], 504);
    let cause = &event["object"]["details"]["causes"][0]["reason"];
    assert_eq!(cause, "ResourceVersionTooLarge");
    assert_eq!(watch.next().await, None);
    assert_eq!(started.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn watch_by_websocket_is_refused_and_any_other_upgrade_ignored() {
    let server = ApiServer::new();
    for (upgrade, connection, expected) in [
        ("websocket", "Upgrade", 503),
        ("WebSocket", "keep-alive, upgrade", 503),
        ("websocket", "keep-alive", 200),
        ("h2c", "Upgrade, HTTP2-Settings", 200),
        ("SPDY/3.1", "Upgrade", 200),
    ] {
        for (path, is_watch) in [
            (
                "/api/v1/configmaps?watch=true&resourceVersion=1&timeoutSeconds=1",
                true,
            ),
            (
                "/api/v1/watch/configmaps?resourceVersion=1&timeoutSeconds=1",
                true,
            ),
            ("/api/v1/configmaps", false),
        ] {
            let request = Request::get(path)
                .header("upgrade", upgrade)
                .header("connection", connection)
                .body(String::new())
                .expect("valid");

            let answer = server.service().oneshot(request).await.expect("an answer");

            let expected = if is_watch { expected } else { 200 };
            assert_eq!(
                answer.status().as_u16(),
                expected,
                "{upgrade} {connection} {path}"
            );
            if expected == 503 {
                let body = answer.into_body().collect().await.expect("a body");
                let status: Value = serde_json::from_slice(&body.to_bytes()).expect("JSON");
                assert_eq!(status["reason"], "ServiceUnavailable");
            }
        }
    }
}
