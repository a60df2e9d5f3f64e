//! What the server serves: every resource with its versions, verbs, scope and rules, as data.

mod builtin;
mod catalog;
mod custom;
mod resource;
mod version;

pub(crate) use self::{
    catalog::{Catalog, Group},
    resource::{NameRule, Resource, Rules, ScalePaths, Subresource, Text, Version},
};
