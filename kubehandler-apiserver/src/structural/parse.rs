//! Reads a schema from the JSON of a definition.
//!
//! Source: `k8s.io/apiextensions-apiserver/pkg/apiserver/schema/convert.go`. What is not understood
//! is left out: a definition is checked before its schema is read.

use regex::Regex;
use serde_json::Value;

use super::{
    Additional, Extensions, Pattern, Structural, Validation, ValidationRule, ValueType,
    formats::supported,
};
use crate::numbers;

impl Structural {
    /// Reads an `openAPIV3Schema`.
    pub(crate) fn parse(schema: &Value) -> Self {
        let properties = schema["properties"].as_object().into_iter().flatten();
        let extensions = extensions(schema);
        let value_type = ValueType::parse(text(schema, "type"));
        Self {
            value_type,
            nullable: flag(schema, "nullable"),
            default: schema
                .get("default")
                .filter(|value| !value.is_null())
                .cloned()
                .map(|mut value| {
                    numbers::write_integers(&mut value);
                    value
                }),
            properties: properties
                .map(|(name, property)| (name.as_str().into(), Self::parse(property)))
                .collect(),
            items: child(schema, "items"),
            additional: match schema.get("additionalProperties") {
                Some(Value::Bool(allows)) => Some(Additional::Any(*allows)),
                Some(Value::Object(_)) => {
                    child(schema, "additionalProperties").map(Additional::Schema)
                }
                _ => None,
            },
            validation: validation(schema, value_type, extensions.int_or_string),
            extensions,
            rules: items(schema, "x-kubernetes-validations")
                .map(rule)
                .collect(),
        }
    }
}

fn extensions(schema: &Value) -> Extensions {
    Extensions {
        preserve_unknown_fields: flag(schema, "x-kubernetes-preserve-unknown-fields"),
        embedded_resource: flag(schema, "x-kubernetes-embedded-resource"),
        int_or_string: flag(schema, "x-kubernetes-int-or-string"),
        list_type: some_text(schema, "x-kubernetes-list-type"),
        list_map_keys: texts(schema, "x-kubernetes-list-map-keys"),
        map_type: some_text(schema, "x-kubernetes-map-type"),
    }
}

fn validation(schema: &Value, value_type: Option<ValueType>, is_mixed: bool) -> Validation {
    let format = text(schema, "format");
    let of = value_type.filter(|_| !is_mixed);
    let pattern = text(schema, "pattern");
    Validation {
        format: if supported(format, of) {
            format.into()
        } else {
            "".into()
        },
        maximum: number(schema, "maximum"),
        exclusive_maximum: flag(schema, "exclusiveMaximum"),
        minimum: number(schema, "minimum"),
        exclusive_minimum: flag(schema, "exclusiveMinimum"),
        multiple_of: number(schema, "multipleOf"),
        max_length: integer(schema, "maxLength"),
        min_length: integer(schema, "minLength"),
        pattern: (!pattern.is_empty()).then(|| Pattern {
            text: pattern.into(),
            regex: Regex::new(pattern).ok(),
        }),
        max_items: integer(schema, "maxItems"),
        min_items: integer(schema, "minItems"),
        unique_items: flag(schema, "uniqueItems"),
        max_properties: integer(schema, "maxProperties"),
        min_properties: integer(schema, "minProperties"),
        required: texts(schema, "required"),
        allowed: items(schema, "enum").cloned().collect(),
        all_of: items(schema, "allOf").map(Structural::parse).collect(),
        any_of: items(schema, "anyOf").map(Structural::parse).collect(),
        one_of: items(schema, "oneOf").map(Structural::parse).collect(),
        not: child(schema, "not"),
    }
}

fn rule(rule: &Value) -> ValidationRule {
    ValidationRule {
        expression: text(rule, "rule").into(),
        message: text(rule, "message").into(),
        message_expression: text(rule, "messageExpression").into(),
        reason: some_text(rule, "reason"),
        field_path: text(rule, "fieldPath").into(),
        optional_old_self: rule["optionalOldSelf"].as_bool(),
    }
}

fn child(schema: &Value, name: &str) -> Option<Box<Structural>> {
    let child = schema.get(name).filter(|child| child.is_object())?;
    Some(Box::new(Structural::parse(child)))
}

pub(super) fn flag(schema: &Value, name: &str) -> bool {
    schema[name].as_bool().unwrap_or_default()
}

fn number(schema: &Value, name: &str) -> Option<f64> {
    schema[name].as_f64()
}

fn integer(schema: &Value, name: &str) -> Option<i64> {
    schema[name].as_i64()
}

pub(super) fn text<'a>(schema: &'a Value, name: &str) -> &'a str {
    schema[name].as_str().unwrap_or_default()
}

fn some_text(schema: &Value, name: &str) -> Option<Box<str>> {
    schema[name].as_str().map(Into::into)
}

pub(super) fn items<'a>(schema: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    schema[name].as_array().into_iter().flatten()
}

fn texts(schema: &Value, name: &str) -> Vec<Box<str>> {
    items(schema, name)
        .filter_map(Value::as_str)
        .map(Into::into)
        .collect()
}
