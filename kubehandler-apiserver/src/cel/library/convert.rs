//! Conversions between types, and `size` and `type`.
//!
//! Source: `common/types/{int,uint,double,string,bytes,bool}.go` of `github.com/google/cel-go`.

use std::sync::Arc;

use crate::{
    cel::{
        outcome::{EvalError, Outcome},
        value::{CelValue, double, times},
    },
    numbers::{parse_i64, parse_u64},
};

pub(super) fn call(function: &str, arguments: &[CelValue]) -> Option<Outcome> {
    let [value] = arguments else {
        return None;
    };
    Some(match (function, value) {
        ("int", value) => return int(value),
        ("uint", value) => return uint(value),
        ("double", value) => return to_double(value),
        ("string", value) => return string(value),
        ("bool", CelValue::Bool(value)) => Ok(CelValue::Bool(*value)),
        ("bool", CelValue::String(text)) => match &**text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(CelValue::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(CelValue::Bool(false)),
            _ => Err(failed("string", "bool")),
        },
        ("bytes", CelValue::Bytes(bytes)) => Ok(CelValue::Bytes(bytes.clone())),
        ("bytes", CelValue::String(text)) => Ok(CelValue::Bytes(text.as_bytes().into())),
        ("dyn", value) => Ok(value.clone()),
        ("type", value) => Ok(CelValue::Type(value.type_name().into())),
        ("size", CelValue::Bytes(bytes)) => Ok(CelValue::count(bytes.len())),
        ("size", CelValue::List(list)) => Ok(CelValue::count(list.items.len())),
        ("size", CelValue::Map(map)) => Ok(CelValue::count(map.size())),
        _ => return None,
    })
}

pub(super) fn failed(from: &str, to: &str) -> EvalError {
    EvalError::new(format!("type conversion error from '{from}' to '{to}'"))
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn int(value: &CelValue) -> Option<Outcome> {
    let overflow = || EvalError::new("integer overflow");
    let number = match value {
        CelValue::Int(value) => Ok(*value),
        CelValue::Uint(value) => i64::try_from(*value).map_err(|_| overflow()),
        CelValue::Double(value) if value.abs() < 9_223_372_036_854_775_807.0 => Ok(*value as i64),
        CelValue::Double(_) => Err(overflow()),
        CelValue::String(text) => parse_i64(text).map_err(|_| failed("string", "int")),
        CelValue::Timestamp(time) => Ok(times::unix_seconds(*time)),
        CelValue::Duration(span) => Ok(*span),
        _ => return None,
    };
    Some(number.map(CelValue::Int))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range is checked"
)]
fn uint(value: &CelValue) -> Option<Outcome> {
    let overflow = || EvalError::new("unsigned integer overflow");
    let number = match value {
        CelValue::Uint(value) => Ok(*value),
        CelValue::Int(value) => u64::try_from(*value).map_err(|_| overflow()),
        CelValue::Double(value) if (0.0..18_446_744_073_709_551_615.0).contains(value) => {
            Ok(*value as u64)
        }
        CelValue::Double(_) => Err(overflow()),
        CelValue::String(text) => parse_u64(text).map_err(|_| failed("string", "uint")),
        _ => return None,
    };
    Some(number.map(CelValue::Uint))
}

#[expect(clippy::cast_precision_loss, reason = "the nearest double is meant")]
fn to_double(value: &CelValue) -> Option<Outcome> {
    Some(match value {
        CelValue::Double(value) => Ok(CelValue::Double(*value)),
        CelValue::Int(value) => Ok(CelValue::Double(*value as f64)),
        CelValue::Uint(value) => Ok(CelValue::Double(*value as f64)),
        CelValue::String(text) => {
            let read = text.parse().map(CelValue::Double);
            read.map_err(|_| failed("string", "double"))
        }
        _ => return None,
    })
}

/// Returns a value as text, if it can be one.
pub(super) fn string(value: &CelValue) -> Option<Outcome> {
    let text: Arc<str> = match value {
        CelValue::String(text) => text.clone(),
        CelValue::Bool(value) => value.to_string().into(),
        CelValue::Int(value) => value.to_string().into(),
        CelValue::Uint(value) => value.to_string().into(),
        CelValue::Double(value) => double(*value).into(),
        CelValue::Bytes(bytes) => {
            let Ok(text) = std::str::from_utf8(bytes) else {
                let text = "invalid UTF-8 in bytes, cannot convert to string";
                return Some(Err(EvalError::new(text)));
            };
            text.into()
        }
        CelValue::Timestamp(time) => times::shown(*time).into(),
        CelValue::Duration(span) => times::seconds(*span).into(),
        CelValue::Ip(ip) => ip.to_string().into(),
        CelValue::Cidr(ip, bits) => format!("{ip}/{bits}").into(),
        _ => return None,
    };
    Some(Ok(CelValue::String(text)))
}
