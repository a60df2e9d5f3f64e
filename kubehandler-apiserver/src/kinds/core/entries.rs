//! The entries of config maps and secrets: text, and bytes in base64.
//!
//! Source: `ConfigMap` and `Secret` in `k8s.io/api/core/v1`, and `Convert_v1_Secret_To_core_Secret`.

use serde_json::{Value, json};

use crate::object::wrong_type;
use crate::{failure::Cause, object};

/// What the real server calls the type of an entry.
pub(super) const TEXT: &str = "string";
pub(super) const BYTES: &str = "[]uint8";

/// Among entries `null` is an empty one, and no entries are as good as none.
pub(super) fn read(object: &mut Value, kind: &str, field: &str, ty: &str) -> Result<(), String> {
    let path = || format!("{kind}.{field}");
    let entries = match object.get_mut(field) {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Object(entries)) => entries,
        Some(other) => return Err(wrong_type(other, &path(), &format!("map[string]{ty}"))),
    };
    for entry in entries.values_mut() {
        match entry {
            Value::String(_) => {}
            Value::Null => *entry = Value::from(""),
            other => return Err(wrong_type(other, &path(), ty)),
        }
    }
    if entries.is_empty() {
        object::as_fields(object).remove(field);
    }
    Ok(())
}

/// A config map or secret can say that it will not change any more.
pub(super) fn frozen(old: &Value, new: &Value, data: &[&str]) -> Vec<Cause> {
    let is_frozen = |object: &Value| object.get("immutable") == Some(&json!(true));
    if !is_frozen(old) {
        return Vec::new();
    }
    let thawed = (!is_frozen(new)).then_some("immutable");
    let changed = data
        .iter()
        .copied()
        .filter(|name| old.get(name) != new.get(name));
    let detail = "field is immutable when `immutable` is set";
    thawed
        .into_iter()
        .chain(changed)
        .map(|name| Cause::forbidden(name, detail))
        .collect()
}

/// The most that all entries together may hold.
pub(super) const MAX_BYTES: usize = 1_048_576;

/// Returns what is wrong with the keys of entries.
///
/// Source: `IsConfigMapKey` in `k8s.io/apimachinery/pkg/util/validation`.
pub(super) fn wrong_keys(object: &Value, field: &str) -> Vec<Cause> {
    let entries = object.get(field).and_then(Value::as_object);
    let keys = entries.into_iter().flatten().map(|(key, _)| key);
    keys.flat_map(|key| {
        let path = format!("{field}[{key}]");
        let causes = key_errors(key).into_iter();
        causes.map(move |why| Cause::invalid(path.clone(), key.as_str(), &why))
    })
    .collect()
}

fn key_errors(key: &str) -> Vec<String> {
    const MAX_LENGTH: usize = 253;
    let mut errors = Vec::new();
    if key.len() > MAX_LENGTH {
        errors.push(format!("must be no more than {MAX_LENGTH} characters"));
    }
    let is_known = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if key.is_empty() || !key.chars().all(is_known) {
        let why = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' \
                   (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is \
                   '[-._a-zA-Z0-9]+')";
        errors.push(why.to_owned());
    }
    if key == "." || key == ".." {
        errors.push(format!("must not be '{key}'"));
    } else if key.starts_with("..") {
        errors.push("must not start with '..'".to_owned());
    }
    errors
}

/// Returns how many bytes the entries hold, which are text or bytes in base64.
pub(super) fn size(object: &Value, field: &str, ty: &str) -> usize {
    let entries = object.get(field).and_then(Value::as_object);
    let values = entries.into_iter().flatten();
    let texts = values.filter_map(|(_, value)| value.as_str());
    let sizes = texts.map(|text| match ty {
        BYTES => decoded_size(text),
        _ => text.len(),
    });
    sizes.sum()
}

fn decoded_size(base64: &str) -> usize {
    let digits = base64.trim_end_matches('=');
    digits.len() * 3 / 4
}
