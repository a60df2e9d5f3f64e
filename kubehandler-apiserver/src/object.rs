//! What every object has, read from its JSON: names, labels, owners, finalizers.

mod owners;
mod path;
#[cfg(test)]
mod tests;
mod time;
mod types;

use serde_json::{Map, Value};

pub(crate) use self::{
    owners::{OwnerReference, owner_references},
    path::{at, list_at, set_at, text_at},
    time::{canonical, is_after, shifted},
    types::{type_name, wrong_type},
};

/// Returns the text at a path of fields; empty if there is none.
pub(crate) fn text<'a>(object: &'a Value, path: &[&str]) -> &'a str {
    field(object, path)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// Returns what is at a path of fields.
pub(crate) fn field<'a>(object: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(object, |value, name| value.get(name))
}

/// Returns a field of the metadata.
pub(crate) fn meta<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    field(object, &["metadata", name])
}

/// Returns a field of the metadata that is text; empty if there is none.
pub(crate) fn meta_text<'a>(object: &'a Value, name: &str) -> &'a str {
    text(object, &["metadata", name])
}

pub(crate) fn name(object: &Value) -> &str {
    meta_text(object, "name")
}

/// Returns the namespace; empty if the object is in none.
pub(crate) fn namespace(object: &Value) -> &str {
    meta_text(object, "namespace")
}

pub(crate) fn uid(object: &Value) -> &str {
    meta_text(object, "uid")
}

pub(crate) fn resource_version(object: &Value) -> &str {
    meta_text(object, "resourceVersion")
}

/// Returns the number that the metadata counts changes with; 0 if it does not.
pub(crate) fn generation(object: &Value) -> i64 {
    meta(object, "generation")
        .and_then(Value::as_i64)
        .unwrap_or_default()
}

/// Returns whether the object's delete has begun.
pub(crate) fn is_terminating(object: &Value) -> bool {
    !meta_text(object, "deletionTimestamp").is_empty()
}

/// Returns the seconds that the object's delete takes, if it has begun and takes any.
pub(crate) fn grace_period(object: &Value) -> Option<i64> {
    meta(object, "deletionGracePeriodSeconds").and_then(Value::as_i64)
}

/// Returns who must agree before the object goes.
pub(crate) fn finalizers(object: &Value) -> impl Iterator<Item = &str> {
    texts(meta(object, "finalizers"))
}

pub(crate) fn has_finalizer(object: &Value, name: &str) -> bool {
    finalizers(object).any(|finalizer| finalizer == name)
}

/// The most bytes that all annotations of an object may have.
pub(crate) const ANNOTATIONS_LIMIT: usize = 256 * 1024;

/// Returns how many bytes the annotations have, keys and values together.
pub(crate) fn annotations_size(object: &Value) -> usize {
    let annotations = meta(object, "annotations").and_then(Value::as_object);
    let annotations = annotations.into_iter().flatten();
    let size = |(key, value): (&String, &Value)| key.len() + value.as_str().map_or(0, str::len);
    annotations.map(size).sum()
}

/// Returns the texts of a list; none if it is no list.
pub(crate) fn texts(list: Option<&Value>) -> impl Iterator<Item = &str> {
    let items = list.and_then(Value::as_array).map(Vec::as_slice);
    items.unwrap_or_default().iter().filter_map(Value::as_str)
}

/// Sets a field of the metadata; `null`, and an empty list or object, remove it.
pub(crate) fn set_meta(object: &mut Value, name: &str, value: Value) {
    let is_empty = match &value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    let metadata = fields_of(object, "metadata");
    if is_empty {
        metadata.remove(name);
    } else {
        metadata.insert(name.to_owned(), value);
    }
}

/// Sets a field of the metadata to what another object has there.
pub(crate) fn copy_meta(object: &mut Value, name: &str, from: &Value) {
    set_meta(object, name, meta(from, name).cloned().unwrap_or_default());
}

/// Sets a field of the object; `None` removes it.
pub(crate) fn set_field(object: &mut Value, name: &str, value: Option<Value>) {
    let fields = as_fields(object);
    match value {
        Some(value) => fields.insert(name.to_owned(), value),
        None => fields.remove(name),
    };
}

/// Returns the fields below a field, which becomes an object if it is none.
pub(crate) fn fields_of<'a>(object: &'a mut Value, name: &str) -> &'a mut Map<String, Value> {
    as_fields(as_fields(object).entry(name).or_insert(Value::Null))
}

/// Returns the fields of a value, which becomes an object if it is none.
pub(crate) fn as_fields(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("it was made an object above")
}
