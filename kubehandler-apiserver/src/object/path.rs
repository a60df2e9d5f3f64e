//! Places in an object that a CRD names, such as `spec.replicas`.

use serde_json::Value;

use super::as_fields;

/// Returns what is at a dotted path.
pub(crate) fn at<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.')
        .try_fold(object, |value, name| value.get(name))
}

/// Returns the text at a dotted path; empty if there is none.
pub(crate) fn text_at<'a>(object: &'a Value, path: &str) -> &'a str {
    at(object, path).and_then(Value::as_str).unwrap_or_default()
}

/// Returns the list at a dotted path; empty if there is none.
pub(crate) fn list_at<'a>(object: &'a Value, path: &str) -> &'a [Value] {
    let list = at(object, path).and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

/// Puts a value at a dotted path, making the objects on the way.
pub(crate) fn set_at(object: &mut Value, path: &str, value: Value) {
    let mut place = object;
    for name in path.split('.') {
        place = as_fields(place).entry(name).or_insert(Value::Null);
    }
    *place = value;
}
