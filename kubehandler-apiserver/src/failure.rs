//! A request that failed: the `Status` that says so, in the words of the real server.

use serde_json::Value;

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
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Details {
    /// The object's name.
    pub(crate) name: String,
    /// The object's group.
    pub(crate) group: String,
    /// The resource (not the kind) for most reasons, the kind for `Invalid`.
    pub(crate) kind: String,
    /// The object's uid.
    pub(crate) uid: String,
    /// What is wrong, one by one.
    pub(crate) causes: Vec<Cause>,
    /// Seconds until it is worth trying again; the header `Retry-After` repeats it.
    pub(crate) retry_after_seconds: u32,
}

/// One cause in the `details` of a `Status`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Cause {
    /// Such as `FieldValueInvalid`.
    pub(crate) reason: String,
    /// For people.
    pub(crate) message: String,
    /// The path of the field, such as `metadata.name`.
    pub(crate) field: String,
}

impl Failure {
    /// Returns the `Status` object.
    pub(crate) fn to_status(&self) -> Value {
        unimplemented!("{self:?}")
    }
}
