//! What Go's decoder calls the types of JSON, and what it says of a wrong one.

use serde_json::Value;

/// Returns what the real server says of a value of the wrong type.
pub(crate) fn wrong_type(value: &Value, field: &str, ty: &str) -> String {
    format!(
        "json: cannot unmarshal {} into Go struct field {field} of type {ty}",
        type_name(value)
    )
}

/// Returns what messages call the type of a value.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
