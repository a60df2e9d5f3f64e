//! What definitions allow of `OpenAPI`, whether a schema is structural or not.

use serde_json::Value;

use super::{child, fields, flag, items, lists, properties, text};
use crate::failure::Cause;

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
const UNSUPPORTED: [&str; 6] = [
    "id",
    "additionalItems",
    "patternProperties",
    "definitions",
    "dependencies",
    "$ref",
];
const REASONS: [&str; 4] = [
    "FieldValueDuplicate",
    "FieldValueForbidden",
    "FieldValueInvalid",
    "FieldValueRequired",
];
const KEEPS_UNKNOWN: &str = "x-kubernetes-preserve-unknown-fields";

/// Where in a schema something stands.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    is_root: bool,
    in_meta: bool,
    /// Why there must be no defaults.
    no_defaults: Option<&'a str>,
}

impl Context<'_> {
    pub(super) fn root() -> Self {
        Self {
            is_root: true,
            in_meta: false,
            no_defaults: None,
        }
    }

    fn below(self) -> Self {
        Self {
            is_root: false,
            ..self
        }
    }

    pub(super) fn wrong(self, schema: &Value, path: &str) -> Vec<Cause> {
        let mut causes = self.wrong_here(schema, path);
        if flag(schema, "uniqueItems") {
            let detail =
                "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
            causes.push(Cause::forbidden(format!("{path}.uniqueItems"), detail));
        }
        causes.extend(self.wrong_additional(schema, path));
        causes.extend(self.wrong_properties(schema, path));
        causes.extend(self.wrong_parts(schema, path));
        if schema.get(KEEPS_UNKNOWN) == Some(&Value::Bool(false)) {
            let field = format!("{path}.{KEEPS_UNKNOWN}");
            causes.push(Cause::invalid(field, false, "must be true or undefined"));
        }
        lists::check(schema, path, &mut causes);
        causes.extend(wrong_rules(schema, path));
        causes
    }

    fn wrong_here(self, schema: &Value, path: &str) -> Vec<Cause> {
        let mut causes = Vec::new();
        let ty = text(schema, "type");
        if !ty.is_empty() && !TYPES.contains(&ty) {
            causes.push(Cause::not_supported(format!("{path}.type"), ty, &TYPES));
        }
        let has_default = schema
            .get("default")
            .is_some_and(|default| !default.is_null());
        if let Some(why) = self.no_defaults.filter(|_| has_default) {
            let detail = format!("must not be set {why}");
            causes.push(Cause::forbidden(format!("{path}.default"), &detail));
        }
        for name in UNSUPPORTED.into_iter().filter(|name| has(schema, name)) {
            let detail = format!("{name} is not supported");
            causes.push(Cause::forbidden(format!("{path}.{name}"), &detail));
        }
        if ty == "null" {
            let detail = "type cannot be set to null, use nullable as an alternative";
            causes.push(Cause::forbidden(format!("{path}.type"), detail));
        }
        if schema["items"].is_array() {
            let detail = "items must be a schema object and not an array";
            causes.push(Cause::forbidden(format!("{path}.items"), detail));
        }
        if self.in_meta && flag(schema, "x-kubernetes-embedded-resource") {
            let field = format!("{path}.x-kubernetes-embedded-resource");
            causes.push(Cause::forbidden(
                field,
                "must not be used inside of resource meta",
            ));
        }
        causes
    }

    fn wrong_additional(self, schema: &Value, path: &str) -> Vec<Cause> {
        let mut causes = Vec::new();
        let path = format!("{path}.additionalProperties");
        let additional = schema
            .get("additionalProperties")
            .filter(|value| !value.is_null());
        let has_properties = properties(schema).next().is_some();
        if additional.is_some_and(|value| *value != Value::Bool(true)) && has_properties {
            let detail = "additionalProperties and properties are mutual exclusive";
            causes.push(Cause::forbidden(&path, detail));
        }
        if let Some(additional) = additional.filter(|value| value.is_object()) {
            let mut context = self.below();
            if self.in_meta {
                context.no_defaults =
                    Some("inside additionalProperties applying to object metadata");
            }
            causes.extend(context.wrong(additional, &path));
        }
        causes
    }

    fn wrong_properties(self, schema: &Value, path: &str) -> Vec<Cause> {
        let mut causes = Vec::new();
        let is_resource = self.is_root || flag(schema, "x-kubernetes-embedded-resource");
        for (name, property) in properties(schema) {
            let is_meta =
                is_resource && ["metadata", "kind", "apiVersion"].contains(&name.as_str());
            let why = format!("in top-level {name}");
            let context = Context {
                is_root: false,
                in_meta: self.in_meta || is_meta,
                no_defaults: if is_meta && self.is_root {
                    Some(&why)
                } else {
                    self.no_defaults
                },
            };
            causes.extend(context.wrong(property, &format!("{path}.properties[{name}]")));
        }
        causes
    }

    fn wrong_parts(self, schema: &Value, path: &str) -> Vec<Cause> {
        let mut causes = Vec::new();
        if let Some(not) = child(schema, "not") {
            causes.extend(self.below().wrong(not, &format!("{path}.not")));
        }
        for name in ["allOf", "oneOf", "anyOf"] {
            for (index, part) in items(schema, name).enumerate() {
                causes.extend(self.below().wrong(part, &format!("{path}.{name}[{index}]")));
            }
        }
        if let Some(items) = child(schema, "items") {
            causes.extend(self.below().wrong(items, &format!("{path}.items")));
        }
        causes
    }
}

/// Returns true if a schema has nothing that its model has no place for.
pub(super) fn is_readable(schema: &Value) -> bool {
    let is_plain = UNSUPPORTED.iter().all(|name| !has(schema, name))
        && !has(schema, "$schema")
        && !schema["items"].is_array()
        && schema.get(KEEPS_UNKNOWN) != Some(&Value::Bool(false));
    let parts = ["allOf", "anyOf", "oneOf"]
        .into_iter()
        .flat_map(|name| items(schema, name));
    let single = ["not", "items", "additionalProperties"];
    let single = single.into_iter().filter_map(|name| child(schema, name));
    let all = properties(schema).map(|(_, property)| property);
    is_plain && all.chain(parts).chain(single).all(is_readable)
}

fn has(schema: &Value, name: &str) -> bool {
    match schema.get(name) {
        None | Some(Value::Null) => false,
        Some(Value::Object(_)) if ["patternProperties", "definitions"].contains(&name) => {
            fields(schema, name).is_some_and(|fields| !fields.is_empty())
        }
        Some(Value::String(text)) => !text.is_empty() || name == "$ref",
        Some(_) => true,
    }
}

fn wrong_rules(schema: &Value, path: &str) -> Vec<Cause> {
    let rules = items(schema, "x-kubernetes-validations").enumerate();
    let causes = rules.flat_map(|(index, rule)| {
        wrong_rule(rule, &format!("{path}.x-kubernetes-validations[{index}]"))
    });
    causes.collect()
}

/// Returns what is wrong with a rule beside its expressions.
fn wrong_rule(rule: &Value, path: &str) -> Vec<Cause> {
    const NOT_EMPTY: &str = "must be non-empty if specified";
    const ONE_LINE: &str = "must not contain line breaks";
    let mut causes = Vec::new();
    let given = |name: &str| text(rule, name);
    let is_blank = |name: &str| !given(name).is_empty() && given(name).trim().is_empty();
    let is_broken = |name: &str| given(name).trim().contains(['\n', '\r']);
    let field = |name: &str| format!("{path}.{name}");
    if given("rule").trim().is_empty() {
        causes.push(Cause::required(field("rule"), "rule is not specified"));
    } else if is_blank("message") {
        causes.push(Cause::invalid(
            field("message"),
            given("message"),
            NOT_EMPTY,
        ));
    } else if is_broken("message") {
        causes.push(Cause::invalid(field("message"), given("message"), ONE_LINE));
    } else if is_broken("rule") && given("message").is_empty() {
        let detail = "message must be specified if rule contains line breaks";
        causes.push(Cause::required(field("message"), detail));
    }
    if is_blank("messageExpression") {
        let detail = "messageExpression must be non-empty if specified";
        causes.push(Cause::required(field("messageExpression"), detail));
    }
    if let Some(reason) = rule["reason"]
        .as_str()
        .filter(|reason| !REASONS.contains(reason))
    {
        causes.push(Cause::not_supported(field("reason"), reason, &REASONS));
    }
    if is_blank("fieldPath") {
        causes.push(Cause::invalid(
            field("fieldPath"),
            given("fieldPath"),
            NOT_EMPTY,
        ));
    }
    if given("fieldPath").contains(['\n', '\r']) {
        causes.push(Cause::invalid(
            field("fieldPath"),
            given("fieldPath"),
            ONE_LINE,
        ));
    }
    causes
}
