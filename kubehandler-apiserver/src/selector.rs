//! Selectors: which objects of a resource a list, watch or collection of deletes is about.

mod field;
mod label;

pub(crate) use self::{field::FieldSelector, label::LabelSelector};
