//! Values in one order, with numbers compared by their amount: 1 and 1.0 are equal.
//!
//! Source: `value/value.go` of `sigs.k8s.io/structured-merge-diff`.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

/// Compares two values, which may be of different types.
pub(super) fn compare(lhs: &Value, rhs: &Value) -> Ordering {
    match (lhs, rhs) {
        (Value::Number(lhs), Value::Number(rhs)) => compare_numbers(lhs, rhs),
        (Value::String(lhs), Value::String(rhs)) => lhs.cmp(rhs),
        (Value::Bool(lhs), Value::Bool(rhs)) => lhs.cmp(rhs),
        (Value::Array(lhs), Value::Array(rhs)) => compare_all(lhs.iter(), rhs.iter(), compare),
        (Value::Object(lhs), Value::Object(rhs)) => compare_all(
            in_order(lhs).into_iter(),
            in_order(rhs).into_iter(),
            |lhs, rhs| lhs.0.cmp(rhs.0).then_with(|| compare(lhs.1, rhs.1)),
        ),
        _ => rank(lhs).cmp(&rank(rhs)),
    }
}

/// Returns whether two values are equal.
pub(super) fn equal(lhs: &Value, rhs: &Value) -> bool {
    match (lhs, rhs) {
        (Value::Array(lhs), Value::Array(rhs)) => {
            lhs.len() == rhs.len() && lhs.iter().zip(rhs).all(|(lhs, rhs)| equal(lhs, rhs))
        }
        (Value::Object(lhs), Value::Object(rhs)) => {
            let same = |name, lhs| rhs.get(name).is_some_and(|rhs| equal(lhs, rhs));
            lhs.len() == rhs.len() && lhs.iter().all(|(name, lhs)| same(name, lhs))
        }
        _ => compare(lhs, rhs).is_eq(),
    }
}

/// Returns the fields in the order of their names, which a feature of `serde_json` turns off.
fn in_order(fields: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut fields: Vec<_> = fields.iter().collect();
    fields.sort_by_key(|field| field.0);
    fields
}

/// Compares item by item; where one ends, it is the lesser.
pub(super) fn compare_all<T>(
    mut lhs: impl Iterator<Item = T>,
    mut rhs: impl Iterator<Item = T>,
    compare: impl Fn(T, T) -> Ordering,
) -> Ordering {
    loop {
        let order = match (lhs.next(), rhs.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(lhs), Some(rhs)) => compare(lhs, rhs),
        };
        if order.is_ne() {
            return order;
        }
    }
}

fn compare_numbers(lhs: &Number, rhs: &Number) -> Ordering {
    if let (Some(lhs), Some(rhs)) = (lhs.as_i64(), rhs.as_i64()) {
        return lhs.cmp(&rhs);
    }
    let amount = |number: &Number| number.as_f64().unwrap_or_default();
    amount(lhs)
        .partial_cmp(&amount(rhs))
        .unwrap_or(Ordering::Equal)
}

/// Returns the place of the value's type among the types.
fn rank(value: &Value) -> u8 {
    match value {
        Value::Number(_) => 0,
        Value::String(_) => 1,
        Value::Bool(_) => 2,
        Value::Array(_) => 3,
        Value::Object(_) => 4,
        Value::Null => 5,
    }
}
