//! A request that failed: the `Status` that says so, in the words of the real server.

mod cause;
mod quote;
#[cfg(test)]
mod tests;
mod words;

use serde::{Serialize, Serializer, ser::SerializeStruct};
use serde_json::Value;

pub(crate) use self::{
    cause::aggregate,
    quote::{is_printable, quoted},
    words::PAGE_NOT_FOUND,
};

/// A request that failed.
///
/// Source of reasons and words: `k8s.io/apimachinery/pkg/api/errors`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    /// The HTTP status code, which the `Status` repeats.
    pub(crate) code: u16,
    /// Such as `NotFound`; empty if there is none.
    pub(crate) reason: &'static str,
    /// What went wrong, for people.
    pub(crate) message: String,
    /// Which object, and which causes.
    pub(crate) details: Option<Box<Details>>,
    /// `metadata.continue` of the `Status`, for an expired list that can go on inconsistently.
    pub(crate) continue_token: Option<String>,
}

/// The `details` of a `Status`. Empty fields are left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Details {
    /// The object's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) name: String,
    /// The object's group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) group: String,
    /// The resource (not the kind) for most reasons, the kind for `Invalid`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) kind: String,
    /// The object's uid.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) uid: String,
    /// What is wrong, one by one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) causes: Vec<Cause>,
    /// Seconds until it is worth trying again; the header `Retry-After` repeats it.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) retry_after_seconds: u32,
}

/// One cause in the `details` of a `Status`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Cause {
    /// Such as `FieldValueInvalid`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) reason: String,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) message: String,
    /// The path of the field, such as `metadata.name`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) field: String,
}

impl Failure {
    /// Says first that a real server has `what` was asked for.
    ///
    /// At the beginning it is seen also where a long message is cut.
    pub(crate) fn not_embedded(mut self, what: &str) -> Self {
        self.message = format!(
            "{what} is not in the embedded server (the README of kubehandler-apiserver lists all that \
             is missing under `What is not there`): {}",
            self.message
        );
        self
    }

    /// Returns the `Status` object.
    pub(crate) fn to_status(&self) -> Value {
        serde_json::to_value(self).expect("a status has only string keys")
    }
}

/// Writes the `Status` object, its fields in the order of the real server.
impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Metadata<'a> {
            #[serde(rename = "continue", skip_serializing_if = "Option::is_none")]
            token: Option<&'a str>,
        }

        let metadata = Metadata {
            token: self.continue_token.as_deref(),
        };
        let mut status = serializer.serialize_struct("Status", 8)?;
        status.serialize_field("kind", "Status")?;
        status.serialize_field("apiVersion", "v1")?;
        status.serialize_field("metadata", &metadata)?;
        status.serialize_field("status", "Failure")?;
        status.serialize_field("message", &self.message)?;
        if self.reason.is_empty() {
            status.skip_field("reason")?;
        } else {
            status.serialize_field("reason", self.reason)?;
        }
        match &self.details {
            Some(details) => status.serialize_field("details", details)?,
            None => status.skip_field("details")?,
        }
        status.serialize_field("code", &self.code)?;
        status.end()
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_zero(seconds: &u32) -> bool {
    *seconds == 0
}
