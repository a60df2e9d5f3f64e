//! What a write does to an object: pure decisions, with the words of the real server.
//!
//! A verb looks the object up, asks here what becomes of it, and commits that.
//! `resourceVersion` is the storage's: what is returned here has the one of the object that is
//! there already, or none.
//!
//! Not done, and therefore accepted where the real server refuses: most of what kinds check. What is
//! particular to a kind, such as its default values, is in `kinds`.

mod bind;
mod collector;
mod conditions;
mod create;
mod custom;
mod decode;
mod delete;
mod edit;
mod embedded;
mod evict;
mod fields;
mod labels;
mod manage;
mod metadata;
mod namespaces;
mod patch;
mod scale;
#[cfg(test)]
mod tests;
mod update;
mod validate;

use std::borrow::Cow;

use serde_json::Value;

use crate::kinds::{Resource, Version, api_version};

pub(crate) use self::{
    collector::{Action, Collector, ObjectId, OwnerKind, Seen, World},
    create::{NAME_ATTEMPTS, already_exists, generates_name},
    decode::unrecognized,
    delete::{Deletion, deleted_answer},
    edit::Edit,
    evict::{disrupt, evicted},
    fields::FieldChecks,
    manage::Writer,
    namespaces::{Contents, Termination, terminate},
    patch::Patch,
};

/// A write of one object: where it goes, and what time it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Write<'a> {
    pub(crate) resource: &'a Resource,
    pub(crate) version: &'a Version,
    /// The part of the object that may change.
    pub(crate) part: Part,
    /// The namespace in the URL; absent if the resource is in none.
    pub(crate) namespace: Option<&'a str>,
    /// What the storage knows of that namespace.
    pub(crate) namespace_state: NamespaceState,
    /// The name in the URL; empty for a POST.
    pub(crate) name: &'a str,
    /// The time as metadata shows it, such as `2026-01-01T00:00:00Z`.
    pub(crate) now: &'a str,
    /// Who writes.
    pub(crate) writer: Writer<'a>,
    /// The uid of an object that this write creates.
    pub(crate) new_uid: &'a str,
    /// Tells whether the server knows a kind of this `apiVersion`.
    pub(crate) is_known: fn(api_version: &str, kind: &str) -> bool,
    /// What becomes of fields that the kind does not have.
    pub(crate) checks: &'a FieldChecks,
}

/// The part of an object that a write may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All but what subresources own.
    Main,
    /// `status`.
    Status,
    /// `spec.finalizers` of a namespace.
    Finalize,
}

/// What is known of the namespace that a write goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamespaceState {
    /// It takes new objects, or the resource is in no namespace.
    Active,
    /// It takes no new objects.
    Terminating,
    /// There is none of this name.
    Missing,
}

/// An object as a request brought it.
#[derive(Clone, Debug)]
pub(crate) struct Body<'a> {
    /// What it says.
    pub(crate) value: Value,
    /// The bytes, which messages quote.
    pub(crate) bytes: Cow<'a, [u8]>,
}

/// What a write makes of an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Updated {
    /// There was none, and this is the new one.
    Create(Value),
    /// Nothing changes; no version is spent.
    Unchanged,
    /// This takes its place.
    Put(Value),
    /// It goes, since nothing holds it any longer.
    ///
    /// The answer shows this object, with the version it had; watches see the one that was there.
    Remove(Value),
}

impl Write<'_> {
    /// Returns the `apiVersion` of the objects, such as `apps/v1`.
    fn api_version(&self) -> String {
        api_version(self.resource, self.version)
    }

    fn has_subresource(&self, name: &str) -> bool {
        self.version.subresources.iter().any(|sub| sub.name == name)
    }
}
