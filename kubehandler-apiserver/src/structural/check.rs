//! What is wrong with the schema of a definition, in the words of the real server.
//!
//! A schema is structural if it says the type of every field outside of `allOf` and the like, so that
//! it can be pruned. The schema is looked at as JSON: [`Structural`] has no place for what is wrong.
//! The expressions of `x-kubernetes-validations` are not read here.
//!
//! Source: `pkg/apiserver/schema/{validation,complete}.go` and
//! `pkg/apis/apiextensions/validation/validation.go` of `k8s.io/apiextensions-apiserver`.

mod defaults;
mod invariants;
mod lists;
mod nested;
mod openapi;

use serde_json::{Map, Value};

use self::{defaults::wrong_defaults, openapi::Context};
use super::{
    Structural,
    parse::{flag, items, text},
};
use crate::failure::Cause;

/// What the root of a schema must not have where the status has an endpoint of its own, which sees
/// nothing but `properties.status`.
const NOT_WITH_STATUS: [&str; 14] = [
    "nullable",
    "default",
    "maxProperties",
    "minProperties",
    "enum",
    "allOf",
    "oneOf",
    "anyOf",
    "not",
    "additionalProperties",
    "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
];
const WITH_STATUS: &str = "only [Description Type Format Title Maximum ExclusiveMaximum Minimum \
                           ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems \
                           MultipleOf Required Items Properties ExternalDocs Example \
                           XPreserveUnknownFields XValidations] fields are allowed at the root of the \
                           schema if the status subresource is enabled";

/// Returns what is wrong with an `openAPIV3Schema` at the path `field`.
pub(crate) fn wrong_schema(schema: &Value, field: &str, has_status: bool) -> Vec<Cause> {
    let mut causes = Vec::new();
    if has_status {
        causes.extend(wrong_with_status(schema, field));
    }
    if flag(schema, "nullable") {
        let detail = "nullable cannot be true at the root";
        causes.push(Cause::forbidden(format!("{field}.nullable"), detail));
    }
    if openapi::is_readable(schema) {
        let wrong = not_structural(schema, field);
        if wrong.is_empty() {
            causes.extend(wrong_defaults(&Structural::parse(schema), field));
        }
        causes.extend(wrong);
    }
    causes.extend(Context::root().wrong(schema, field));
    causes
}

fn wrong_with_status(schema: &Value, field: &str) -> Option<Cause> {
    let ty = text(schema, "type");
    if !ty.is_empty() && ty != "object" {
        let detail = "only \"object\" is allowed as the type at the root of the schema if the status \
                      subresource is enabled";
        return Some(Cause::invalid(format!("{field}.type"), ty, detail));
    }
    let is_set = |name: &&str| {
        schema
            .get(*name)
            .is_some_and(|value| *value != Value::Bool(false))
    };
    let is_wrong = NOT_WITH_STATUS.iter().any(is_set);
    is_wrong.then(|| Cause::invalid(field, schema.clone(), WITH_STATUS))
}

fn not_structural(schema: &Value, field: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    invariants::check(schema, invariants::SchemaLevel::Root, field, &mut causes);
    nested::check_complete(schema, schema, field, field, &mut causes);
    causes.sort_by_key(Cause::sentence);
    causes
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    fields(schema, "properties").into_iter().flatten()
}

fn fields<'a>(schema: &'a Value, name: &str) -> Option<&'a Map<String, Value>> {
    schema.get(name)?.as_object()
}

/// Returns the schema below a field.
fn child<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    schema.get(name).filter(|child| child.is_object())
}
