use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::informer::object::stored::{Stored, Uid};

mod twice;

fn pods() -> TypeMeta {
    TypeMeta {
        api_version: "v1".to_owned(),
        kind: "Pod".to_owned(),
    }
}

fn fields(paths: &[&str]) -> Fields {
    let mut fields = Fields::default();
    for path in paths {
        fields.insert(&path.parse().expect("a path"));
    }
    fields
}

/// What the store gives back of a JSON text.
fn written(text: &str, dropped: &[&str]) -> String {
    let item = Item::read(text.as_bytes(), &fields(dropped)).expect("readable");
    let (mut json, mut key, mut whole) = (Vec::new(), String::new(), Vec::new());
    let metadata_at = item.write(&pods(), &mut json);
    item.write_key(&mut key);
    let stored = Stored::new(&key, &item, (&json, metadata_at), None, &mut whole);
    let text = stored.with_json(<[u8]>::to_vec).expect("whole");
    String::from_utf8(text).expect("text")
}

fn without_managed_fields(value: &Value) -> Value {
    let json = written(&value.to_string(), &["metadata.managedFields"]);
    serde_json::from_str(&json).expect("JSON")
}

fn unreadable(value: &Value) -> Unreadable {
    let text = value.to_string();
    Item::read(text.as_bytes(), &Fields::default()).expect_err("unreadable")
}

#[test]
fn name_and_version_are_read() {
    let text = r#"{"metadata":{"uid":"u","name":"we\u0062","namespace":"a","resourceVersion":"7","x":{"name":"no"}}}"#;

    let item = Item::read(text.as_bytes(), &Fields::default()).expect("readable");

    let mut key = "before".to_owned();
    item.write_key(&mut key);
    assert_eq!(item.key(), ObjectKey::namespaced("a", "web"));
    assert_eq!(key, item.key().as_str());
    assert_eq!((&*item.uid, &*item.version), ("u", "7"));
    assert!(!item.is_deleting);
}

#[test]
fn managed_fields_are_dropped_and_the_rest_is_kept() {
    let mut object = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "web", "namespace": "a", "uid": "u", "resourceVersion": "7",
            "managedFields": [{"manager": "kubectl"}],
            "labels": {"managedFields": "kept"},
        },
        "spec": {"managedFields": ["kept"], "text": "a \"quoted\" \u{1F600} one"},
    });

    let kept = without_managed_fields(&object);

    let metadata = object["metadata"].as_object_mut().expect("an object");
    metadata.remove("managedFields");
    assert_eq!(kept, object);
}

#[test]
fn type_of_a_list_item_is_put_back() {
    assert_eq!(
        written(r#"{"metadata":{"name":"web"}}"#, &[]),
        r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web"}}"#
    );
    assert_eq!(
        written(r#"{ "kind":"X","metadata":{"name":"web"} }"#, &[]),
        r#"{"apiVersion":"v1", "kind":"X","metadata":{"name":"web"} }"#
    );
}

#[test]
fn field_goes_with_its_comma_wherever_it_stands() {
    let whole = |inner: &str| {
        format!(r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"a"}},"spec":{inner}}}"#)
    };
    for (spec, left) in [
        (r#"{"a":1}"#, "{}"),
        (r#"{"a":1,"b":2}"#, r#"{"b":2}"#),
        (r#"{"b":2,"a":1}"#, r#"{"b":2}"#),
        (r#"{"b":2,"a":1,"c":3}"#, r#"{"b":2,"c":3}"#),
        (r#"{"a":1,"b":2,"a":3}"#, r#"{"b":2}"#),
        (
            r#"{"a":1,"a":2,"b":3,"a":4,"a":5,"c":6}"#,
            r#"{"b":3,"c":6}"#,
        ),
        (
            r#"{ "a" : [1, {"a":2}] , "b" : {"a":2} }"#,
            r#"{ "b" : {"a":2} }"#,
        ),
        (r#"{"\u0061":1,"b":2}"#, r#"{"b":2}"#),
        (r#"[{"a":1},[{"b":2,"a":3}],7]"#, r#"[{},[{"b":2}],7]"#),
    ] {
        assert_eq!(written(&whole(spec), &["spec.a"]), whole(left));
    }
}

/// What is kept beside the text of an object, and what is left of that.
fn kept(metadata: &str) -> (String, Vec<String>) {
    let text = format!(r#"{{"apiVersion":"v1","kind":"Pod","metadata":{metadata}}}"#);
    let item = Item::read(text.as_bytes(), &Fields::default()).expect("readable");
    let mut json = Vec::new();
    item.write(&pods(), &mut json);
    let fields = [
        (Beside::NAME, "name"),
        (Beside::NAMESPACE, "namespace"),
        (Beside::UID, "uid"),
        (Beside::VERSION, "version"),
    ];
    let beside = fields.iter().filter(|(field, _)| item.beside.has(*field));
    let beside = beside.map(|(_, name)| (*name).to_owned()).collect();
    let json = String::from_utf8(json).expect("text");
    let rest = json.replace(r#"{"apiVersion":"v1","kind":"Pod","metadata":"#, "");
    (
        rest.strip_suffix('}').expect("an object").to_owned(),
        beside,
    )
}

#[test]
fn what_is_its_own_in_each_object_is_kept_once_and_beside_the_text() {
    let all = ["name", "namespace", "uid", "version"].map(str::to_owned);
    for (metadata, rest) in [
        (
            r#"{"name":"a","namespace":"b","uid":"c","resourceVersion":"7"}"#,
            "{}",
        ),
        (
            r#"{"name":"a","x":1,"namespace":"b","uid":"c","resourceVersion":"7"}"#,
            r#"{"x":1}"#,
        ),
        (
            r#"{ "x":1, "uid":"c", "name":"a", "y":2, "resourceVersion":"7","namespace":"b" }"#,
            r#"{ "x":1, "y":2 }"#,
        ),
    ] {
        assert_eq!(
            kept(metadata),
            (rest.to_owned(), all.to_vec()),
            "{metadata}"
        );
    }
}

#[test]
fn what_is_not_plain_or_comes_twice_stays_in_the_text() {
    for (metadata, beside) in [
        (r#"{"name":"\u0061"}"#, &[][..]),
        (r#"{"name":"a/b","uid":""}"#, &[]),
        (
            r#"{"name":"a","namespace":null,"resourceVersion":"1"}"#,
            &["name", "version"],
        ),
    ] {
        assert_eq!(kept(metadata).1, beside, "{metadata}");
    }
}

#[test]
fn text_that_is_not_unicode_is_read_as_go_reads_it() {
    let text =
        b"{\"metadata\":{\"name\":\"a\xff\",\"namespace\":\"\\ud800\",\"uid\":\"\xe2\x82\"}}";

    let item = Item::read(text, &Fields::default()).expect("readable");

    assert_eq!(item.key().as_str(), "\u{fffd}/a\u{fffd}");
    assert_eq!(item.uid, "\u{fffd}\u{fffd}");
}

#[test]
fn nesting_takes_no_stack_wherever_a_field_is_dropped() {
    let arrays = format!(
        "{}{{\"a\":1,\"b\":2}}{}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let objects = format!("{}1{}", "{\"b\":".repeat(100_000), "}".repeat(100_000));

    for deep in [&arrays, &objects] {
        let text = format!(r#"{{"metadata":{{"name":"x"}},"spec":{deep},"kind":{{"a":{deep}}}}}"#);
        let item = Item::read(
            text.as_bytes(),
            &fields(&["spec.a", "spec.b.a", "kind.a.b"]),
        );
        assert_eq!(item.expect("readable").key().as_str(), "x");

        let text = format!(r#"{{"metadata":{deep}}}"#);
        let item = Item::read(text.as_bytes(), &fields(&["metadata.managedFields"]));
        assert_eq!(item.expect_err("no name").key, None);
    }
    let left = written(
        &format!(r#"{{"metadata":{{"name":"x"}},"spec":{arrays}}}"#),
        &["spec.a"],
    );
    assert!(left.contains("[{\"b\":2}]"), "dropped however deep it is");
}

#[test]
fn uid_is_given_back_as_it_was() {
    for (uid, is_uuid) in [
        ("0b8c33e5-5bd1-4a22-9d4f-3a9b9a2f0c11", true),
        ("0B8C33E5-5bd1-4a22-9d4f-3a9b9a2f0c11", false),
        ("0b8c33e55bd14a229d4f3a9b9a2f0c11", false),
        ("{0b8c33e5-5bd1-4a22-9d4f-3a9b9a2f0c11}", false),
        ("urn:uuid:0b8c33e5-5bd1-4a22-9d4f-3a9b9a2f0c11", false),
        ("an-id-of-16-byte", false),
        ("7", false),
        ("", false),
    ] {
        let text = format!(r#"{{"metadata":{{"name":"a","uid":"{uid}","resourceVersion":"9"}}}}"#);
        let item = Item::read(text.as_bytes(), &Fields::default()).expect("readable");
        let stored = Stored::new("a", &item, (b"{}", 0), None, &mut Vec::new());

        assert_eq!(stored.uid().to_string(), uid);
        assert_eq!(matches!(stored.uid(), Uid::Uuid(_)), is_uuid, "{uid}");
        assert_eq!(stored.resource_version(), "9");
        assert!(
            written(&text, &[]).contains(&format!(r#""uid":"{uid}""#)),
            "{uid}"
        );
    }
}

#[test]
fn deletion_timestamp_says_that_the_object_is_being_deleted() {
    let is_deleting = |value: &str| {
        let text = format!(r#"{{"metadata":{{"name":"a","deletionTimestamp":{value}}}}}"#);
        let item = Item::read(text.as_bytes(), &Fields::default());
        item.expect("readable").is_deleting
    };

    assert!(is_deleting(r#""2026-01-01T00:00:00Z""#));
    assert!(!is_deleting("null"));
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
        assert_eq!(unreadable(&value).key, None, "{value}");
    }
}

#[test]
fn object_with_an_unreadable_version_keeps_its_key() {
    let unreadable = unreadable(&json!({"metadata": {"name": "a", "resourceVersion": 7}}));

    assert_eq!(unreadable.key, Some(ObjectKey::cluster("a")));
    assert!(unreadable.why.contains("`metadata.resourceVersion`"));
}

/// Removes a path from a decoded document.
fn remove(value: &mut Value, names: &[&str]) {
    match value {
        Value::Object(members) => match names {
            [name] => drop(members.remove(*name)),
            [name, rest @ ..] => {
                if let Some(inner) = members.get_mut(*name) {
                    remove(inner, rest);
                }
            }
            [] => {}
        },
        Value::Array(elements) => elements.iter_mut().for_each(|inner| remove(inner, names)),
        _ => {}
    }
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(json!(1)), Just(json!("a,\"}")), Just(Value::Null)];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec(("[abc]", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn kept_text_is_the_document_without_the_dropped_fields(
        inner in document(),
        paths in proptest::collection::vec(proptest::collection::vec("[abc]", 1..4), 0..4),
        pretty in any::<bool>(),
    ) {
        let metadata = json!({"a": inner.clone(), "name": "x", "b": 1, "uid": "u", "resourceVersion": "7"});
        let mut value = json!({"a": inner.clone(), "kind": "Pod", "metadata": metadata, "b": inner});
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        let joined = paths.iter().map(|path| path.join("."));
        let joined: Vec<String> = joined.flat_map(|path| [format!("metadata.{path}"), path]).collect();
        let joined: Vec<&str> = joined.iter().map(String::as_str).collect();

        let left = written(&text.expect("JSON"), &joined);

        for path in &joined {
            remove(&mut value, &path.split('.').collect::<Vec<_>>());
        }
        value["apiVersion"] = json!("v1");
        prop_assert_eq!(serde_json::from_str::<Value>(&left).expect("still JSON"), value);
    }
}
