//! What functions and operators do.
//!
//! The types of arguments were checked when the rule was read, except where they are known only now.
//!
//! Source: `common/types`, `common/stdlib` and `ext` of `github.com/google/cel-go`, and
//! `pkg/cel/library` of `k8s.io/apiserver`.

mod addresses;
mod convert;
pub(super) mod format;
mod formats;
mod lists;
mod operators;
mod optionals;
mod quantities;
pub(super) mod regexes;
mod semver;
mod strings;
mod times;
mod timezones;
mod urls;

use super::{
    outcome::{EvalError, Outcome},
    value::CelValue,
};

/// Calls a function. What it does beside reading its arguments is added to the cost.
pub(super) fn call(function: &str, arguments: &[CelValue], cost: &mut u64) -> Outcome {
    let libraries = [
        operators::call,
        strings::call,
        lists::call,
        convert::call,
        optionals::call,
        times::call,
        regexes::call,
        quantities::call,
        addresses::call,
        urls::call,
        semver::call,
        formats::call,
    ];
    *cost = cost.saturating_add(work(function, arguments));
    let mut found = libraries
        .iter()
        .filter_map(|library| library(function, arguments));
    found
        .next()
        .unwrap_or_else(|| Err(unknown(function, arguments)))
}

/// Returns the error for arguments that a function does not take. Some functions are not named.
fn unknown(function: &str, arguments: &[CelValue]) -> EvalError {
    match function {
        "contains" | "startsWith" | "endsWith" | "matches" | "or" | "orValue" => {
            EvalError::no_overload()
        }
        "size" => EvalError::new("no such overload: size"),
        _ if function.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            let types = arguments.iter().map(CelValue::type_name);
            let types = types.collect::<Vec<_>>().join(", ");
            EvalError::new(format!("no such overload: {function}({types})"))
        }
        _ => EvalError::no_overload(),
    }
}

/// Returns the work of a function that reads its arguments again and again.
fn work(function: &str, arguments: &[CelValue]) -> u64 {
    let is_unordered = |value: &CelValue| matches!(value, CelValue::List(list) if list.kind != super::value::ListKind::Atomic);
    let mut weights = arguments
        .iter()
        .map(|argument| argument.weight().max(1) as u64);
    match function {
        "distinct" => weights.map(|weight| weight.saturating_mul(weight)).sum(),
        "sets.contains" | "sets.equivalent" | "sets.intersects" | "matches" | "find"
        | "findAll" => weights.fold(1, u64::saturating_mul),
        "_+_" | "_==_" | "_!=_" if arguments.iter().any(is_unordered) => {
            weights.fold(1, u64::saturating_mul)
        }
        "replace" => {
            let (text, new) = (weights.next().unwrap_or(1), weights.nth(1).unwrap_or(1));
            text.saturating_mul(new)
        }
        _ => 0,
    }
}
