//! What there is at a path, and which methods it has.

use http::Method;
use kubehandler_apiserver::ApiServer;
use serde_json::{Value, json};

use super::{WIDGETS, ask, define, definition, widget};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

async fn answer(server: &ApiServer, method: Method, path: &str) -> (u16, String) {
    let (code, answer) = ask(server, method, path, json!({})).await;
    let message = answer["message"].as_str().unwrap_or_default();
    (code, message.to_owned())
}

#[tokio::test]
async fn built_in_path_has_the_methods_of_its_resource_alone() {
    let server = ApiServer::new();
    let refused = "the server does not allow this method on the requested resource";
    for (method, path) in [
        (Method::POST, "/api/v1/configmaps"),
        (Method::DELETE, "/api/v1/configmaps"),
        (Method::PUT, MAPS),
        (Method::PATCH, MAPS),
        (Method::POST, "/api/v1/namespaces/default/configmaps/a"),
        (Method::DELETE, "/api/v1/namespaces/default/pods/a/status"),
        (Method::GET, "/apis/authentication.k8s.io/v1/tokenreviews"),
    ] {
        let (code, message) = answer(&server, method.clone(), path).await;

        assert_eq!((code, message.as_str()), (405, refused), "{method} {path}");
    }
}

#[tokio::test]
async fn what_is_not_kept_or_has_no_such_part_is_not_found() {
    let server = ApiServer::new();
    let nothing = "the server could not find the requested resource";
    for (method, path) in [
        (Method::GET, "/apis/authentication.k8s.io/v1/tokenreviews/a"),
        (
            Method::GET,
            "/api/v1/namespaces/default/configmaps/a/status",
        ),
        (Method::GET, "/api/v1/namespaces/default/configmaps/a%2Fb"),
        (Method::GET, "/api/v1/configmaps/a"),
    ] {
        let (code, message) = answer(&server, method.clone(), path).await;

        assert_eq!((code, message.as_str()), (404, nothing), "{method} {path}");
    }
}

#[tokio::test]
async fn what_a_real_server_has_is_said_to_be_missing() {
    let server = ApiServer::new();
    for (method, path, what) in [
        (
            Method::POST,
            "/api/v1/namespaces/default/bindings",
            "answering bindings",
        ),
        (
            Method::GET,
            "/api/v1/namespaces/default/pods/a/log",
            "`log` of pods",
        ),
        (
            Method::POST,
            "/api/v1/namespaces/default/serviceaccounts/a/token",
            "`token` of serviceaccounts",
        ),
        (
            Method::GET,
            "/api/v1/namespaces/default/services/a/proxy/healthz/ready",
            "`proxy` of services",
        ),
        (
            Method::PUT,
            "/apis/certificates.k8s.io/v1/certificatesigningrequests/a/approval",
            "`approval` of certificatesigningrequests",
        ),
    ] {
        let (code, message) = answer(&server, method.clone(), path).await;

        assert_eq!(code, 404, "{method} {path}");
        let start = format!("{what} is not in the embedded server (the README of");
        assert!(message.starts_with(&start), "{message}");
        assert!(message.contains("`What is not there`"), "{message}");
    }
    assert!(include_str!("../../../README.md").contains("\n## What is not there\n"));
}

#[tokio::test]
async fn name_that_cannot_be_one_is_refused() {
    let server = ApiServer::new();
    for (name, message) in [
        (".", "Name parameter invalid: \".\": may not be '.'"),
        ("%2E%2E", "Name parameter invalid: \"..\": may not be '..'"),
        (
            "a%25b",
            "Name parameter invalid: \"a%b\": may not contain '%'",
        ),
    ] {
        for method in [Method::GET, Method::PATCH, Method::DELETE] {
            let answer = answer(&server, method, &format!("{MAPS}/{name}")).await;

            assert_eq!(answer, (400, message.to_owned()));
        }
    }
    assert_eq!(
        ask(&server, Method::GET, &format!("{MAPS}/%zz"), Value::Null)
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn custom_path_is_looked_up_by_definition_and_name_first() {
    let server = ApiServer::new();
    define(&server, definition("widgets", "Widget")).await;
    let everywhere = "/apis/example.com/v1/widgets";
    let absent = "widgets.example.com \"a\" not found";
    let unnamed = "name must be provided";
    for (method, path, expected) in [
        (Method::GET, format!("{WIDGETS}/a/status"), (404, absent)),
        (Method::PUT, format!("{WIDGETS}/a/b/c"), (404, absent)),
        (Method::PUT, WIDGETS.to_owned(), (400, unnamed)),
        (Method::PATCH, WIDGETS.to_owned(), (400, unnamed)),
        (Method::POST, everywhere.to_owned(), (404, "")),
        (Method::DELETE, everywhere.to_owned(), (404, "")),
        (
            Method::OPTIONS,
            WIDGETS.to_owned(),
            (
                405,
                " is not supported on resources of kind \"widgets.example.com\"",
            ),
        ),
    ] {
        let (code, message) = answer(&server, method.clone(), &path).await;

        assert_eq!((code, message.as_str()), expected, "{method} {path}");
    }
}

#[tokio::test]
async fn custom_object_is_created_by_the_path_of_any_other() {
    let server = ApiServer::new();
    define(&server, definition("widgets", "Widget")).await;

    let path = format!("{WIDGETS}/other");
    let (code, _) = ask(&server, Method::POST, &path, widget("made")).await;

    assert_eq!(code, 201);
    let made = ask(
        &server,
        Method::GET,
        &format!("{WIDGETS}/made"),
        Value::Null,
    )
    .await;
    assert_eq!(made.0, 200);
}

#[tokio::test]
async fn path_with_an_empty_part_leads_nowhere() {
    let server = ApiServer::new();
    define(&server, definition("widgets", "Widget")).await;
    ask(
        &server,
        Method::POST,
        MAPS,
        json!({ "metadata": { "name": "a" } }),
    )
    .await;
    let nothing = "the server could not find the requested resource";
    for (path, expected) in [
        ("/api//v1/namespaces", nothing),
        ("/api/v1//namespaces", nothing),
        ("/api/v1/namespaces/default//configmaps", nothing),
        ("/api/v1/namespaces/default/configmaps//a", nothing),
        ("/api/v1/namespaces/default/configmaps/a//status", nothing),
        ("/apis/apps//v1/namespaces/default/deployments", nothing),
        ("/apis/apps/v1//namespaces/default/deployments", nothing),
        ("/apis/apps/v9/namespaces/default/deployments", nothing),
        // What no built-in group answers is no Status.
        ("//api/v1/namespaces", ""),
        ("/apis//apps/v1/namespaces/default/deployments", ""),
        ("/apis//apps", ""),
        ("/apis/example.com/v1//namespaces/default/widgets", ""),
        ("/apis/example.com/v1/namespaces/default//widgets", ""),
        ("//healthz", ""),
        ("//", ""),
    ] {
        let answer = answer(&server, Method::GET, path).await;

        assert_eq!(answer, (404, expected.to_owned()), "{path}");
    }
    let unnamed = "/api/v1/namespaces/default/pods//status";
    for method in [Method::GET, Method::PUT, Method::PATCH] {
        let answer = answer(&server, method, unnamed).await;
        assert_eq!(answer, (400, "name must be provided".to_owned()));
    }
}

#[tokio::test]
async fn path_without_its_namespace_is_of_all_and_slashes_at_its_end_do_no_harm() {
    let server = ApiServer::new();
    ask(
        &server,
        Method::POST,
        MAPS,
        json!({ "metadata": { "name": "a" } }),
    )
    .await;
    for path in [
        "/api/v1/namespaces//configmaps",
        "/api/v1/configmaps/",
        "/api/v1/namespaces/default/configmaps//",
    ] {
        let (code, list) = ask(&server, Method::GET, path, Value::Null).await;

        assert_eq!(code, 200, "{path}: {list}");
        assert_eq!(list["items"][0]["metadata"]["name"], "a", "{path}");
    }
}
