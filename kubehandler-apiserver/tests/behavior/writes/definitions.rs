//! The life of custom resource definitions.

use http::Method;
use kubehandler_apiserver::ApiServer;
use serde_json::{Value, json};

use super::{DEFINITIONS, WIDGETS, ask, define, definition, widget};

async fn get(server: &ApiServer, name: &str) -> Value {
    let path = format!("{DEFINITIONS}/{name}.example.com");
    ask(server, Method::GET, &path, Value::Null).await.1
}

/// Returns the reason and status of a condition.
fn condition<'a>(definition: &'a Value, ty: &str) -> Option<(&'a str, &'a str)> {
    let conditions = definition["status"]["conditions"].as_array()?;
    let found = conditions.iter().find(|found| found["type"] == ty)?;
    Some((found["status"].as_str()?, found["reason"].as_str()?))
}

#[tokio::test]
async fn names_that_another_definition_has_are_refused_until_it_goes() {
    let server = ApiServer::new();
    define(&server, definition("widgets", "Widget")).await;
    define(&server, definition("gadgets", "Widget")).await;

    let refused = get(&server, "gadgets").await;
    let path = WIDGETS.replace("widgets", "gadgets");
    let (unserved, _) = ask(&server, Method::GET, &path, Value::Null).await;
    let taken = format!("{DEFINITIONS}/widgets.example.com");
    ask(&server, Method::DELETE, &taken, Value::Null).await;

    assert_eq!(
        condition(&refused, "NamesAccepted"),
        Some(("False", "ListKindConflict"))
    );
    assert_eq!(
        condition(&refused, "Established"),
        Some(("False", "NotAccepted"))
    );
    assert_eq!(unserved, 404);
    let accepted = get(&server, "gadgets").await;
    assert_eq!(
        condition(&accepted, "Established"),
        Some(("True", "InitialNamesAccepted"))
    );
    assert_eq!(ask(&server, Method::GET, &path, Value::Null).await.0, 200);
}

#[tokio::test]
async fn definition_waits_for_its_objects_and_takes_no_new_ones() {
    let server = ApiServer::new();
    define(&server, definition("widgets", "Widget")).await;
    let mut held = widget("held");
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    ask(&server, Method::POST, WIDGETS, held).await;

    let path = format!("{DEFINITIONS}/widgets.example.com");
    let (code, deleted) = ask(&server, Method::DELETE, &path, Value::Null).await;
    let waiting = get(&server, "widgets").await;
    let (refused, why) = ask(&server, Method::POST, WIDGETS, widget("late")).await;
    let release = json!({ "metadata": { "finalizers": null } });
    ask(&server, Method::PATCH, &format!("{WIDGETS}/held"), release).await;

    assert_eq!(code, 200);
    assert_eq!(
        condition(&deleted, "Terminating"),
        Some(("True", "InstanceDeletionPending"))
    );
    assert_eq!(
        condition(&waiting, "Terminating"),
        Some(("True", "InstanceDeletionInProgress"))
    );
    assert_eq!(refused, 403);
    assert_eq!(
        why["message"],
        "widgets.example.com \"late\" is forbidden: create not allowed while custom resource \
         definition is terminating"
    );
    assert_eq!(get(&server, "widgets").await["code"], 404);
    assert_eq!(ask(&server, Method::GET, WIDGETS, Value::Null).await.0, 404);
}

#[tokio::test]
async fn finalizer_of_a_client_outlives_that_of_the_server() {
    let server = ApiServer::new();
    let mut kept = definition("widgets", "Widget");
    kept["metadata"]["finalizers"] = json!(["example.com/hold"]);
    define(&server, kept).await;

    let path = format!("{DEFINITIONS}/widgets.example.com");
    ask(&server, Method::DELETE, &path, Value::Null).await;

    let left = get(&server, "widgets").await;
    assert_eq!(left["metadata"]["finalizers"], json!(["example.com/hold"]));
    assert_eq!(
        condition(&left, "Terminating"),
        Some(("False", "InstanceDeletionCompleted"))
    );
}

#[tokio::test]
async fn what_a_definition_is_about_never_changes_once_it_is_served() {
    let server = ApiServer::new();
    define(&server, definition("widgets", "Widget")).await;
    let path = format!("{DEFINITIONS}/widgets.example.com");
    for (change, field) in [
        (json!({ "scope": "Cluster" }), "spec.scope"),
        (json!({ "group": "example.org" }), "spec.group"),
        (
            json!({ "names": { "plural": "gadgets" } }),
            "spec.names.plural",
        ),
        (json!({ "names": { "kind": "Gadget" } }), "spec.names.kind"),
    ] {
        let merged = json!({ "spec": change });
        let (code, answer) = ask(&server, Method::PATCH, &path, merged).await;

        assert_eq!(code, 422, "{field}");
        let causes = &answer["details"]["causes"];
        assert_eq!(causes.as_array().map(Vec::len), Some(1), "{causes}");
        assert_eq!(causes[0]["field"], field);
    }
}

#[tokio::test]
async fn versions_that_objects_were_stored_in_are_remembered() {
    let server = ApiServer::new();
    define(&server, definition("widgets", "Widget")).await;
    let path = format!("{DEFINITIONS}/widgets.example.com");
    let version = |name: &str, storage: bool| {
        let schema = json!({ "openAPIV3Schema": { "type": "object" } });
        json!({ "name": name, "served": true, "storage": storage, "schema": schema })
    };
    let both = json!({ "spec": { "versions": [version("v2", true), version("v1", false)] } });
    let new = json!({ "spec": { "versions": [version("v2", true)] } });

    let (_, migrated) = ask(&server, Method::PATCH, &path, both).await;
    let (early, why) = ask(&server, Method::PATCH, &path, new.clone()).await;
    let forget = json!({ "status": { "storedVersions": ["v2"] } });
    ask(&server, Method::PATCH, &format!("{path}/status"), forget).await;

    assert_eq!(migrated["status"]["storedVersions"], json!(["v1", "v2"]));
    assert_eq!(early, 422);
    assert_eq!(
        why["details"]["causes"][0]["field"],
        "status.storedVersions[0]"
    );
    assert_eq!(ask(&server, Method::PATCH, &path, new).await.0, 200);
}

#[tokio::test]
async fn what_is_wrong_with_a_definition_is_said_field_by_field() {
    let server = ApiServer::new();
    let mut wrong = definition("widgets", "Widget");
    wrong["spec"]["group"] = json!("local");
    wrong["spec"]["scope"] = json!("World");
    wrong["spec"]["names"]["listKind"] = json!("Widget");
    wrong["spec"]["names"]["shortNames"] = json!(["W"]);
    wrong["spec"]["versions"][0]["name"] = json!("V1");
    wrong["spec"]["versions"][0]["schema"] = json!(null);
    wrong["spec"]["versions"][0]["storage"] = json!(false);

    let (code, answer) = ask(&server, Method::POST, DEFINITIONS, wrong).await;

    assert_eq!(code, 422);
    let causes = answer["details"]["causes"].as_array().expect("causes");
    let fields: Vec<_> = causes.iter().map(|cause| &cause["field"]).collect();
    assert_eq!(
        fields,
        [
            "metadata.name",
            "spec.group",
            "spec.scope",
            "spec.versions[0].schema.openAPIV3Schema",
            "spec.versions[0].name",
            "spec.versions",
            "spec.names.shortNames[0]",
            "spec.names.listKind",
            "status.storedVersions",
        ]
    );
}

#[tokio::test]
async fn status_that_is_no_status_breaks_nothing() {
    let server = ApiServer::new();
    define(&server, definition("widgets", "Widget")).await;
    let path = format!("{DEFINITIONS}/widgets.example.com");
    for status in [
        json!(5),
        json!({ "conditions": 5, "acceptedNames": [] }),
        json!([]),
    ] {
        let merged = json!({ "status": status });
        ask(&server, Method::PATCH, &format!("{path}/status"), merged).await;

        let found = get(&server, "widgets").await;
        assert_eq!(
            condition(&found, "NamesAccepted"),
            Some(("True", "NoConflicts"))
        );
    }
}

#[tokio::test]
async fn rules_of_a_schema_are_checked_and_kept() {
    let server = ApiServer::new();
    let with_rule = |rule: &str| {
        let mut definition = definition("widgets", "Widget");
        definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = json!({
            "type": "object",
            "properties": {
                "spec": {
                    "type": "object",
                    "properties": { "size": { "type": "integer" } },
                    "x-kubernetes-validations": [{ "rule": rule, "message": "it must grow" }],
                },
            },
        });
        definition
    };
    let sized = |size: u32| {
        let mut widget = widget("one");
        widget["spec"] = json!({ "size": size });
        widget
    };

    let wrong = with_rule("self.length > 1");
    let (wrong_code, wrong) = ask(&server, Method::POST, DEFINITIONS, wrong).await;
    define(&server, with_rule("self.size > oldSelf.size")).await;
    let (created, _) = ask(&server, Method::POST, WIDGETS, sized(5)).await;
    let path = format!("{WIDGETS}/one");
    let size = |size: u32| json!({ "spec": { "size": size } });
    let (grown, _) = ask(&server, Method::PATCH, &path, size(6)).await;
    let (shrunk, why) = ask(&server, Method::PATCH, &path, size(4)).await;

    assert_eq!(wrong_code, 422);
    let message = wrong["message"].as_str().unwrap_or_default();
    assert!(
        message
            .contains("ERROR: <input>:1:5: undefined field 'length'\n | self.length > 1\n | ....^"),
        "{message}"
    );
    assert_eq!((created, grown, shrunk), (201, 200, 422));
    assert_eq!(
        why["message"],
        "Widget.example.com \"one\" is invalid: spec: Invalid value: it must grow"
    );
}
