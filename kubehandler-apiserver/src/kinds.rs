//! What the server serves: every resource with its versions, verbs and scope as data, and what its kind
//! does in its own way as a [`Strategy`].

pub(crate) mod apiextensions;
mod apps;
mod batch;
mod builtin;
mod catalog;
mod core;
mod custom;
mod defaults;
mod groups;
pub(crate) mod names;
mod pod_spec;
mod resource;
pub(crate) mod strategy;
mod version;
mod workload;

pub(crate) use self::{
    catalog::{Catalog, Group},
    core::{events, services},
    names::name as name_errors,
    resource::{
        CustomTypes, NameRule, Resource, Rules, ScalePaths, Subresource, Text, Version, api_version,
    },
};
use self::{custom::Custom, strategy::Strategy};

/// Returns what the resource does in its own way.
pub(crate) fn strategy_of(resource: &Resource) -> &'static dyn Strategy {
    if resource.rules.is_custom {
        return &Custom;
    }
    let plural = &*resource.plural;
    match &*resource.group {
        "" => core::strategy(plural),
        "apps" => apps::strategy(plural),
        "batch" => batch::strategy(plural),
        "apiextensions.k8s.io" => apiextensions::strategy(plural),
        group => groups::strategy(group, plural),
    }
}
