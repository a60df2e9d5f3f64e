//! The functions and operators that rules can call, and the types that they take.
//!
//! `functions.txt` lists what a Kubernetes 1.37 API server has for new rules, one overload a line, in
//! the server's order: the name, the arguments and the result. `.` before the arguments marks a
//! method, whose first argument is the value that it is called on.

use std::{collections::HashMap, sync::LazyLock};

use super::types::CelType;

/// One way to call a function.
#[derive(Debug)]
pub(super) struct Overload {
    pub(super) is_method: bool,
    pub(super) arguments: Vec<CelType>,
    pub(super) result: CelType,
}

static ALL: LazyLock<HashMap<&'static str, Vec<Overload>>> = LazyLock::new(|| {
    let mut all: HashMap<&str, Vec<Overload>> = HashMap::new();
    for line in include_str!("functions.txt").lines() {
        if let Some((name, overload)) = parse(line) {
            all.entry(name).or_default().push(overload);
        }
    }
    all
});

/// Reads a line such as `contains .string, string -> bool`.
fn parse(line: &'static str) -> Option<(&'static str, Overload)> {
    let (call, result) = line.split_once(" -> ")?;
    let (name, arguments) = call.split_once(' ')?;
    let method = arguments.strip_prefix('.');
    let arguments = method.unwrap_or(arguments);
    let list = CelType::parse(&format!("arguments({arguments})"));
    let CelType::Opaque(_, arguments) = list else {
        return None;
    };
    let overload = Overload {
        is_method: method.is_some(),
        arguments: arguments.to_vec(),
        result: CelType::parse(result),
    };
    Some((name, overload))
}

/// Returns the overloads of a function, or `None` if there is no such function.
pub(super) fn overloads(name: &str) -> Option<&'static [Overload]> {
    ALL.get(name).map(Vec::as_slice)
}

impl Overload {
    /// Returns true if a type parameter is in the arguments or the result.
    pub(super) fn mentions(&self, parameter: &str) -> bool {
        let mut all = self.arguments.iter().chain([&self.result]);
        all.any(|ty| ty.has_parameter(parameter))
    }
}
