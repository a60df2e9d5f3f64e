//! Values as Go prints them: in paths, in errors, and in the names of `FieldsV1`.

use std::fmt::{self, Display, Formatter};

use serde_json::{Number, Value};

use crate::failure::quoted;

/// Returns the value as paths show it, such as `"a"` in `[name="a"]`.
///
/// Source: `ToString` in `value/value.go` of `sigs.k8s.io/structured-merge-diff`.
pub(super) fn in_path(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => general(number),
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(in_path).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields: Vec<_> = fields
                .map(|(name, value)| format!("{name}={}", in_path(value)))
                .collect();
            fields.concat()
        }
    }
}

/// Returns the value as `%v` prints it.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => general(number),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(plain).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields: Vec<_> = fields
                .map(|(name, value)| format!("{name}:{}", plain(value)))
                .collect();
            format!("map[{}]", fields.join(" "))
        }
    }
}

/// Returns the value as `%#v` prints it: in the syntax of Go.
pub(super) fn as_source(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => general(number),
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(as_source).collect();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields: Vec<_> = fields
                .map(|(name, value)| format!("{}:{}", quoted(name), as_source(value)))
                .collect();
            format!("map[string]interface {{}}{{{}}}", fields.join(", "))
        }
    }
}

/// Returns the name of the value's type, as `%T` prints it.
pub(super) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.as_i64().is_some() => "int64",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// JSON as Go writes it, where `<`, `>` and `&` are escaped.
pub(super) struct Json<'a>(pub(super) &'a Value);

impl Display for Json<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Null => f.write_str("null"),
            Value::Bool(value) => value.fmt(f),
            Value::Number(number) => f.write_str(&number_in_json(number)),
            Value::String(text) => json_text(f, text, true),
            Value::Array(items) => {
                f.write_str("[")?;
                for (i, item) in items.iter().enumerate() {
                    f.write_str(if i > 0 { "," } else { "" })?;
                    Json(item).fmt(f)?;
                }
                f.write_str("]")
            }
            Value::Object(fields) => {
                f.write_str("{")?;
                for (i, (name, value)) in fields.iter().enumerate() {
                    f.write_str(if i > 0 { "," } else { "" })?;
                    json_text(f, name, true)?;
                    write!(f, ":{}", Json(value))?;
                }
                f.write_str("}")
            }
        }
    }
}

/// Writes a JSON string.
pub(super) fn json_text(f: &mut Formatter<'_>, text: &str, escapes_html: bool) -> fmt::Result {
    let mut rest = text;
    f.write_str("\"")?;
    while let Some((at, c)) = rest
        .char_indices()
        .find(|&(_, c)| is_escaped(c, escapes_html))
    {
        f.write_str(&rest[..at])?;
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c => write!(f, "\\u{:04x}", u32::from(c))?,
        }
        rest = &rest[at + c.len_utf8()..];
    }
    write!(f, "{rest}\"")
}

fn is_escaped(c: char, escapes_html: bool) -> bool {
    match c {
        '\0'..='\x1f' | '"' | '\\' => true,
        '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => escapes_html,
        _ => false,
    }
}

fn number_in_json(number: &Number) -> String {
    let Some(float) = float(number) else {
        return number.to_string();
    };
    if float != 0.0 && !(1e-6..1e21).contains(&float.abs()) {
        return with_exponent(float);
    }
    float.to_string()
}

/// Returns the number as `%v` prints it: `80`, and `1e+06` for a float of that amount.
fn general(number: &Number) -> String {
    let Some(float) = float(number) else {
        return number.to_string();
    };
    if float != 0.0 && !(1e-4..1e6).contains(&float.abs()) {
        return with_exponent(float);
    }
    float.to_string()
}

/// Returns the number if it is a float in Go, which has no integer beyond 64 bits with a sign.
fn float(number: &Number) -> Option<f64> {
    match number.as_i64() {
        Some(_) => None,
        None => number.as_f64(),
    }
}

/// Returns the number with an exponent that has a sign and two digits.
fn with_exponent(float: f64) -> String {
    let text = format!("{float:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}
