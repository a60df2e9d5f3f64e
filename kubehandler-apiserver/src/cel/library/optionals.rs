//! Functions of optional values.
//!
//! Source: `cel/library.go` of `github.com/google/cel-go`, version 2 of its optionals.

use crate::cel::{
    outcome::{EvalError, Outcome},
    value::CelValue,
};

pub(super) fn call(function: &str, arguments: &[CelValue]) -> Option<Outcome> {
    use CelValue::{Bool, List, Optional};
    Some(match (function, arguments) {
        ("optional.none", []) => Ok(Optional(None)),
        ("optional.ofNonZeroValue", [value]) if is_zero(value) => Ok(Optional(None)),
        ("optional.of" | "optional.ofNonZeroValue", [value]) => Ok(CelValue::some(value.clone())),
        ("optional.unwrap" | "unwrapOpt", [List(list)]) => {
            let values = list.items.iter().filter_map(|item| match item {
                Optional(value) => value.as_deref().cloned(),
                other => Some(other.clone()),
            });
            Ok(CelValue::list(values.collect()))
        }
        ("hasValue", [Optional(value)]) => Ok(Bool(value.is_some())),
        ("value", [Optional(Some(value))]) => Ok((**value).clone()),
        ("value", [Optional(None)]) => Err(EvalError::new("optional.none() dereference")),
        ("first", [List(list)]) => Ok(Optional(list.items.first().cloned().map(Into::into))),
        ("last", [List(list)]) => Ok(Optional(list.items.last().cloned().map(Into::into))),
        _ => return None,
    })
}

fn is_zero(value: &CelValue) -> bool {
    match value {
        CelValue::Null | CelValue::Bool(false) | CelValue::Int(0) | CelValue::Uint(0) => true,
        CelValue::Double(value) => *value == 0.0,
        CelValue::String(text) => text.is_empty(),
        CelValue::Bytes(bytes) => bytes.is_empty(),
        CelValue::Duration(span) => *span == 0,
        CelValue::List(list) => list.items.is_empty(),
        CelValue::Map(map) => map.size() == 0,
        CelValue::Optional(value) => value.as_deref().is_none_or(is_zero),
        _ => false,
    }
}
