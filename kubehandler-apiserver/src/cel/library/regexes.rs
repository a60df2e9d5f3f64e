//! Regular expressions.
//!
//! Source: `pkg/cel/library/regex.go` of `k8s.io/apiserver`.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
};

use regex::Regex;

use crate::cel::{
    outcome::{EvalError, Outcome},
    value::CelValue,
};

/// How many compiled expressions are kept.
const KEPT: usize = 256;

pub(super) fn call(function: &str, arguments: &[CelValue]) -> Option<Outcome> {
    use CelValue::{Bool, Int, String};
    Some(match (function, arguments) {
        ("matches", [String(text), String(regex)]) => {
            compiled(regex).map(|regex| Bool(regex.is_match(text)))
        }
        ("find", [String(text), String(regex)]) => compiled(regex).map(|regex| {
            let found = regex.find(text);
            CelValue::string(found.map_or("", |found| found.as_str()))
        }),
        ("findAll", [String(text), String(regex)]) => find_all(text, regex, -1),
        ("findAll", [String(text), String(regex), Int(limit)]) => find_all(text, regex, *limit),
        _ => return None,
    })
}

fn find_all(text: &str, regex: &str, limit: i64) -> Outcome {
    let regex = compiled(regex)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let found = regex.find_iter(text).take(limit);
    Ok(CelValue::strings(found.map(|found| found.as_str())))
}

/// Compiles an expression, or returns it as it was compiled before: loops use one again and again.
fn compiled(regex: &str) -> Result<Regex, EvalError> {
    static KNOWN: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);

    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(compiled) = known.get(regex) {
        return Ok(compiled.clone());
    }
    let compiled = Regex::new(regex).map_err(|error| {
        let why = error.to_string();
        let why = why.lines().last().unwrap_or_default();
        let text = match why.trim_start_matches("error: ") {
            "unclosed group" => format!("missing closing ): `{regex}`"),
            "unclosed character class" => {
                let class = regex.find('[').unwrap_or_default();
                format!("missing closing ]: `{}`", &regex[class..])
            }
            why => why.to_owned(),
        };
        EvalError::new(format!("error parsing regexp: {text}"))
    })?;
    if known.len() >= KEPT {
        known.clear();
    }
    known.insert(regex.to_owned(), compiled.clone());
    Ok(compiled)
}

/// Returns true if a text is a regular expression.
pub(in crate::cel) fn is_regex(text: &str) -> bool {
    Regex::new(text).is_ok()
}

/// Returns true if a text matches an expression that is known to be right.
pub(super) fn is_match(regex: &str, text: &str) -> bool {
    compiled(regex).is_ok_and(|regex| regex.is_match(text))
}
