//! `format`, which fills values into a text.
//!
//! Source: `ext/formatting.go` of `github.com/google/cel-go`, which prints numbers as in English.

use std::fmt::Write;

use super::convert;
use crate::{
    cel::{
        outcome::{EvalError, Outcome},
        value::{CelValue, double},
    },
    failure::quoted,
};

/// Digits after the point where none are asked for.
const PRECISION: usize = 6;

/// The most digits after the point.
const MAX_PRECISION: usize = 1000;

/// One clause of a template, such as `%.2f`.
#[derive(Clone, Copy)]
pub(in crate::cel) struct FormatClause {
    letter: char,
    precision: usize,
}

/// Fills the values into the template.
pub(super) fn format(template: &str, arguments: &[CelValue]) -> Outcome {
    let filled = fill(template, arguments.len(), |clause, index| {
        clause.fill(&arguments[index])
    });
    let text = filled.map_err(EvalError::new)?;
    Ok(CelValue::String(text.into()))
}

/// Reads a template, and asks what its clauses become, by the index of the argument.
pub(in crate::cel) fn fill(
    template: &str,
    arguments: usize,
    mut filled: impl FnMut(FormatClause, usize) -> Result<String, String>,
) -> Result<String, String> {
    let mut text = String::new();
    let mut rest = template.chars().peekable();
    let mut index = 0;
    while let Some(c) = rest.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        if rest.next_if_eq(&'%').is_some() {
            text.push('%');
            continue;
        }
        if rest.peek().is_none() {
            return Err("unexpected end of string".to_owned());
        }
        if index >= arguments {
            return Err(format!("index {index} out of range"));
        }
        let mut precision = PRECISION;
        if rest.next_if_eq(&'.').is_some() {
            let mut digits = String::new();
            while let Some(digit) = rest.next_if(char::is_ascii_digit) {
                digits.push(digit);
            }
            precision = digits.parse().unwrap_or_default();
        }
        let letter = rest.next().ok_or("unexpected end of string")?;
        if !"sdfebxXo".contains(letter) {
            return Err(format!(
                "could not parse formatting clause: unrecognized formatting clause {}",
                quoted(&letter.to_string())
            ));
        }
        let precision = precision.min(MAX_PRECISION);
        text.push_str(&filled(FormatClause { letter, precision }, index)?);
        index += 1;
    }
    Ok(text)
}

impl FormatClause {
    /// Returns why the clause does not take values of a type, if it does not.
    pub(in crate::cel) fn wrong_type(self, name: &str) -> Option<String> {
        let (allowed, what): (&[&str], _) = match self.letter {
            'd' => (
                &["int", "uint"],
                "decimal clause can only be used on integers",
            ),
            'f' => (
                &["double", "string"],
                "fixed-point clause can only be used on doubles",
            ),
            'e' => (
                &["double", "string"],
                "scientific clause can only be used on doubles",
            ),
            'b' => (
                &["int", "uint", "bool"],
                "only integers and bools can be formatted as binary",
            ),
            'o' => (
                &["int", "uint"],
                "octal clause can only be used on integers",
            ),
            'x' | 'X' => (
                &["int", "uint", "string", "bytes"],
                "only integers, byte buffers, and strings can be formatted as hex",
            ),
            _ => (
                &[
                    "int",
                    "uint",
                    "double",
                    "bool",
                    "string",
                    "bytes",
                    "list",
                    "map",
                    "type",
                    "null_type",
                    "google.protobuf.Timestamp",
                    "google.protobuf.Duration",
                ],
                "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, \
                 types, durations, and timestamps",
            ),
        };
        let is_allowed = allowed.contains(&name) || name == "dyn";
        (!is_allowed).then(|| format!("error during formatting: {what}, was given {name}"))
    }

    fn fill(self, value: &CelValue) -> Result<String, String> {
        use CelValue::{Bool, Bytes, Double, Int, String, Uint};
        let wrong = || self.wrong_type(value.type_name()).unwrap_or_default();
        Ok(match (self.letter, value) {
            ('d', Int(number)) => number.to_string(),
            ('d', Uint(number)) => number.to_string(),
            ('f' | 'e', Double(number)) => self.number(*number),
            ('f' | 'e', String(text)) => match &**text {
                "NaN" => "NaN".to_owned(),
                "Infinity" => "∞".to_owned(),
                "-Infinity" => "-∞".to_owned(),
                _ => {
                    let text = if self.letter == 'f' {
                        "error during formatting: fixed-point clause can only be used on doubles, was \
                         given string"
                    } else {
                        "error during formatting: scientific clause can only be used on doubles, was \
                         given string"
                    };
                    return Err(text.to_owned());
                }
            },
            ('b', Int(number)) => signed(*number, |number| format!("{number:b}")),
            ('b', Uint(number)) => format!("{number:b}"),
            ('b', Bool(value)) => u8::from(*value).to_string(),
            ('o', Int(number)) => signed(*number, |number| format!("{number:o}")),
            ('o', Uint(number)) => format!("{number:o}"),
            ('x', Int(number)) => signed(*number, |number| format!("{number:x}")),
            ('x', Uint(number)) => format!("{number:x}"),
            ('x', String(text)) => hex(text.as_bytes()),
            ('x', Bytes(bytes)) => hex(bytes),
            ('X', value) => {
                let letter = 'x';
                Self { letter, ..self }.fill(value)?.to_uppercase()
            }
            ('s', value) => shown(value)?,
            _ => return Err(wrong()),
        })
    }

    fn number(self, number: f64) -> String {
        if number.is_nan() {
            "NaN".to_owned()
        } else if number.is_infinite() {
            if number > 0.0 { "∞" } else { "-∞" }.to_owned()
        } else if self.letter == 'f' {
            grouped(&format!("{number:.*}", self.precision))
        } else {
            scientific(number)
        }
    }
}

fn signed(number: i64, written: impl Fn(u64) -> String) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}", written(number.unsigned_abs()))
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Puts commas between the thousands.
fn grouped(number: &str) -> String {
    let (sign, number) = match number.strip_prefix('-') {
        Some(number) => ("-", number),
        None => ("", number),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let mut text = sign.to_owned();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// Writes a number such as `1.234500×10⁰³`. The precision does not count, as on the real server.
fn scientific(number: f64) -> String {
    let text = format!("{number:.PRECISION$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let sign = if exponent < 0 { "⁻" } else { "" };
    let raised = format!("{:02}", exponent.abs());
    let raised = raised.chars().map(|digit| match digit {
        '0' => '⁰',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4' => '⁴',
        '5' => '⁵',
        '6' => '⁶',
        '7' => '⁷',
        '8' => '⁸',
        _ => '⁹',
    });
    format!("{digits}×10{sign}{}", raised.collect::<String>())
}

/// Returns a value as `%s` shows it.
fn shown(value: &CelValue) -> Result<String, String> {
    match value {
        CelValue::Null => Ok("null".to_owned()),
        CelValue::Type(name) => Ok(name.to_string()),
        CelValue::Double(number) => Ok(double(*number)),
        CelValue::List(list) => {
            let items: Result<Vec<_>, _> = list.items.iter().map(literal).collect();
            Ok(format!("[{}]", items?.join(", ")))
        }
        CelValue::Map(map) => {
            let mut entries = Vec::new();
            for (key, value) in &map.entries {
                entries.push((literal(&key.value())?, literal(value)?));
            }
            entries.sort();
            let entries = entries.iter().map(|(key, value)| format!("{key}:{value}"));
            Ok(format!("{{{}}}", entries.collect::<Vec<_>>().join(", ")))
        }
        value => {
            if let Some(Ok(CelValue::String(text))) = convert::string(value) {
                return Ok(text.to_string());
            }
            let clause = FormatClause {
                letter: 's',
                precision: 0,
            };
            Err(clause.wrong_type(value.type_name()).unwrap_or_default())
        }
    }
}

/// Returns a value inside of a list or a map, as a rule could have it.
fn literal(value: &CelValue) -> Result<String, String> {
    Ok(match value {
        CelValue::String(text) => quoted(text),
        CelValue::Bytes(_) => format!("b{}", quoted(&shown(value)?)),
        CelValue::Double(number) if number.is_finite() => format!("{number:.PRECISION$}"),
        CelValue::Double(_) => quoted(&shown(value)?),
        CelValue::Timestamp(_) => format!("timestamp({})", quoted(&shown(value)?)),
        CelValue::Duration(_) => format!("duration({})", quoted(&shown(value)?)),
        CelValue::Type(name) => format!("type({name})"),
        value => shown(value)?,
    })
}
