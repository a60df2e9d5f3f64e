use serde_json::json;

use super::*;

#[test]
fn an_object_without_metadata_has_empty_names_and_no_owners() {
    for object in [
        json!({}),
        json!(null),
        json!({"metadata": []}),
        json!({"metadata": {"name": 1}}),
    ] {
        assert_eq!(name(&object), "");
        assert_eq!(generation(&object), 0);
        assert!(!is_terminating(&object));
        assert_eq!(finalizers(&object).count(), 0);
        assert_eq!(owner_references(&object).count(), 0);
    }
}

#[test]
fn setting_a_field_to_nothing_removes_it() {
    let mut object = json!({"metadata": {"labels": {"a": "b"}, "finalizers": ["x"], "uid": "1"}});

    set_meta(&mut object, "labels", json!({}));
    set_meta(&mut object, "finalizers", json!([]));
    copy_meta(&mut object, "uid", &json!({}));

    assert_eq!(object, json!({"metadata": {}}));
}

#[test]
fn dotted_paths_are_read_and_made() {
    let mut object = json!({"spec": {"replicas": 1}});

    set_at(&mut object, "status.a.b", json!(2));

    assert_eq!(at(&object, "spec.replicas"), Some(&json!(1)));
    assert_eq!(at(&object, "status.a.b"), Some(&json!(2)));
    assert_eq!(at(&object, "spec.replicas.x"), None);
}

#[test]
fn times_become_whole_seconds_of_utc() {
    let cases = [
        ("2026-01-01T00:00:00Z", Some("2026-01-01T00:00:00Z")),
        ("2026-01-01T01:00:00.5+01:00", Some("2026-01-01T00:00:00Z")),
        ("2026-01-01", None),
        ("2026-01-01 00:00:00Z", None),
        ("x", None),
    ];
    for (time, expected) in cases {
        assert_eq!(canonical(time).as_deref(), expected, "{time}");
    }
}

#[test]
fn times_move_and_compare() {
    assert_eq!(shifted("2026-01-01T00:00:50Z", 30), "2026-01-01T00:01:20Z");
    assert_eq!(shifted("2026-01-01T00:00:50Z", -60), "2025-12-31T23:59:50Z");
    assert_eq!(
        shifted("2026-01-01T00:00:50Z", i64::MAX),
        "2026-01-01T00:00:50Z"
    );
    assert!(is_after("2026-01-01T00:00:01Z", "2026-01-01T00:00:00Z"));
    assert!(!is_after("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"));
}
