//! What must hold for a schema outside of `allOf` and the like.

use regex::Regex;
use serde_json::{Value, json};

use super::{child, fields, flag, items, nested, properties, text};
use crate::failure::Cause;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SchemaLevel {
    Root,
    Item,
    Field,
}

impl SchemaLevel {
    fn no_type(self) -> &'static str {
        match self {
            Self::Root => "must not be empty at the root",
            Self::Item => "must not be empty for specified array items",
            Self::Field => "must not be empty for specified object fields",
        }
    }
}

pub(super) fn check(schema: &Value, level: SchemaLevel, path: &str, causes: &mut Vec<Cause>) {
    let items_path = format!("{path}.items");
    match child(schema, "items") {
        Some(items) => check(items, SchemaLevel::Item, &items_path, causes),
        None if text(schema, "type") == "array" => {
            causes.push(Cause::required(items_path, "must be specified"));
        }
        None => {}
    }
    for (name, property) in properties(schema) {
        let path = format!("{path}.properties[{name}]");
        check(property, SchemaLevel::Field, &path, causes);
    }
    check_additional(schema, level, path, causes);
    check_extensions(schema, path, causes);
    check_values(schema, path, causes);
    check_type(schema, level, path, causes);
    check_meta(schema, level, path, causes);
    let is_empty = fields(schema, "properties").is_none_or(serde_json::Map::is_empty);
    let keeps_unknown = flag(schema, "x-kubernetes-preserve-unknown-fields");
    if is_embedded(schema) && !keeps_unknown && is_empty {
        let detail = "must not be empty if x-kubernetes-embedded-resource is true without \
                      x-kubernetes-preserve-unknown-fields";
        causes.push(Cause::required(format!("{path}.properties"), detail));
    }
}

fn is_embedded(schema: &Value) -> bool {
    flag(schema, "x-kubernetes-embedded-resource")
}

fn check_additional(schema: &Value, level: SchemaLevel, path: &str, causes: &mut Vec<Cause>) {
    if schema
        .get("additionalProperties")
        .is_none_or(Value::is_null)
    {
        return;
    }
    let path = format!("{path}.additionalProperties");
    if level == SchemaLevel::Root {
        causes.push(Cause::forbidden(&path, "must not be used at the root"));
    }
    if is_embedded(schema) {
        let detail = "must not be used if x-kubernetes-embedded-resource is set";
        causes.push(Cause::forbidden(&path, detail));
    }
    if let Some(additional) = child(schema, "additionalProperties") {
        check(additional, SchemaLevel::Field, &path, causes);
    }
}

fn check_extensions(schema: &Value, path: &str, causes: &mut Vec<Cause>) {
    if !flag(schema, "x-kubernetes-int-or-string") {
        return;
    }
    for name in [
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-embedded-resource",
    ] {
        if flag(schema, name) {
            let detail = "must be false if x-kubernetes-int-or-string is true";
            causes.push(Cause::invalid(format!("{path}.{name}"), true, detail));
        }
    }
}

/// Below `anyOf`, and the first `allOf`, an integer or a text may be named by their types.
fn check_values(schema: &Value, path: &str, causes: &mut Vec<Cause>) {
    let is_mixed = |schema: &Value| {
        schema.get("anyOf") == Some(&json!([{ "type": "integer" }, { "type": "string" }]))
    };
    let skips_first = items(schema, "allOf").next().is_some_and(is_mixed);
    nested::check_values(schema, is_mixed(schema), skips_first, path, causes);
}

pub(super) fn check_pattern(schema: &Value, path: &str, causes: &mut Vec<Cause>) {
    let pattern = text(schema, "pattern");
    if let Err(why) = Regex::new(pattern) {
        let why = why.to_string();
        let why = why.lines().last().unwrap_or_default();
        let detail = format!("must be a valid regular expression, but isn't: {why}");
        causes.push(Cause::invalid(format!("{path}.pattern"), pattern, &detail));
    }
}

fn check_type(schema: &Value, level: SchemaLevel, path: &str, causes: &mut Vec<Cause>) {
    let (ty, field) = (text(schema, "type"), format!("{path}.type"));
    let needs_none = [
        "x-kubernetes-int-or-string",
        "x-kubernetes-preserve-unknown-fields",
    ]
    .into_iter()
    .any(|name| flag(schema, name));
    let embedded = "must be object if x-kubernetes-embedded-resource is true";
    match ty {
        "" if is_embedded(schema) => causes.push(Cause::required(&field, embedded)),
        "object" => {}
        ty if is_embedded(schema) => causes.push(Cause::invalid(&field, ty, embedded)),
        "" if !needs_none => causes.push(Cause::required(&field, level.no_type())),
        _ => {}
    }
    if level == SchemaLevel::Root && !["", "object"].contains(&ty) {
        causes.push(Cause::invalid(&field, ty, "must be object at the root"));
    }
}

fn check_meta(schema: &Value, level: SchemaLevel, path: &str, causes: &mut Vec<Cause>) {
    let is_resource = level == SchemaLevel::Root || is_embedded(schema);
    let Some(properties) = fields(schema, "properties") else {
        return;
    };
    let wanted = [
        ("kind", "string"),
        ("apiVersion", "string"),
        ("metadata", "object"),
    ];
    for (name, wanted) in wanted.into_iter().filter(|_| is_resource) {
        if let Some(property) = properties.get(name)
            && text(property, "type") != wanted
        {
            let field = format!("{path}.properties[{name}].type");
            let detail = format!("must be {wanted}");
            causes.push(Cause::invalid(field, text(property, "type"), &detail));
        }
    }
    let metadata = properties
        .get("metadata")
        .filter(|_| level == SchemaLevel::Root);
    if metadata.is_some_and(|metadata| !restricts_names_alone(metadata)) {
        let detail = "must not specify anything other than name and generateName, but metadata is \
                      implicitly specified";
        causes.push(Cause::forbidden(
            format!("{path}.properties[metadata]"),
            detail,
        ));
    }
}

fn restricts_names_alone(metadata: &Value) -> bool {
    let mut fields = metadata.as_object().into_iter().flatten();
    fields.all(|(name, value)| match name.as_str() {
        "type" | "default" => true,
        "properties" => value.as_object().is_some_and(|properties| {
            let mut names = properties.keys();
            names.all(|name| ["name", "generateName"].contains(&name.as_str()))
        }),
        _ => value.is_null(),
    })
}
