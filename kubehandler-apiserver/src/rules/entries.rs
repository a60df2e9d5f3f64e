//! The entries of config maps and secrets: text, and bytes in base64.
//!
//! Source: `ConfigMap` and `Secret` in `k8s.io/api/core/v1`, and `Convert_v1_Secret_To_core_Secret`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use super::metadata::wrong_type;
use crate::object;

/// What the real server calls the type of an entry.
const TEXT: &str = "string";
const BYTES: &str = "[]uint8";

/// Reads the entries of an object of the core's version 1; those of other kinds are left alone.
///
/// The `stringData` of a secret becomes part of its `data` and is removed. The error is for people.
pub(super) fn settle(kind: &str, object: &mut Value) -> Result<(), String> {
    match kind {
        "ConfigMap" => {
            read(object, "ConfigMap", "data", TEXT)?;
            read(object, "ConfigMap", "binaryData", BYTES)
        }
        "Secret" => {
            read(object, "Secret", "data", BYTES)?;
            read(object, "Secret", "stringData", TEXT)?;
            join_string_data(object);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Among entries `null` is an empty one, and no entries are as good as none.
fn read(object: &mut Value, kind: &str, field: &str, ty: &str) -> Result<(), String> {
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

/// What `stringData` says wins over `data`.
fn join_string_data(secret: &mut Value) {
    let fields = object::as_fields(secret);
    let Some(Value::Object(texts)) = fields.remove("stringData") else {
        return;
    };
    let data = fields.entry("data").or_insert(Value::Null);
    if data.is_null() {
        *data = Value::Object(Map::new());
    }
    let data = object::as_fields(data);
    for (key, text) in texts {
        let text = text.as_str().unwrap_or_default();
        data.insert(key, Value::from(STANDARD.encode(text)));
    }
}
