//! What a PATCH makes of an object.
//!
//! Source: `k8s.io/apiserver/pkg/endpoints/handlers/patch.go`.

mod merge;
mod operations;

use serde_json::Value;

use super::{
    Updated, Write,
    decode::{self, Expected},
};
use crate::{
    failure::{Details, Failure},
    object::{self, type_name},
    wire::media::json,
};

/// The most operations that a JSON patch may have.
const MAX_OPERATIONS: usize = 10_000;

/// A patch as a request brought it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Patch {
    /// RFC 6902: a list of operations.
    Json(Value),
    /// RFC 7386: the fields that change.
    Merge(Value),
}

impl Patch {
    /// Reads a JSON patch.
    pub(crate) fn json(bytes: &[u8]) -> Result<Self, Failure> {
        parse(bytes).map(Self::Json)
    }

    /// Reads a merge patch.
    pub(crate) fn merge(bytes: &[u8]) -> Result<Self, Failure> {
        parse(bytes).map(Self::Merge)
    }

    /// Returns the object as the patch leaves it.
    pub(crate) fn apply(&self, object: &Value) -> Result<Value, Failure> {
        match self {
            Self::Json(patch) => {
                let operations = operations(patch)?;
                let mut patched = object.clone();
                operations::apply(&mut patched, operations).map_err(|_| rejected())?;
                Ok(patched)
            }
            Self::Merge(Value::Object(patch)) => {
                let mut patched = object.clone();
                merge::apply(object::as_fields(&mut patched), patch);
                Ok(patched)
            }
            Self::Merge(Value::Null) => Err(Failure::bad_request("Invalid JSON Patch")),
            Self::Merge(other) => {
                let ty = type_name(other);
                Err(undecodable(&format!(
                    "json: cannot unmarshal {ty} into Go value of type map[string]interface {{}}"
                )))
            }
        }
    }
}

impl Write<'_> {
    /// Returns what a PATCH makes of the object that is there, if there is one.
    pub(crate) fn patch(&self, old: Option<&Value>, patch: &Patch) -> Result<Updated, Failure> {
        let old = old.ok_or_else(|| self.not_found())?;
        let mut shown = old.clone();
        object::set_field(
            &mut shown,
            "apiVersion",
            Some(Value::from(self.api_version())),
        );
        let patched = decode_patched(patch.apply(&shown)?, &self.expected())?;
        self.update_patched(old, patched)
    }

    fn update_patched(&self, old: &Value, mut patched: Value) -> Result<Updated, Failure> {
        self.place(&mut patched)?;
        self.check_name(&patched)?;
        self.manage(Some(old), &mut patched);
        self.update(old, patched)
    }
}

/// Reads what a patch led to.
pub(crate) fn decode_patched(patched: Value, expected: &Expected<'_>) -> Result<Value, Failure> {
    let shown = patched.clone();
    let text = shown.to_string();
    decode::decode(patched, expected, text.as_bytes()).map_err(|wrong| wrong.of_patch(&shown))
}

fn parse(bytes: &[u8]) -> Result<Value, Failure> {
    json::parse(bytes).map_err(|_| Failure::bad_request("invalid JSON patch"))
}

fn undecodable(why: &str) -> Failure {
    Failure::bad_request(format!("error decoding patch: {why}"))
}

/// An operation that cannot be done; the real server does not say which.
fn rejected() -> Failure {
    let mut failure = Failure::new(
        422,
        "Invalid",
        "the server rejected our request due to an error in our request",
    );
    failure.details = Some(Box::new(Details::default()));
    failure
}

fn operations(patch: &Value) -> Result<&[Value], Failure> {
    let operations = match patch {
        Value::Null => return Ok(&[]),
        Value::Array(operations) => operations,
        other => {
            let ty = type_name(other);
            return Err(undecodable(&format!(
                "json: cannot unmarshal {ty} into Go value of type []handlers.jsonPatchOp"
            )));
        }
    };
    for operation in operations {
        check_operation(operation).map_err(|why| undecodable(&why))?;
    }
    if operations.len() > MAX_OPERATIONS {
        return Err(Failure::new(
            413,
            "RequestEntityTooLarge",
            format!(
                "Request entity too large: The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {}",
                operations.len()
            ),
        ));
    }
    Ok(operations)
}

fn check_operation(operation: &Value) -> Result<(), String> {
    let fields = json::Struct::new(operation, "jsonPatchOp", "handlers.jsonPatchOp")?;
    for name in ["op", "path", "from"] {
        fields.text(name, "string")?;
    }
    Ok(())
}
