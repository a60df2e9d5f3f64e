use serde_json::{Value, json};

use super::*;
use crate::informer::stored::Stored;

fn pods() -> TypeMeta {
    TypeMeta {
        api_version: "v1".to_owned(),
        kind: "Pod".to_owned(),
    }
}

fn read_value(value: &Value) -> Result<Item, Unreadable> {
    let raw = serde_json::value::to_raw_value(value).expect("JSON");
    read(&raw, &pods())
}

fn decoded(object: &Stored) -> Value {
    serde_json::from_slice(object.json()).expect("JSON")
}

#[test]
fn managed_fields_are_dropped_and_the_rest_is_kept() {
    let item = read_value(&json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "web", "namespace": "a", "uid": "u", "resourceVersion": "7",
            "managedFields": [{"manager": "kubectl"}],
            "labels": {"managedFields": "kept"},
        },
        "spec": {"managedFields": ["kept"], "text": "a \"quoted\" \u{1F600} one"},
    }))
    .expect("readable");

    assert_eq!(item.key, ObjectKey::namespaced("a", "web"));
    assert_eq!(
        (item.object.uid(), item.object.resource_version()),
        ("u", "7")
    );
    assert!(!item.object.is_deleting());
    assert_eq!(
        decoded(&item.object),
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": "web", "namespace": "a", "uid": "u", "resourceVersion": "7",
                "labels": {"managedFields": "kept"},
            },
            "spec": {"managedFields": ["kept"], "text": "a \"quoted\" \u{1F600} one"},
        })
    );
}

#[test]
fn type_of_a_list_item_is_put_back() {
    let item = read_value(&json!({"metadata": {"name": "web"}})).expect("readable");

    assert_eq!(
        decoded(&item.object),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}})
    );
    assert_eq!(item.key, ObjectKey::cluster("web"));
}

#[test]
fn deletion_timestamp_says_that_the_object_is_being_deleted() {
    let at = |value: Value| {
        read_value(&json!({"metadata": {"name": "a", "deletionTimestamp": value}}))
            .expect("readable")
            .object
            .is_deleting()
    };

    assert!(at(json!("2026-01-01T00:00:00Z")));
    assert!(!at(Value::Null));
}

#[test]
fn object_without_a_name_has_no_key() {
    for value in [
        json!(null),
        json!([]),
        json!({}),
        json!({"metadata": null}),
        json!({"metadata": {}}),
        json!({"metadata": {"name": ""}}),
        json!({"metadata": {"name": 7}}),
        json!({"metadata": {"name": "a", "namespace": []}}),
    ] {
        let unreadable = read_value(&value).expect_err("unreadable");

        assert_eq!(unreadable.key, None, "{value}");
    }
}

#[test]
fn object_with_an_unreadable_version_keeps_its_key() {
    let unreadable =
        read_value(&json!({"metadata": {"name": "a", "resourceVersion": 7}})).expect_err("no text");

    assert_eq!(unreadable.key, Some(ObjectKey::cluster("a")));
    assert!(unreadable.why.contains("`metadata.resourceVersion`"));
}

#[test]
fn page_without_items_is_refused_and_null_items_are_none() {
    let read = |text: &str| Page::read(text.as_bytes()).map(|page| page.items().len());

    assert!(read(r#"{"metadata":{}}"#).is_err());
    assert!(read("{}").is_err());
    assert!(read(r#"{"kind":"Status","metadata":{}}"#).is_err());
    assert!(read(r#"{"metadata":{"resourceVersion":"1"},"items":[{"#).is_err());
    assert_eq!(read(r#"{"metadata":{},"items":null}"#).ok(), Some(0));
    assert_eq!(read(r#"{"items":[{},1],"metadata":{}}"#).ok(), Some(2));
}
