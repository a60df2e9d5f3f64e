//! Whether what must be text in a manifest is text: YAML reads `n`, `no`, `1` and `~` as something else.

use serde_json::{Map, Value};

/// The fields that every object must have.
const REQUIRED: [&str; 3] = ["apiVersion", "kind", "metadata.name"];

/// Other fields that are text, where they are there.
const OPTIONAL: [&str; 2] = ["metadata.namespace", "metadata.generateName"];

/// Fields that hold text under each of their keys.
const MAPS: [&str; 2] = ["metadata.labels", "metadata.annotations"];

/// Succeeds if the object has what every object must have, and its texts are text.
///
/// The error says what to do, and has nothing of the values.
pub(super) fn check(object: &Value) -> Result<(), String> {
    if !object.is_object() {
        return Err(format!("it is {}, no object", name_of(object)));
    }
    if let Some(metadata) = object.get("metadata").filter(|value| !is_map(value)) {
        return Err(format!("`metadata` is {}, no object", name_of(metadata)));
    }
    for path in REQUIRED {
        match at(object, path) {
            None => return Err(format!("`{path}` is missing")),
            Some(Value::String(text)) if text.is_empty() => {
                return Err(format!("`{path}` is empty"));
            }
            Some(Value::Null) => {
                return Err(format!("`{path}` is null: quote it, or give it a value"));
            }
            Some(value) => check_text(path, value)?,
        }
    }
    for path in OPTIONAL {
        at(object, path).map_or(Ok(()), |value| check_text(path, value))?;
    }
    for path in MAPS.iter().chain(maps_of_kind(object)) {
        let Some(Value::Object(entries)) = at(object, path) else {
            continue; // What is no map at all the server refuses.
        };
        check_entries(path, entries)?;
    }
    Ok(())
}

/// Returns the fields of the kind that hold text under each of their keys.
fn maps_of_kind(object: &Value) -> &'static [&'static str] {
    match (object["apiVersion"].as_str(), object["kind"].as_str()) {
        (Some("v1"), Some("ConfigMap")) => &["data", "binaryData"],
        (Some("v1"), Some("Secret")) => &["data", "stringData"],
        _ => &[],
    }
}

fn check_entries(path: &str, entries: &Map<String, Value>) -> Result<(), String> {
    for (key, value) in entries {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        let path = if key.chars().all(is_plain) {
            format!("{path}.{key}")
        } else {
            format!("{path}[{key:?}]")
        };
        check_text(&path, value)?;
    }
    Ok(())
}

/// Succeeds for text, and for null, which is as good as nothing.
fn check_text(path: &str, value: &Value) -> Result<(), String> {
    let name = name_of(value);
    match value {
        Value::String(_) | Value::Null => Ok(()),
        Value::Bool(_) | Value::Number(_) => Err(format!("`{path}` is {name}: quote it")),
        Value::Array(_) | Value::Object(_) => Err(format!("`{path}` is {name}: it must be text")),
    }
}

fn at<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    let mut names = path.split('.');
    names.try_fold(object, |value, name| value.get(name))
}

fn is_map(value: &Value) -> bool {
    matches!(value, Value::Object(_) | Value::Null)
}

fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a bool",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}
