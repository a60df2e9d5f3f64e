//! What was found, before it is known where the value stands in its object.

use serde_json::Value;

use crate::failure::Cause;

/// What is wrong with a value, and how much of its schema it matches.
#[derive(Default)]
pub(super) struct Problems {
    pub(super) problems: Vec<Problem>,
    /// Of several schemas that fail, the one with the most matches is reported.
    pub(super) matches: usize,
}

/// One thing that is wrong.
pub(super) struct Problem {
    /// What the validator says; two problems that say the same are one.
    text: String,
    /// The path below the value that is validated; `None` for a text without a place.
    path: Option<String>,
    kind: Sort,
}

enum Sort {
    Invalid(Value),
    Type(Value),
    Required,
    Choice(Value, Vec<Value>),
    TooLong(i64),
    TooMany(usize, i64),
}

impl Problems {
    pub(super) fn is_valid(&self) -> bool {
        self.problems.is_empty()
    }

    pub(super) fn push(&mut self, problem: Problem) {
        if self.problems.iter().all(|known| known.text != problem.text) {
            self.problems.push(problem);
        }
    }

    pub(super) fn extend(&mut self, problem: Option<Problem>) {
        if let Some(problem) = problem {
            self.push(problem);
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        for problem in other.problems {
            self.push(problem);
        }
        self.matches += other.matches;
    }

    /// Returns the causes, with paths below `field`.
    pub(super) fn into_causes(self, field: &str) -> Vec<Cause> {
        let problems = self.problems.into_iter();
        problems.map(|problem| problem.into_cause(field)).collect()
    }
}

impl Problem {
    fn new(path: &str, text: String, kind: Sort) -> Self {
        Self {
            text,
            path: Some(path.to_owned()),
            kind,
        }
    }

    /// A text about no place in particular.
    pub(super) fn general(text: String) -> Self {
        Self {
            text,
            path: None,
            kind: Sort::Invalid(Value::from("")),
        }
    }

    pub(super) fn invalid(path: &str, value: Value, text: String) -> Self {
        Self::new(path, text, Sort::Invalid(value))
    }

    pub(super) fn of_type(path: &str, wanted: &str, actual: &str) -> Self {
        let quoted = crate::failure::quoted(actual);
        let text = format!("{path} in body must be of type {wanted}: {quoted}");
        Self::new(path, text, Sort::Type(Value::from(actual)))
    }

    pub(super) fn required(path: &str) -> Self {
        Self::new(path, format!("{path} in body is required"), Sort::Required)
    }

    pub(super) fn choice(path: &str, value: &Value, allowed: &[Value]) -> Self {
        let text = format!("{path} in body should be one of the known values");
        Self::new(path, text, Sort::Choice(value.clone(), allowed.to_vec()))
    }

    pub(super) fn too_long(path: &str, max: i64) -> Self {
        let text = format!("{path} in body should be at most {max} chars long");
        Self::new(path, text, Sort::TooLong(max))
    }

    pub(super) fn too_many(path: &str, actual: usize, max: i64, what: &str) -> Self {
        let text = format!("{path} in body should have at most {max} {what}");
        Self::new(path, text, Sort::TooMany(actual, max))
    }

    fn into_cause(self, field: &str) -> Cause {
        let path = self.path.as_deref().unwrap_or_default();
        let path = path.strip_prefix('.').unwrap_or(path);
        let field = match (field, path) {
            ("", "") => "<nil>".to_owned(),
            ("", path) => path.to_owned(),
            (field, "") => field.to_owned(),
            (field, path) => format!("{field}.{path}"),
        };
        match self.kind {
            Sort::Invalid(value) => Cause::invalid(field, value, &self.text),
            Sort::Type(value) => Cause::type_invalid(field, value, &self.text),
            Sort::Required => Cause::required(field, ""),
            Sort::Choice(value, allowed) => {
                let allowed: Vec<String> = allowed.iter().map(shown).collect();
                let allowed: Vec<&str> = allowed.iter().map(String::as_str).collect();
                Cause::not_supported(field, value, &allowed)
            }
            Sort::TooLong(max) => Cause::too_long(field, usize::try_from(max).unwrap_or_default()),
            Sort::TooMany(actual, max) => Cause::too_many(field, actual, max),
        }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
