//! Operators: arithmetic, comparison, membership and selection.

use std::{cmp::Ordering, sync::Arc};

use jiff::SignedDuration;

use super::times;
use crate::cel::{
    access::{found, indexed},
    outcome::{EvalError, Outcome},
    value::{CelValue, Key},
};

pub(super) fn call(function: &str, arguments: &[CelValue]) -> Option<Outcome> {
    Some(match (function, arguments) {
        ("_==_", [one, other]) => Ok(CelValue::Bool(one.equals(other))),
        ("_!=_", [one, other]) => Ok(CelValue::Bool(!one.equals(other))),
        ("_<_", [one, other]) => compare(one, other, Ordering::is_lt),
        ("_<=_", [one, other]) => compare(one, other, Ordering::is_le),
        ("_>_", [one, other]) => compare(one, other, Ordering::is_gt),
        ("_>=_", [one, other]) => compare(one, other, Ordering::is_ge),
        ("_+_", [one, other]) => add(one, other),
        ("_-_", [one, other]) => subtract(one, other),
        ("_*_", [one, other]) => multiply(one, other),
        ("_/_", [one, other]) => divide(one, other),
        ("_%_", [one, other]) => remainder(one, other),
        ("-_", [value]) => negate(value),
        ("!_", [CelValue::Bool(value)]) => Ok(CelValue::Bool(!value)),
        ("_[_]", [operand, key]) => indexed(operand, key),
        ("_[?_]" | "_?._", [operand, key]) => found(operand, key),
        ("@in", [value, CelValue::List(list)]) => {
            let is_in = list.items.iter().any(|item| item.equals(value));
            Ok(CelValue::Bool(is_in))
        }
        ("@in", [key, CelValue::Map(map)]) => {
            let key = Key::of(key);
            Ok(CelValue::Bool(
                key.is_some_and(|key| map.entries.contains_key(&key)),
            ))
        }
        _ => return None,
    })
}

fn compare(one: &CelValue, other: &CelValue, holds: fn(Ordering) -> bool) -> Outcome {
    if !one.has_order_with(other) {
        return Err(EvalError::no_overload());
    }
    match one.compared(other) {
        Some(order) => Ok(CelValue::Bool(holds(order))),
        None => Err(EvalError::new("NaN values cannot be ordered")),
    }
}

/// Returns the number, or the error that it is out of range.
fn int(value: Option<i64>) -> Outcome {
    let value = value.ok_or_else(|| EvalError::new("integer overflow"))?;
    Ok(CelValue::Int(value))
}

fn uint(value: Option<u64>) -> Outcome {
    let value = value.ok_or_else(|| EvalError::new("unsigned integer overflow"))?;
    Ok(CelValue::Uint(value))
}

fn span(value: Option<i64>) -> Outcome {
    let value = value.ok_or_else(|| EvalError::new("integer overflow"))?;
    Ok(CelValue::Duration(value))
}

pub(super) fn add(one: &CelValue, other: &CelValue) -> Outcome {
    use CelValue::{Bytes, Double, Duration, Int, List, String, Timestamp, Uint};
    match (one, other) {
        (Int(one), Int(other)) => int(one.checked_add(*other)),
        (Uint(one), Uint(other)) => uint(one.checked_add(*other)),
        (Double(one), Double(other)) => Ok(Double(one + other)),
        (String(one), String(other)) => Ok(String(format!("{one}{other}").into())),
        (Bytes(one), Bytes(other)) => Ok(Bytes([&**one, &**other].concat().into())),
        (List(one), List(other)) => Ok(List(Arc::new(one.added(other)))),
        (Duration(one), Duration(other)) => span(one.checked_add(*other)),
        (Timestamp(time), Duration(span)) | (Duration(span), Timestamp(time)) => {
            times::shifted(*time, SignedDuration::from_nanos(*span))
        }
        _ => Err(EvalError::no_overload()),
    }
}

fn subtract(one: &CelValue, other: &CelValue) -> Outcome {
    use CelValue::{Double, Duration, Int, Timestamp, Uint};
    match (one, other) {
        (Int(one), Int(other)) => int(one.checked_sub(*other)),
        (Uint(one), Uint(other)) => uint(one.checked_sub(*other)),
        (Double(one), Double(other)) => Ok(Double(one - other)),
        (Duration(one), Duration(other)) => span(one.checked_sub(*other)),
        (Timestamp(time), Duration(span)) => {
            times::shifted(*time, -SignedDuration::from_nanos(*span))
        }
        (Timestamp(one), Timestamp(other)) => {
            let between = one.duration_since(*other).as_nanos();
            span(i64::try_from(between).ok())
        }
        _ => Err(EvalError::no_overload()),
    }
}

fn multiply(one: &CelValue, other: &CelValue) -> Outcome {
    use CelValue::{Double, Int, Uint};
    match (one, other) {
        (Int(one), Int(other)) => int(one.checked_mul(*other)),
        (Uint(one), Uint(other)) => uint(one.checked_mul(*other)),
        (Double(one), Double(other)) => Ok(Double(one * other)),
        _ => Err(EvalError::no_overload()),
    }
}

fn divide(one: &CelValue, other: &CelValue) -> Outcome {
    use CelValue::{Double, Int, Uint};
    match (one, other) {
        (Int(_), Int(0)) | (Uint(_), Uint(0)) => Err(EvalError::new("division by zero")),
        (Int(one), Int(other)) => int(one.checked_div(*other)),
        (Uint(one), Uint(other)) => uint(one.checked_div(*other)),
        (Double(one), Double(other)) => Ok(Double(one / other)),
        _ => Err(EvalError::no_overload()),
    }
}

fn remainder(one: &CelValue, other: &CelValue) -> Outcome {
    use CelValue::{Int, Uint};
    match (one, other) {
        (Int(_), Int(0)) | (Uint(_), Uint(0)) => Err(EvalError::new("modulus by zero")),
        (Int(one), Int(other)) => int(one.checked_rem(*other)),
        (Uint(one), Uint(other)) => uint(one.checked_rem(*other)),
        _ => Err(EvalError::no_overload()),
    }
}

fn negate(value: &CelValue) -> Outcome {
    match value {
        CelValue::Int(value) => int(value.checked_neg()),
        CelValue::Double(value) => Ok(CelValue::Double(-value)),
        CelValue::Duration(value) => span(value.checked_neg()),
        _ => Err(EvalError::no_overload()),
    }
}
