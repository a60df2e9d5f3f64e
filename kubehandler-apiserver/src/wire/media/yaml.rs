//! YAML as the real server reads it: what JSON can say, and no more.

use serde_json::Value;

/// Reads an object; the error is for people.
pub(crate) fn parse(text: &[u8]) -> Result<Value, String> {
    // Most of it is JSON, which is YAML too.
    if let Ok(value) = serde_json::from_slice(text) {
        return object(value);
    }
    let text = std::str::from_utf8(text).map_err(|_| "yaml: invalid UTF-8".to_owned())?;
    let value: Value = serde_saphyr::from_str(text)
        .map_err(|error| format!("error converting YAML to JSON: yaml: {error}"))?;
    object(value)
}

/// Text without anything in it is an object without fields.
fn object(value: Value) -> Result<Value, String> {
    match value {
        Value::Null => Ok(Value::Object(serde_json::Map::new())),
        Value::Object(_) => Ok(value),
        other => Err(format!(
            "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {} into Go value of \
             type map[string]interface {{}}",
            crate::object::type_name(&other)
        )),
    }
}
