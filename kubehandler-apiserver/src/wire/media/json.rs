//! JSON as the real server reads it: what it says of text that is no JSON, and of values of the
//! wrong type.

mod scan;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use crate::{failure::quoted, object::type_name};

/// Reads a value; the error is for people.
///
/// Bytes that are no UTF-8 become the replacement character.
pub(crate) fn parse(text: &[u8]) -> Result<Value, String> {
    scan::check(text)?;
    serde_json::from_str(&String::from_utf8_lossy(text)).map_err(|error| error.to_string())
}

/// Returns the `apiVersion` and `kind` of a body, empty where there is none.
pub(crate) fn version_and_kind(value: &Value) -> Result<(&str, &str), String> {
    let tag = |field: &str, key| format!("{field} string \"json:\\\"{key},omitempty\\\"\"");
    let fields = [tag("APIVersion", "apiVersion"), tag("Kind", "kind")].join("; ");
    let because = |why| format!("couldn't get version/kind; json parse error: {why}");
    let fields = Struct::new(value, "", &format!("struct {{ {fields} }}")).map_err(because)?;
    let version = fields.text("apiVersion", "string").map_err(because)?;
    let kind = fields.text("kind", "string").map_err(because)?;
    Ok((version.unwrap_or_default(), kind.unwrap_or_default()))
}

/// Returns what the server says of a kind that it does not know.
pub(crate) fn no_such_kind(version: &str, kind: &str) -> String {
    let (kind, version) = (quoted(kind), quoted(version));
    let scheme = "pkg/runtime/scheme.go:111";
    format!(
        "no kind {kind} is registered for version {version} in scheme {}",
        quoted(scheme)
    )
}

/// An object whose fields have types.
pub(crate) struct Struct<'a> {
    /// What errors call it.
    name: &'a str,
    fields: Option<&'a Map<String, Value>>,
}

impl<'a> Struct<'a> {
    /// Takes an object, or `null`, which has no fields; `ty` is its type in errors.
    pub(crate) fn new(value: &'a Value, name: &'a str, ty: &str) -> Result<Self, String> {
        match value {
            Value::Null => Ok(Self { name, fields: None }),
            Value::Object(fields) => Ok(Self {
                name,
                fields: Some(fields),
            }),
            other => Err(format!(
                "json: cannot unmarshal {} into Go value of type {ty}",
                type_name(other)
            )),
        }
    }

    /// Returns the field, unless it is `null`.
    fn get(&self, field: &str) -> Option<&'a Value> {
        self.fields?.get(field).filter(|value| !value.is_null())
    }

    fn wrong(&self, field: &str, what: &str, ty: &str) -> String {
        let path = format!("{}.{field}", self.name);
        format!("json: cannot unmarshal {what} into Go struct field {path} of type {ty}")
    }

    /// Returns a field that is text.
    pub(crate) fn text(&self, field: &str, ty: &str) -> Result<Option<&'a str>, String> {
        self.get(field)
            .map(|value| match value {
                Value::String(text) => Ok(text.as_str()),
                other => Err(self.wrong(field, type_name(other), ty)),
            })
            .transpose()
    }

    /// Returns a field that is a list of text; no field is an empty list.
    pub(crate) fn texts(&self, field: &str) -> Result<Vec<String>, String> {
        let items = match self.get(field) {
            None => return Ok(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(other) => return Err(self.wrong(field, type_name(other), "[]string")),
        };
        let texts = items.iter().map(|item| match item {
            Value::Null => Ok(String::new()),
            Value::String(text) => Ok(text.clone()),
            other => Err(self.wrong(field, type_name(other), "string")),
        });
        texts.collect()
    }

    /// Returns a field that is a number without a fraction.
    pub(crate) fn integer(&self, field: &str) -> Result<Option<i64>, String> {
        self.get(field)
            .map(|value| match value {
                Value::Number(number) => number
                    .as_i64()
                    .ok_or_else(|| self.wrong(field, &format!("number {number}"), "int64")),
                other => Err(self.wrong(field, type_name(other), "int64")),
            })
            .transpose()
    }

    /// Returns a field that is true or false.
    pub(crate) fn flag(&self, field: &str) -> Result<Option<bool>, String> {
        self.get(field)
            .map(|value| match value {
                Value::Bool(flag) => Ok(*flag),
                other => Err(self.wrong(field, type_name(other), "bool")),
            })
            .transpose()
    }

    /// Returns a field that is an object itself.
    pub(crate) fn nested(&self, field: &str, ty: &'a str) -> Result<Option<Self>, String> {
        self.get(field)
            .map(|value| match value {
                Value::Object(fields) => Ok(Self {
                    name: ty,
                    fields: Some(fields),
                }),
                other => Err(self.wrong(field, type_name(other), ty)),
            })
            .transpose()
    }
}
