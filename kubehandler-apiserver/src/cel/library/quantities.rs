//! Functions of amounts of resources.
//!
//! Source: `pkg/cel/library/quantity.go` of `k8s.io/apiserver`.

use crate::cel::{
    outcome::{EvalError, Outcome},
    value::{Amount, CelValue},
};

pub(super) fn call(function: &str, arguments: &[CelValue]) -> Option<Outcome> {
    use CelValue::{Bool, Double, Int, Quantity, String};
    Some(match (function, arguments) {
        ("quantity", [String(text)]) => Amount::parse(text).map(Quantity).map_err(EvalError::new),
        ("isQuantity", [String(text)]) => Ok(Bool(Amount::parse(text).is_ok())),
        ("sign", [Quantity(amount)]) => Ok(Int(amount.sign())),
        ("isGreaterThan", [Quantity(one), Quantity(other)]) => {
            Ok(Bool(one.compared(other).is_gt()))
        }
        ("isLessThan", [Quantity(one), Quantity(other)]) => Ok(Bool(one.compared(other).is_lt())),
        ("compareTo", [Quantity(one), Quantity(other)]) => {
            Ok(Int(i64::from(one.compared(other) as i8)))
        }
        ("asApproximateFloat", [Quantity(amount)]) => Ok(Double(amount.approximate())),
        ("isInteger", [Quantity(amount)]) => Ok(Bool(amount.integer().is_some())),
        ("asInteger", [Quantity(amount)]) => match amount.integer() {
            Some(number) => Ok(Int(number)),
            None => Err(EvalError::new("cannot convert value to integer")),
        },
        ("add", [Quantity(one), Quantity(other)]) => Ok(Quantity(one.plus(*other))),
        ("add", [Quantity(one), Int(other)]) => Ok(Quantity(one.plus(Amount::whole(*other)))),
        ("sub", [Quantity(one), Quantity(other)]) => Ok(Quantity(one.plus(other.negative()))),
        ("sub", [Quantity(one), Int(other)]) => {
            Ok(Quantity(one.plus(Amount::whole(*other).negative())))
        }
        _ => return None,
    })
}
