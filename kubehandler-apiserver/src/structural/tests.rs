//! What schemas make of objects, and what is wrong with either.

use serde_json::{Value, json};

use super::*;
use crate::failure::Cause;

fn schema(properties: &Value) -> Structural {
    Structural::parse(&json!({ "type": "object", "properties": properties }))
}

fn sentences(causes: &[Cause]) -> Vec<String> {
    causes.iter().map(Cause::sentence).collect()
}

fn wrong(properties: &Value, object: &Value) -> Vec<String> {
    sentences(&schema(properties).wrong_value("", object, None))
}

#[test]
fn unknown_fields_are_pruned_but_where_they_are_preserved() {
    let schema = schema(&json!({
        "spec": { "type": "object", "properties": { "a": { "type": "integer" } } },
        "free": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
        "labels": { "type": "object", "additionalProperties": { "type": "string" } },
        "inner": { "type": "object", "x-kubernetes-embedded-resource": true,
                   "properties": { "spec": { "type": "object" } } },
    }));
    let mut object = json!({
        "apiVersion": "v1", "kind": "A", "metadata": { "name": "a" }, "other": 1,
        "spec": { "a": 1, "b": 2 }, "free": { "c": { "d": 1 } }, "labels": { "x": "y" },
        "inner": { "apiVersion": "v1", "kind": "B", "metadata": {}, "spec": { "e": 1 }, "f": 1 },
    });

    schema.prune(&mut object);

    let expected = json!({
        "apiVersion": "v1", "kind": "A", "metadata": { "name": "a" },
        "spec": { "a": 1 }, "free": { "c": { "d": 1 } }, "labels": { "x": "y" },
        "inner": { "apiVersion": "v1", "kind": "B", "metadata": {}, "spec": {} },
    });
    assert_eq!(object, expected);
}

#[test]
fn defaults_take_the_place_of_what_is_missing_and_of_nulls() {
    let schema = schema(
        &json!({ "spec": { "type": "object", "default": {}, "properties": {
        "a": { "type": "integer", "default": 1 },
        "b": { "type": "integer", "default": 2 },
        "c": { "type": "integer", "default": 3, "nullable": true },
        "d": { "type": "integer" },
    } } }),
    );
    let fill = |mut object: Value| {
        schema.drop_nulls(&mut object);
        schema.fill_defaults(&mut object);
        object
    };

    assert_eq!(
        fill(json!({})),
        json!({ "spec": { "a": 1, "b": 2, "c": 3 } })
    );
    let nulls = json!({ "spec": { "a": 5, "b": null, "c": null, "d": null } });
    assert_eq!(
        fill(nulls),
        json!({ "spec": { "a": 5, "b": 2, "c": null } })
    );
}

#[test]
fn wrong_values_are_named_in_the_words_of_the_real_server() {
    let properties = json!({ "spec": { "type": "object", "required": ["must"], "properties": {
        "must": { "type": "string" },
        "count": { "type": "integer", "maximum": 3 },
        "name": { "type": "string", "maxLength": 2, "pattern": "^a" },
        "kind": { "type": "string", "enum": ["a", "b"] },
        "list": { "type": "array", "maxItems": 1, "items": { "type": "string" } },
        "date": { "type": "string", "format": "date" },
    } } });
    let said = |spec: Value| wrong(&properties, &json!({ "spec": spec }));

    assert_eq!(said(json!({})), ["spec.must: Required value"]);
    assert_eq!(
        said(json!({ "must": "", "count": "x" })),
        [
            "spec.count: Invalid value: \"string\": spec.count in body must be of type integer: \"string\""
        ]
    );
    assert_eq!(
        said(json!({ "must": "", "count": 4 })),
        ["spec.count: Invalid value: 4: spec.count in body should be less than or equal to 3"]
    );
    assert_eq!(
        said(json!({ "must": "", "name": "abc" })),
        ["spec.name: Too long: may not be more than 2 bytes"]
    );
    assert_eq!(
        said(json!({ "must": "", "name": "b" })),
        ["spec.name: Invalid value: \"b\": spec.name in body should match '^a'"]
    );
    assert_eq!(
        said(json!({ "must": "", "kind": "c" })),
        ["spec.kind: Unsupported value: \"c\": supported values: \"a\", \"b\""]
    );
    assert_eq!(
        said(json!({ "must": "", "list": ["a", "b"] })),
        ["spec.list: Too many: 2: must have at most 1 item"]
    );
    assert_eq!(
        said(json!({ "must": "", "date": "x" })),
        ["spec.date: Invalid value: \"x\": spec.date in body must be of type date: \"x\""]
    );
}

#[test]
fn unchanged_parts_may_be_wrong() {
    let schema = schema(&json!({ "spec": { "type": "object", "properties": {
        "a": { "type": "integer" }, "b": { "type": "integer" },
    } } }));
    let before = json!({ "spec": { "a": "x", "b": 1 } });
    let after = json!({ "spec": { "a": "x", "b": "y" } });
    let old = Old {
        value: &before,
        schema: &schema,
    };

    let causes = schema.wrong_value("", &after, Some(old));

    assert_eq!(
        sentences(&causes),
        ["spec.b: Invalid value: \"string\": spec.b in body must be of type integer: \"string\""]
    );
}

#[test]
fn keys_of_map_lists_are_there_once() {
    let schema = schema(&json!({
        "ports": { "type": "array", "x-kubernetes-list-type": "map",
                   "x-kubernetes-list-map-keys": ["name"], "items": { "type": "object" } },
        "set": { "type": "array", "x-kubernetes-list-type": "set", "items": { "type": "string" } },
    }));
    let object = json!({
        "ports": [{ "name": "a" }, { "name": "a", "port": 1 }, { "name": "a" }], "set": ["x", "x"],
    });

    assert_eq!(
        sentences(&schema.wrong_lists(&object)),
        [
            "ports[1]: Duplicate value: {\"name\":\"a\"}",
            "set[1]: Duplicate value: \"x\""
        ]
    );
}

#[test]
fn schema_that_is_not_structural_is_refused() {
    let said = |schema: Value| sentences(&wrong_schema(&schema, "s", false));

    assert_eq!(
        said(json!({ "type": "object", "properties": { "spec": {} } })),
        ["s.properties[spec].type: Required value: must not be empty for specified object fields"]
    );
    assert_eq!(
        said(json!({})),
        ["s.type: Required value: must not be empty at the root"]
    );
    assert_eq!(
        said(
            json!({ "type": "object", "allOf": [{ "properties": { "b": { "type": "string" } } }] })
        ),
        [
            "s.allOf[0].properties[b].type: Forbidden: must be empty to be structural",
            "s.properties[b]: Required value: because it is defined in s.allOf[0].properties[b]",
        ]
    );
    assert_eq!(
        said(
            json!({ "type": "object", "properties": { "a": { "type": "integer", "default": "x" } } })
        ),
        [
            "s.properties[a].default: Invalid value: \"string\":  in body must be of type integer: \
             \"string\"",
        ]
    );
}

#[test]
fn number_or_text_is_structural() {
    let schema = json!({ "type": "object", "properties": { "port": {
        "x-kubernetes-int-or-string": true, "anyOf": [{ "type": "integer" }, { "type": "string" }],
    } } });

    assert_eq!(wrong_schema(&schema, "s", false), []);
    let schema = Structural::parse(&schema);
    assert_eq!(schema.wrong_value("", &json!({ "port": "http" }), None), []);
    assert_eq!(
        sentences(&schema.wrong_value("", &json!({ "port": true }), None)).len(),
        3
    );
}
