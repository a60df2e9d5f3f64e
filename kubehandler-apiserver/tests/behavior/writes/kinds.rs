//! What some kinds refuse, or fill in, of their own.

use http::Method;
use kubehandler_apiserver::ApiServer;
use serde_json::json;

use super::{DEFINITIONS, WIDGETS, ask, definition, widget};

#[tokio::test]
async fn binding_keeps_its_role() {
    let server = ApiServer::new();
    let path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    let role =
        json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view" });
    ask(
        &server,
        Method::POST,
        path,
        json!({ "metadata": { "name": "a" }, "roleRef": role }),
    )
    .await;

    let change = json!({ "roleRef": { "name": "edit" } });
    let (code, answer) = ask(&server, Method::PATCH, &format!("{path}/a"), change).await;

    assert_eq!(code, 422);
    assert_eq!(
        answer["details"]["causes"][0]["message"],
        "Invalid value: {\"APIGroup\":\"rbac.authorization.k8s.io\",\"Kind\":\"ClusterRole\",\"Name\":\"edit\"}: \
         field is immutable"
    );
}

#[tokio::test]
async fn stateful_set_keeps_its_selector() {
    let server = ApiServer::new();
    let path = "/apis/apps/v1/namespaces/default/statefulsets";
    let spec = json!({
        "selector": { "matchLabels": { "a": "b" } },
        "template": {
            "metadata": { "labels": { "a": "b", "c": "d" } },
            "spec": { "containers": [{ "name": "c", "image": "i" }] },
        },
    });
    ask(
        &server,
        Method::POST,
        path,
        json!({ "metadata": { "name": "a" }, "spec": spec }),
    )
    .await;

    let change = json!({ "spec": { "selector": { "matchLabels": { "c": "d" } } } });
    let (code, answer) = ask(&server, Method::PATCH, &format!("{path}/a"), change).await;

    assert_eq!(code, 422);
    assert_eq!(answer["details"]["causes"][0]["field"], "spec.selector");
}

#[tokio::test]
async fn gated_pod_says_since_when_it_waits() {
    let server = ApiServer::new();
    let spec = json!({
        "schedulingGates": [{ "name": "example.com/gate" }],
        "containers": [{ "name": "c", "image": "i" }],
    });
    let pod = json!({ "metadata": { "name": "a" }, "spec": spec });

    let (_, made) = ask(
        &server,
        Method::POST,
        "/api/v1/namespaces/default/pods",
        pod,
    )
    .await;

    assert_eq!(
        made["status"]["conditions"][0]["lastTransitionTime"],
        made["metadata"]["creationTimestamp"]
    );
}

#[tokio::test]
async fn status_of_a_custom_object_is_all_that_its_subresource_looks_at() {
    let server = ApiServer::new();
    let mut widgets = definition("widgets", "Widget");
    widgets["spec"]["versions"][0]["subresources"] = json!({ "status": {} });
    ask(&server, Method::POST, DEFINITIONS, widgets).await;
    ask(&server, Method::POST, WIDGETS, widget("a")).await;

    let change = json!({ "kind": "Gadget", "status": { "ready": true } });
    let (code, answer) = ask(
        &server,
        Method::PATCH,
        &format!("{WIDGETS}/a/status"),
        change,
    )
    .await;

    assert_eq!(code, 200, "{answer}");
    assert_eq!(answer["kind"], "Widget");
    assert_eq!(answer["status"]["ready"], true);
}

#[tokio::test]
async fn uid_of_an_owner_has_a_type_of_its_own() {
    let server = ApiServer::new();
    let owners = json!([{ "uid": 1 }]);
    let map = json!({ "metadata": { "name": "a", "ownerReferences": owners } });

    let path = "/api/v1/namespaces/default/configmaps";
    let (code, answer) = ask(&server, Method::POST, path, map).await;

    assert_eq!(code, 400);
    let message = answer["message"].as_str().unwrap_or_default();
    assert!(
        message.ends_with("ownerReferences.uid of type types.UID"),
        "{message}"
    );
}
