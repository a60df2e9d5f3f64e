//! Values of a type: checked, compared, merged, and taken apart.
//!
//! Source: `typed` of `sigs.k8s.io/structured-merge-diff`.

mod compare;
mod errors;
mod fields;
mod items;
mod merging;
mod reconcile;
mod remove;
mod validate;

pub(crate) use self::{compare::Comparison, errors::TypeErrors, validate::Duplicates};
