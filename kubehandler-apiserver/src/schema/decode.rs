//! Reads JSON as Go reads it into a type: what does not fit is refused, what is not known is left out.
//!
//! Source: `sigs.k8s.io/json`, which is Go's `encoding/json` with strictness of its own.

mod base64;
mod findings;
mod literal;
#[cfg(test)]
mod tests;
mod typed;
mod untyped;

use serde::de::DeserializeSeed as _;
use serde_json::Value;

pub(crate) use self::findings::Finding;
use self::{
    findings::Findings,
    typed::{Reader, Seed},
    untyped::{Level, Walk},
};
use super::builtin::Definition;

/// A value as its type has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decoded {
    /// Without what the type does not know, and without what it leaves out.
    pub(crate) value: Value,
    /// What strict decoding has against it, in the order of the text.
    pub(crate) findings: Vec<Finding>,
}

/// Reads a value of a type; the error is for people.
pub(crate) fn decode(text: &str, definition: &'static Definition) -> Result<Decoded, String> {
    let mut reader = Reader::default();
    let mut json = serde_json::Deserializer::from_str(text);
    let read = Seed::root(&mut reader, definition).deserialize(&mut json);
    let findings = reader.finish()?;
    let value = read.map_err(|error| error.to_string())?;
    Ok(Decoded {
        value: value.unwrap_or_default(),
        findings,
    })
}

/// Returns what is in a value twice, which can be of any type.
pub(crate) fn duplicates(text: &str) -> Vec<Finding> {
    walk(text, Level::Value)
}

/// Returns what is twice in a JSON patch, and the members of operations that none has.
pub(crate) fn of_operations(text: &str) -> Vec<Finding> {
    walk(text, Level::Operations)
}

fn walk(text: &str, level: Level) -> Vec<Finding> {
    let mut findings = Findings::default();
    let mut json = serde_json::Deserializer::from_str(text);
    let walked = Walk::new(&mut findings, level).deserialize(&mut json);
    // Text that is no JSON is refused elsewhere.
    walked.map_or_else(|_| Vec::new(), |()| findings.all())
}
