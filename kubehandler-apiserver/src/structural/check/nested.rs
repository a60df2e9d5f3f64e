//! What must hold below `allOf`, `anyOf`, `oneOf` and `not`: they say nothing of structure, and only
//! of fields that the schema has.

use serde_json::Value;

use super::{child, fields, flag, invariants::check_pattern, items, properties, text};
use crate::failure::Cause;

const JUNCTORS: [&str; 3] = ["allOf", "anyOf", "oneOf"];

/// What must not be there, and the words for it.
const FORBIDDEN: [(&str, &str); 11] = [
    ("type", "must be empty to be structural"),
    ("default", "must be undefined to be structural"),
    ("title", "must be empty to be structural"),
    ("description", "must be empty to be structural"),
    ("nullable", "must be false to be structural"),
    (
        "x-kubernetes-preserve-unknown-fields",
        "must be false to be structural",
    ),
    (
        "x-kubernetes-embedded-resource",
        "must be false to be structural",
    ),
    (
        "x-kubernetes-int-or-string",
        "must be false to be structural",
    ),
    (
        "x-kubernetes-list-map-keys",
        "must be empty to be structural",
    ),
    (
        "x-kubernetes-list-type",
        "must be undefined to be structural",
    ),
    (
        "x-kubernetes-map-type",
        "must be undefined to be structural",
    ),
];

/// Checks what is below a schema's junctors, except where it says that a value is a number or text.
pub(super) fn check_values(
    schema: &Value,
    skips_any_of: bool,
    skips_first: bool,
    path: &str,
    causes: &mut Vec<Cause>,
) {
    for name in JUNCTORS {
        if name == "anyOf" && skips_any_of {
            continue;
        }
        for (index, part) in items(schema, name).enumerate() {
            let skips = name == "allOf" && skips_first && index == 0;
            check(part, skips, &format!("{path}.{name}[{index}]"), causes);
        }
    }
    if let Some(part) = child(schema, "not") {
        check(part, false, &format!("{path}.not"), causes);
    }
    check_pattern(schema, path, causes);
}

fn check(schema: &Value, skips_any_of: bool, path: &str, causes: &mut Vec<Cause>) {
    check_values(schema, skips_any_of, false, path, causes);
    if let Some(part) = child(schema, "items") {
        check(part, false, &format!("{path}.items"), causes);
    }
    for (name, part) in properties(schema) {
        check(part, false, &format!("{path}.properties[{name}]"), causes);
    }
    for (name, detail) in FORBIDDEN {
        if is_set(schema, name) {
            causes.push(Cause::forbidden(format!("{path}.{name}"), detail));
        }
    }
    if is_set(schema, "additionalProperties") {
        let detail = "must be undefined to be structural";
        causes.push(Cause::forbidden(
            format!("{path}.additionalProperties"),
            detail,
        ));
    }
    if items(schema, "x-kubernetes-validations").next().is_some() {
        let detail = "must be empty to be structural";
        causes.push(Cause::forbidden(
            format!("{path}.x-kubernetes-validations"),
            detail,
        ));
    }
    if properties(schema).any(|(name, _)| name == "metadata") {
        let detail = "must not be specified in a nested context";
        causes.push(Cause::forbidden(
            format!("{path}.properties[metadata]"),
            detail,
        ));
    }
}

fn is_set(schema: &Value, name: &str) -> bool {
    match schema.get(name) {
        None | Some(Value::Null) => false,
        Some(Value::Bool(_)) => flag(schema, name),
        Some(Value::String(_)) => !text(schema, name).is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(_) => true,
    }
}

/// Checks that what junctors speak of has a schema: `part` is such a one, `whole` what it speaks of.
pub(super) fn check_complete(
    part: &Value,
    whole: &Value,
    whole_path: &str,
    part_path: &str,
    causes: &mut Vec<Cause>,
) {
    let not = child(part, "not").map(|not| (format!("{part_path}.not"), not));
    let parts = JUNCTORS.into_iter().flat_map(|name| {
        let parts = items(part, name).enumerate();
        parts.map(move |(index, part)| (format!("{part_path}.{name}[{index}]"), part))
    });
    for (path, part) in not.into_iter().chain(parts) {
        check_known(part, Some(whole), whole_path, &path, causes);
    }
}

fn check_known(
    part: &Value,
    whole: Option<&Value>,
    whole_path: &str,
    part_path: &str,
    causes: &mut Vec<Cause>,
) {
    let Some(whole) = whole else {
        let detail = format!("because it is defined in {part_path}");
        causes.push(Cause::required(whole_path, &detail));
        return;
    };
    check_complete(part, whole, whole_path, part_path, causes);
    if let Some(items) = child(part, "items") {
        let paths = (format!("{whole_path}.items"), format!("{part_path}.items"));
        check_known(items, child(whole, "items"), &paths.0, &paths.1, causes);
    }
    let known = fields(whole, "properties");
    for (name, property) in properties(part) {
        let of = known.and_then(|known| known.get(name));
        let suffix = format!("properties[{name}]");
        let paths = (
            format!("{whole_path}.{suffix}"),
            format!("{part_path}.{suffix}"),
        );
        check_known(property, of, &paths.0, &paths.1, causes);
    }
}
