//! The structured merge of server-side apply: who manages which fields, and what a write makes of them.
//!
//! It knows values, types and managers, and nothing of requests or of metadata.
//!
//! Source: KEP-555, and `sigs.k8s.io/structured-merge-diff`.

#![cfg_attr(
    not(test),
    expect(
        dead_code,
        reason = "what is extracted, and patterns of fields, are for endpoints that are not there yet"
    )
)]

mod conflict;
mod field_set;
mod fields_v1;
mod filter;
mod manage;
mod object_type;
mod paths;
mod printed;
#[cfg(test)]
mod tests;
mod typed;
mod values;
mod versions;

pub(crate) use self::{
    conflict::{Conflict, Conflicts},
    field_set::FieldSet,
    filter::Filter,
    manage::{Managed, Managers, MergeError, Updater},
    object_type::ObjectType,
    typed::TypeErrors,
    versions::{ConvertError, Versions},
};
#[cfg(test)]
use self::{
    filter::{PathPattern, Step},
    paths::{FieldPath, PathElement},
    typed::Duplicates,
};
