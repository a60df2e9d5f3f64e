//! What is written down with each write, and what an apply makes of it.

use serde_json::{Value, json};

use super::{FieldManager, Types};
use crate::{
    failure::Failure,
    group::GroupVersion,
    merge::FieldSet,
    object,
    schema::{self, Schema, TypeRef},
};

const NOW: &str = "2026-01-01T00:00:00Z";
const LATER: &str = "2026-01-01T00:00:01Z";

/// The kind that every test is about.
struct ConfigMaps;

impl Types for ConfigMaps {
    fn of(&self, api_version: &str) -> Option<(&Schema, TypeRef)> {
        (api_version == "v1")
            .then(|| schema::builtin::of(GroupVersion::new("", "v1"), "ConfigMap"))
            .flatten()
    }

    fn empty(&self, _: &str) -> Value {
        json!({})
    }
}

fn with_manager<T>(now: &str, act: impl FnOnce(FieldManager<'_>) -> T) -> T {
    act(FieldManager {
        types: &ConfigMaps,
        api_version: "v1",
        kind: "ConfigMap",
        subresource: "",
        reset: &FieldSet::default(),
        now,
        is_tracking: true,
    })
}

fn map(data: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" }, "data": data })
}

fn created(data: &Value, manager: &str) -> Value {
    let mut object = map(data);
    with_manager(NOW, |it| it.update(None, &mut object, manager));
    object
}

fn updated(old: &Value, data: Value, manager: &str) -> Value {
    let mut object = old.clone();
    object["data"] = data;
    with_manager(LATER, |it| it.update(Some(old), &mut object, manager));
    object
}

fn applied(old: Option<&Value>, data: &Value, manager: &str) -> Result<Value, Failure> {
    with_manager(LATER, |it| it.apply(old, &map(data), manager, false))
}

/// Returns who manages which fields, as `manager operation time fields`.
fn entries(object: &Value) -> Vec<String> {
    let entries = object::meta(object, "managedFields").and_then(Value::as_array);
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or("-").to_owned();
    let line = |entry: &Value| {
        let words = ["manager", "operation", "time"].map(|name| text(entry, name));
        format!("{} {}", words.join(" "), entry["fieldsV1"])
    };
    entries.into_iter().flatten().map(line).collect()
}

#[test]
fn create_is_written_down() {
    let object = created(&json!({ "k": "v" }), "me");

    let expected = r#"me Update 2026-01-01T00:00:00Z {"f:data":{".":{},"f:k":{}}}"#;
    assert_eq!(entries(&object), [expected]);
}

#[test]
fn manager_without_a_name_is_unknown() {
    let object = created(&json!({ "k": "v" }), "");

    assert!(entries(&object)[0].starts_with("unknown Update "));
}

#[test]
fn update_takes_what_it_changes_and_no_more() {
    let old = created(&json!({ "k": "v", "j": "u" }), "me");

    let new = updated(&old, json!({ "k": "w", "j": "u" }), "you");

    let mine = r#"me Update 2026-01-01T00:00:00Z {"f:data":{".":{},"f:j":{}}}"#;
    let yours = r#"you Update 2026-01-01T00:00:01Z {"f:data":{"f:k":{}}}"#;
    assert_eq!(entries(&new), [mine, yours]);
}

#[test]
fn update_that_changes_nothing_is_not_written_down() {
    let old = created(&json!({ "k": "v" }), "me");

    let new = updated(&old, json!({ "k": "v" }), "you");

    assert_eq!(new, old);
}

#[test]
fn apply_creates_and_applies_again_without_a_change() {
    let first = applied(None, &json!({ "k": "v" }), "me").expect("applied");

    let second = applied(Some(&first), &json!({ "k": "v" }), "me").expect("applied");

    assert_eq!(
        entries(&first),
        [r#"me Apply 2026-01-01T00:00:01Z {"f:data":{"f:k":{}}}"#]
    );
    assert_eq!(second, first);
}

#[test]
fn apply_is_refused_what_another_manages() {
    let old = created(&json!({ "k": "v" }), "me");

    let failure = applied(Some(&old), &json!({ "k": "w" }), "you").expect_err("refused");

    assert_eq!(failure.code, 409);
    assert_eq!(
        failure.message,
        r#"Apply failed with 1 conflict: conflict with "me" using v1: .data.k"#
    );
    let causes = &failure.details.expect("causes").causes;
    assert_eq!(causes[0].field, ".data.k");
    assert_eq!(causes[0].reason, "FieldManagerConflict");
}

#[test]
fn field_that_is_left_out_goes() {
    let old = applied(None, &json!({ "k": "v", "j": "u" }), "me").expect("applied");

    let new = applied(Some(&old), &json!({ "k": "v" }), "me").expect("applied");

    assert_eq!(new["data"], json!({ "k": "v" }));
}

#[test]
fn entries_are_reset_and_begun_again_by_the_first_apply() {
    let old = created(&json!({ "k": "v" }), "me");
    let mut reset = old.clone();
    reset["metadata"]["managedFields"] = json!([{}]);
    with_manager(LATER, |it| it.update(Some(&old), &mut reset, "you"));
    assert_eq!(entries(&reset), [""; 0]);

    let new = applied(Some(&reset), &json!({ "j": "u" }), "she").expect("applied");

    let hers = r#"she Apply 2026-01-01T00:00:01Z {"f:data":{"f:j":{}}}"#;
    let before = r#"before-first-apply Update 2026-01-01T00:00:01Z {"f:data":{".":{},"f:k":{}}}"#;
    assert_eq!(entries(&new), [hers, before]);
}

#[test]
fn oldest_of_too_many_managers_share_an_entry() {
    let mut object = created(&json!({ "k": "v" }), "m");
    let mut data = json!({ "k": "v" });

    for number in 0..12 {
        data[format!("k{number}")] = json!("v");
        object = updated(&object, data.clone(), &format!("m{number:02}"));
    }

    let names: Vec<String> = entries(&object)
        .iter()
        .filter_map(|entry| entry.split(' ').next().map(str::to_owned))
        .collect();
    assert_eq!(names.len(), 10, "{names:?}");
    assert!(names.contains(&"ancient-changes".to_owned()), "{names:?}");
    assert!(names.contains(&"m11".to_owned()), "{names:?}");
}

#[test]
fn conflicts_with_what_the_client_applied_last_are_kubectls_own() {
    let mut old = map(&json!({ "k": "v" }));
    let last = map(&json!({ "k": "v" })).to_string();
    let annotation = "kubectl.kubernetes.io/last-applied-configuration";
    old["metadata"]["annotations"] = json!({ annotation: last });
    let bare = old.clone();
    with_manager(NOW, |it| {
        it.update(None, &mut old, "kubectl-client-side-apply");
    });

    let refused = applied(Some(&old), &json!({ "k": "w" }), "other");
    let taken = applied(Some(&old), &json!({ "k": "w" }), "kubectl").expect("applied");

    assert_eq!(refused.expect_err("another manager").code, 409);
    assert_eq!(taken["data"]["k"], "w");
    assert_ne!(
        taken["metadata"]["annotations"][annotation],
        bare["metadata"]["annotations"][annotation]
    );
}
