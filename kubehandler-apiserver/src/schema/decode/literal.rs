//! Reads values from their text, as Go's own types do it: numbers, times, quantities.

use serde_json::Value;

use crate::{
    object,
    schema::{
        builtin::{GoType, What},
        quantity,
    },
};

/// Why a value cannot be read.
pub(super) enum Unfit {
    /// It is of the wrong type, which is told when all was read; this is what it is.
    Value(String),
    /// It is of the wrong type for what is inside of the type, and nothing else counts.
    Inner(String, &'static str),
    /// Its text is wrong, and nothing else counts.
    Text(String),
}

/// Reads a number; `null` is none.
pub(super) fn number(text: &str, ty: &GoType) -> Result<Option<Value>, Unfit> {
    match kind(text) {
        "null" => return Ok(None),
        "number" => {}
        kind => return Err(Unfit::Value(kind.to_owned())),
    }
    let number = match ty {
        GoType::Int32 => text.parse::<i32>().ok().map(Value::from),
        GoType::Int64 => text.parse::<i64>().ok().map(Value::from),
        _ => float(text),
    };
    number
        .map(Some)
        .ok_or_else(|| Unfit::Value(format!("number {text}")))
}

/// A number with a fraction; Go writes it without one if it has none.
fn float(text: &str) -> Option<Value> {
    let number: f64 = text
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())?;
    match text.parse::<i64>() {
        Ok(integer) => Some(Value::from(integer)),
        Err(_) if number.fract() == 0.0 => {
            format!("{number:.0}").parse::<i64>().ok().map(Value::from)
        }
        Err(_) => Some(Value::from(number)),
    }
}

/// Reads what has a form of its own; `null` is nothing.
pub(super) fn text(text: &str, what: What) -> Result<Option<Value>, Unfit> {
    let kind = kind(text);
    if kind == "null" {
        return Ok(None);
    }
    match what {
        What::IntOrString => int_or_string(text, kind),
        What::Quantity => quantity_of(text, kind),
        _ => time(text, kind, what),
    }
    .map(Some)
}

fn int_or_string(text: &str, kind: &str) -> Result<Value, Unfit> {
    match kind {
        "string" => Ok(unquoted(text)),
        "number" => match text.parse::<i32>() {
            Ok(number) => Ok(Value::from(number)),
            Err(_) => Err(Unfit::Inner(format!("number {text}"), "int32")),
        },
        kind => Err(Unfit::Inner(kind.to_owned(), "int32")),
    }
}

fn quantity_of(text: &str, kind: &str) -> Result<Value, Unfit> {
    // The real server looks between the quotes, without reading what is escaped.
    let amount = match kind {
        "string" => &text[1..text.len() - 1],
        _ => text,
    };
    quantity::canonical(amount.trim())
        .map(Value::from)
        .map_err(|why| Unfit::Text(why.to_owned()))
}

fn time(text: &str, kind: &str, what: What) -> Result<Value, Unfit> {
    if kind != "string" {
        return Err(Unfit::Inner(kind.to_owned(), "string"));
    }
    let value = unquoted(text);
    if what == What::MicroTime {
        return Ok(value);
    }
    let time = value.as_str().unwrap_or_default();
    object::canonical(time).map(Value::from).ok_or_else(|| {
        let layout = "2006-01-02T15:04:05Z07:00";
        Unfit::Text(format!(
            "parsing time {time:?} as {layout:?}: cannot parse {time:?} as \"2006\""
        ))
    })
}

fn unquoted(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// Returns what messages call the type of a value that is JSON.
fn kind(text: &str) -> &'static str {
    match text.as_bytes().first() {
        Some(b'n') => "null",
        Some(b't' | b'f') => "bool",
        Some(b'"') => "string",
        Some(b'[') => "array",
        Some(b'{') => "object",
        _ => "number",
    }
}
