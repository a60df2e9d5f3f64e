//! What is wrong with one field, in the words of the real server.

use std::{collections::HashSet, fmt::Write};

use serde_json::Value;

use super::{Cause, quote::quoted};

impl Cause {
    /// A value is malformed.
    pub(crate) fn invalid(field: impl Into<String>, value: impl Into<Value>, detail: &str) -> Self {
        Self::new(
            "FieldValueInvalid",
            field,
            &shown("Invalid value", &value.into()),
            detail,
        )
    }

    /// A text is malformed, for each of these reasons.
    pub(crate) fn all_invalid(field: &str, value: &str, details: &[impl AsRef<str>]) -> Vec<Self> {
        let details = details.iter();
        details
            .map(|detail| Self::invalid(field, value, detail.as_ref()))
            .collect()
    }

    /// A value is malformed; `shown` is what the message has for it.
    pub(crate) fn invalid_shown(field: impl Into<String>, shown: &str, detail: &str) -> Self {
        let body = format!("Invalid value: {shown}");
        Self::new("FieldValueInvalid", field, &body, detail)
    }

    /// A value is malformed, and too large to be shown.
    pub(crate) fn invalid_without_value(field: impl Into<String>, detail: &str) -> Self {
        Self::new("FieldValueInvalid", field, "Invalid value", detail)
    }

    /// A value is there twice, and too large to be shown.
    pub(crate) fn duplicate_without_value(field: impl Into<String>) -> Self {
        Self::new("FieldValueDuplicate", field, "Duplicate value", "")
    }

    /// The server cannot tell whether a value is right.
    pub(crate) fn internal(field: impl Into<String>, detail: &str) -> Self {
        Self::new("InternalError", field, "Internal error", detail)
    }

    /// A value is missing.
    pub(crate) fn required(field: impl Into<String>, detail: &str) -> Self {
        Self::new("FieldValueRequired", field, "Required value", detail)
    }

    /// A value is not allowed here.
    pub(crate) fn forbidden(field: impl Into<String>, detail: &str) -> Self {
        Self::new("FieldValueForbidden", field, "Forbidden", detail)
    }

    /// A value is none of those that are known.
    pub(crate) fn not_supported(
        field: impl Into<String>,
        value: impl Into<Value>,
        supported: &[&str],
    ) -> Self {
        let supported: Vec<_> = supported.iter().map(|value| quoted(value)).collect();
        let detail = if supported.is_empty() {
            String::new()
        } else {
            format!("supported values: {}", supported.join(", "))
        };
        let body = shown("Unsupported value", &value.into());
        Self::new("FieldValueNotSupported", field, &body, &detail)
    }

    /// A text has more than `max` bytes.
    pub(crate) fn too_long(field: impl Into<String>, max: usize) -> Self {
        let bytes = if max == 1 { "byte" } else { "bytes" };
        let detail = format!("may not be more than {max} {bytes}");
        Self::new("FieldValueTooLong", field, "Too long", &detail)
    }

    /// A value has the wrong type.
    pub(crate) fn type_invalid(
        field: impl Into<String>,
        value: impl Into<Value>,
        detail: &str,
    ) -> Self {
        let body = shown("Invalid value", &value.into());
        Self::new("FieldValueTypeInvalid", field, &body, detail)
    }

    /// What a value names is not there.
    pub(crate) fn not_found(field: impl Into<String>, value: impl Into<Value>) -> Self {
        let body = shown("Not found", &value.into());
        Self::new("FieldValueNotFound", field, &body, "")
    }

    /// A value is there twice.
    pub(crate) fn duplicate(field: impl Into<String>, value: impl Into<Value>) -> Self {
        let body = shown("Duplicate value", &value.into());
        Self::new("FieldValueDuplicate", field, &body, "")
    }

    /// A list or an object has more than `max` items.
    pub(crate) fn too_many(field: impl Into<String>, actual: usize, max: i64) -> Self {
        let items = if max == 1 { "item" } else { "items" };
        let detail = format!("must have at most {max} {items}");
        Self::new(
            "FieldValueTooMany",
            field,
            &format!("Too many: {actual}"),
            &detail,
        )
    }

    fn new(reason: &str, field: impl Into<String>, body: &str, detail: &str) -> Self {
        let mut message = body.to_owned();
        if !detail.is_empty() {
            message.push_str(": ");
            message.push_str(detail);
        }
        Self {
            reason: reason.to_owned(),
            message,
            field: field.into(),
        }
    }

    /// Returns the field and what is wrong with it.
    pub(crate) fn sentence(&self) -> String {
        format!("{}: {}", self.field, self.message)
    }
}

/// Returns what is wrong and the value: text in quotes, lists and objects as JSON.
fn shown(what: &str, value: &Value) -> String {
    match value {
        Value::String(text) => format!("{what}: {}", quoted(text)),
        other => format!("{what}: {other}"),
    }
}

/// Returns the sentences of all causes as one text: in brackets if there are several.
pub(crate) fn aggregate(causes: &[Cause]) -> String {
    let mut seen = HashSet::new();
    let mut text = String::new();
    for sentence in causes.iter().map(Cause::sentence) {
        if !seen.contains(&sentence) {
            let comma = if seen.is_empty() { "" } else { ", " };
            write!(text, "{comma}{sentence}").expect("a string takes what is written to it");
            seen.insert(sentence);
        }
    }
    if seen.len() > 1 {
        format!("[{text}]")
    } else {
        text
    }
}
