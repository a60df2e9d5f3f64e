//! Objects in which members come twice, or are null.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::written;
use crate::informer::wire::{fields::Fields, item::Item};

/// Each was given to client-go 0.37, into a typed object.
#[test]
fn members_that_come_twice_are_one_as_go_reads_them() {
    for (metadata, expected) in [
        (
            r#"{"name":"a","uid":"1","name":"b"}"#,
            json!({"name": "b", "uid": "1"}),
        ),
        (r#"{"name":"a","name":null}"#, json!({"name": "a"})),
        (
            r#"{"name":"a","labels":{"x":"1","z":"1"},"uid":"u"},"metadata":{"resourceVersion":"5","labels":{"y":"2","z":"2"}}"#,
            json!({"name": "a", "uid": "u", "resourceVersion": "5", "labels": {"x": "1", "y": "2", "z": "2"}}),
        ),
        (
            r#"{"labels":{"x":"1"},"name":"a","labels":{"y":"2"},"annotations":{"x":"1"},"annotations":{"y":"2"}}"#,
            json!({"name": "a", "labels": {"x": "1", "y": "2"}, "annotations": {"x": "1", "y": "2"}}),
        ),
        (r#"{"name":"a"},"metadata":null"#, json!({"name": "a"})),
        (r#"null,"metadata":{"name":"a"}"#, json!({"name": "a"})),
        (
            r#"{"name":"a","labels":{"a":"b"}},"metadata":{"labels":null}"#,
            json!({"name": "a", "labels": null}),
        ),
        (
            r#"{"n\u0061me":"\u0061","uid":"u"},"metadata":{"uid":"v"}"#,
            json!({"name": "a", "uid": "v"}),
        ),
        (
            r#"{"name":"a","managedFields":[1]},"metadata":{"managedFields":[2]}"#,
            json!({"name": "a"}),
        ),
    ] {
        let text = format!(r#"{{"metadata":{metadata},"spec":{{"metadata":1,"metadata":2}}}}"#);

        let left = written(&text, &["metadata.managedFields"]);

        let value: Value = serde_json::from_str(&left).expect("JSON");
        assert_eq!(value["metadata"], expected, "{metadata}");
        assert_eq!(value["spec"]["metadata"], json!(2));
        assert_eq!(
            left.matches("\"metadata\"").count(),
            2 - usize::from(!left.contains("spec"))
        );
    }
}

#[test]
fn empty_type_is_as_good_as_none() {
    for types in [
        r#""kind":null,"apiVersion":null,"#,
        r#""kind":"","apiVersion":"","kind":null,"#,
        r#""apiVersion":"v1","apiVersion":null,"#,
        r#""kind":"Node","kind":"Pod","#,
    ] {
        let left = written(&format!(r#"{{{types}"metadata":{{"name":"a"}}}}"#), &[]);

        let value: Value = serde_json::from_str(&left).expect("JSON");
        assert_eq!(
            (&value["kind"], &value["apiVersion"]),
            (&json!("Pod"), &json!("v1")),
            "{left}"
        );
        assert_eq!(left.matches("kind").count(), 1, "{left}");
    }
}

/// The members of `metadata`, in the order in which they come, and how their names are written.
fn members() -> impl Strategy<Value = Vec<(&'static str, Value, bool)>> {
    let name = prop_oneof![
        4 => Just("name"),
        2 => Just("namespace"),
        2 => Just("uid"),
        2 => Just("resourceVersion"),
        2 => Just("labels"),
        1 => Just("annotations"),
        1 => Just("managedFields"),
        1 => Just("deletionTimestamp"),
    ];
    let text =
        prop_oneof![1 => Just(json!(null)), 3 => "[a-c\u{e9}\"\\\\\n]{1,3}".prop_map(Value::from)];
    let member = (name, text, any::<bool>()).prop_map(|(name, text, is_escaped)| {
        let value = match (name, text) {
            ("labels" | "annotations", Value::String(text)) => json!({ text: "x" }),
            (_, text) => text,
        };
        (name, value, is_escaped)
    });
    proptest::collection::vec(member, 0..8)
}

/// What Go's decoder makes of the members of one `metadata`, or of more.
fn expected(members: &[(&str, Value, bool)]) -> Value {
    let mut metadata = json!({});
    for (name, value, _) in members {
        let known = &mut metadata[*name];
        match (&mut *known, value) {
            (_, Value::Null)
                if matches!(*name, "name" | "namespace" | "uid" | "resourceVersion") => {}
            (Value::Object(known), Value::Object(more)) => known.extend(more.clone()),
            _ => *known = value.clone(),
        }
    }
    metadata
}

fn escaped(name: &str) -> String {
    name.chars().fold(String::new(), |mut text, it| {
        let _ = write!(text, "\\u{:04x}", u32::from(it));
        text
    })
}

proptest! {
    #[test]
    fn object_is_read_as_go_reads_it(
        members in members(),
        breaks in proptest::collection::vec(any::<bool>(), 8),
        space in prop_oneof![Just(""), Just(" "), Just("\r\n\t")],
    ) {
        let mut text = format!("{{{space}\"metadata\":{{");
        let mut separator = "";
        for ((name, value, is_escaped), breaks) in members.iter().zip(breaks) {
            if breaks {
                let _ = write!(text, "}}{space},{space}\"metadata\"{space}:{{");
                separator = "";
            }
            let name = if *is_escaped { escaped(name) } else { (*name).to_owned() };
            let _ = write!(text, "{separator}{space}\"{name}\"{space}:{space}{value}{space}");
            separator = ",";
        }
        text.push_str("},\"kind\":\"Pod\",\"apiVersion\":\"v1\"}");

        let expected = expected(&members);
        let of = |name: &str| expected[name].as_str().unwrap_or_default();
        let item = Item::read(text.as_bytes(), &Fields::default());
        if of("name").is_empty() {
            prop_assert!(item.is_err(), "{}", text);
            return Ok(());
        }
        let item = item.expect("readable");
        prop_assert_eq!(&*item.name, of("name"));
        prop_assert_eq!(&*item.namespace, of("namespace"));
        prop_assert_eq!(&*item.uid, of("uid"));
        prop_assert_eq!(&*item.version, of("resourceVersion"));
        prop_assert_eq!(item.is_deleting, expected["deletionTimestamp"].is_string());

        // And what is stored says the same.
        let stored: Value = serde_json::from_str(&written(&text, &[])).expect("JSON");
        for (name, value) in expected.as_object().expect("an object") {
            prop_assert_eq!(&stored["metadata"][name], value, "{}", name);
        }
        let dropped = written(&text, &["metadata.managedFields"]);
        prop_assert!(!dropped.contains("managedFields"));
    }
}
