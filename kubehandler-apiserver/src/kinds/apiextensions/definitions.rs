//! The life of a `CustomResourceDefinition`: how it begins, is accepted, and goes with its objects.
//!
//! Source: `k8s.io/apiextensions-apiserver/pkg/controller/{status,establish,finalizer}` and
//! `…/pkg/registry/customresourcedefinition`.

mod names;
mod validate;
mod versions;

use serde_json::{Value, json};

pub(crate) use self::{
    names::accept_names,
    validate::{wrong, wrong_changes},
};
use crate::{
    failure::Cause,
    kinds::{
        Resource,
        strategy::{Deletes, Strategy},
    },
    object,
};

/// Keeps a definition until its objects are gone.
pub(crate) const FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

#[derive(Debug)]
pub(in crate::kinds) struct Definitions;

impl Strategy for Definitions {
    fn read(&self, definition: &mut Value) -> Result<(), String> {
        complete(definition);
        Ok(())
    }

    fn prepare_new(&self, definition: &mut Value) {
        begin(definition);
    }

    fn prepare_changed(&self, _: &Value, definition: &mut Value) {
        remember_stored(definition);
    }

    fn wrong_new(&self, definition: &Value) -> Vec<Cause> {
        wrong(definition)
    }

    fn wrong_change(&self, old: &Value, new: &Value) -> Vec<Cause> {
        wrong_changes(old, new)
    }

    fn deletes(&self) -> Deletes {
        Deletes::Definition
    }

    fn storage_path(&self) -> Option<&'static str> {
        Some("apiextensions.k8s.io/customresourcedefinitions")
    }
}

/// Returns true for the resource of the definitions themselves.
pub(crate) fn are(resource: &Resource) -> bool {
    resource.group == "apiextensions.k8s.io" && resource.plural == "customresourcedefinitions"
}

/// Fills in what a new or changed definition leaves out.
pub(crate) fn complete(definition: &mut Value) {
    let spec = object::fields_of(definition, "spec");
    spec.entry("conversion")
        .or_insert_with(|| json!({ "strategy": "None" }));
    let versions = spec.get_mut("versions").and_then(Value::as_array_mut);
    for version in versions.into_iter().flatten() {
        for flag in ["served", "storage"] {
            object::as_fields(version)
                .entry(flag)
                .or_insert(Value::Bool(false));
        }
    }
    let names = object::as_fields(spec.entry("names").or_insert(Value::Null));
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let kind = text(names.get("kind"));
    for (name, default) in [
        ("singular", kind.to_lowercase()),
        ("listKind", format!("{kind}List")),
    ] {
        if !kind.is_empty() && text(names.get(name)).is_empty() {
            names.insert(name.to_owned(), default.into());
        }
    }
}

/// Sets the status that a definition begins with.
pub(crate) fn begin(definition: &mut Value) {
    let stored: Vec<_> = storage_version(definition).into_iter().collect();
    let status = json!({
        "conditions": null,
        "acceptedNames": { "plural": "", "kind": "" },
        "storedVersions": stored,
    });
    object::set_field(definition, "status", Some(status));
}

/// Remembers the version that objects are stored in from now on.
pub(crate) fn remember_stored(definition: &mut Value) {
    let Some(version) = storage_version(definition) else {
        return;
    };
    let stored = object::fields_of(definition, "status")
        .entry("storedVersions")
        .or_insert_with(|| json!([]));
    if let Value::Array(stored) = stored
        && !stored.contains(&version)
    {
        stored.push(version);
    }
}

/// Returns the definition as it is served from now on; `None` if its names are not accepted, or if
/// it is served already.
pub(crate) fn establish(definition: &Value, now: &str) -> Option<Value> {
    if is_true(definition, "Established") || !is_true(definition, "NamesAccepted") {
        return None;
    }
    let mut next = definition.clone();
    let message = "the initial names have been accepted";
    let condition = Condition::new("Established", "True", "InitialNamesAccepted", message);
    condition.set(&mut next, now);
    Some(next)
}

/// Returns the definition at the beginning of its end.
pub(crate) fn end(definition: &Value, now: &str) -> Value {
    let mut next = definition.clone();
    object::set_meta(&mut next, "deletionTimestamp", now.into());
    if !object::has_finalizer(definition, FINALIZER) {
        let finalizers = object::finalizers(definition).chain([FINALIZER]);
        let finalizers = finalizers.map(Value::from).collect();
        object::set_meta(&mut next, "finalizers", finalizers);
    }
    let message =
        "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon";
    Condition::new("Terminating", "True", "InstanceDeletionPending", message).set(&mut next, now);
    next
}

/// Returns the definition while its objects go.
pub(crate) fn empty(definition: &Value, now: &str) -> Value {
    let mut next = definition.clone();
    let message = "CustomResource deletion is in progress";
    Condition::new("Terminating", "True", "InstanceDeletionInProgress", message)
        .set(&mut next, now);
    next
}

/// Returns the definition when its objects are gone.
pub(crate) fn release(definition: &Value, now: &str) -> Value {
    let mut next = definition.clone();
    let (reason, message) = if is_true(definition, "Established") {
        ("InstanceDeletionCompleted", "removed all instances")
    } else {
        ("NeverEstablished", "resource was never established")
    };
    Condition::new("Terminating", "False", reason, message).set(&mut next, now);
    let kept = object::finalizers(definition).filter(|name| *name != FINALIZER);
    let kept = kept.map(Value::from).collect();
    object::set_meta(&mut next, "finalizers", kept);
    next
}

/// Returns whether a condition holds.
pub(crate) fn is_true(definition: &Value, ty: &str) -> bool {
    condition(definition, ty).is_some_and(|condition| condition["status"] == "True")
}

fn condition<'a>(definition: &'a Value, ty: &str) -> Option<&'a Value> {
    let conditions = object::field(definition, &["status", "conditions"])?.as_array()?;
    conditions.iter().find(|condition| condition["type"] == ty)
}

fn versions(definition: &Value) -> &[Value] {
    let versions = object::field(definition, &["spec", "versions"]).and_then(Value::as_array);
    versions.map(Vec::as_slice).unwrap_or_default()
}

fn storage_version(definition: &Value) -> Option<Value> {
    let mut versions = versions(definition).iter();
    let stored = versions.find(|version| version["storage"] == true)?;
    stored.get("name").cloned()
}

/// What a definition says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    ty: &'static str,
    status: &'static str,
    reason: &'static str,
    message: String,
}

impl Condition {
    fn new(
        ty: &'static str,
        status: &'static str,
        reason: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            ty,
            status,
            reason,
            message: message.into(),
        }
    }

    /// Returns whether the definition says it already.
    fn is_in(&self, definition: &Value) -> bool {
        condition(definition, self.ty).is_some_and(|known| {
            known["status"] == self.status
                && known["reason"] == self.reason
                && known["message"] == self.message.as_str()
        })
    }

    /// Makes the definition say it; the time tells since when the status is what it is.
    fn set(&self, definition: &mut Value, now: &str) {
        let since = condition(definition, self.ty)
            .filter(|known| known["status"] == self.status)
            .and_then(|known| known["lastTransitionTime"].as_str());
        let condition = json!({
            "type": self.ty,
            "status": self.status,
            "lastTransitionTime": since.unwrap_or(now),
            "reason": self.reason,
            "message": self.message,
        });
        let conditions = object::fields_of(definition, "status")
            .entry("conditions")
            .or_insert(Value::Null);
        if !conditions.is_array() {
            *conditions = json!([]);
        }
        let Some(conditions) = conditions.as_array_mut() else {
            return;
        };
        match conditions.iter_mut().find(|known| known["type"] == self.ty) {
            Some(known) => *known = condition,
            None => conditions.push(condition),
        }
    }
}
