//! The life of a `CustomResourceDefinition`: how it begins, is accepted, and goes with its objects.
//!
//! Source: `k8s.io/apiextensions-apiserver/pkg/controller/{status,establish,finalizer}`.

use serde_json::{Value, json};

use crate::{
    failure::{Cause, Failure},
    object,
};

/// Keeps a definition until its objects are gone.
pub(crate) const FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

/// Fills in what a new or changed definition leaves out, and refuses what cannot be served.
pub(crate) fn complete(definition: &mut Value) -> Result<(), Failure> {
    check(definition)?;
    let kind = object::text(definition, &["spec", "names", "kind"]).to_owned();
    let names = &mut definition["spec"]["names"];
    if names["singular"].as_str().unwrap_or_default().is_empty() {
        names["singular"] = kind.to_lowercase().into();
    }
    if names["listKind"].as_str().unwrap_or_default().is_empty() {
        names["listKind"] = format!("{kind}List").into();
    }
    if definition["spec"]["conversion"].is_null() {
        definition["spec"]["conversion"] = json!({ "strategy": "None" });
    }
    Ok(())
}

/// Sets the status that a definition begins with.
pub(crate) fn begin(definition: &mut Value) {
    let stored = versions(definition).filter(|version| version["storage"] == true);
    let stored: Vec<_> = stored.map(|version| version["name"].clone()).collect();
    definition["status"] = json!({
        "conditions": null,
        "acceptedNames": { "plural": "", "kind": "" },
        "storedVersions": stored,
    });
}

/// Returns the definition with the next step of its acceptance, `None` once it is established.
pub(crate) fn accept(definition: &Value, now: &str) -> Option<Value> {
    let mut next = definition.clone();
    let names = &definition["spec"]["names"];
    if definition["status"]["acceptedNames"] != *names {
        next["status"]["acceptedNames"] = names.clone();
        set_condition(
            &mut next,
            "NamesAccepted",
            "True",
            "NoConflicts",
            "no conflicts found",
            now,
        );
        if !has_condition(definition, "Established") {
            let message = "the initial names have been accepted";
            set_condition(
                &mut next,
                "Established",
                "False",
                "Installing",
                message,
                now,
            );
        }
        return Some(next);
    }
    if !has_condition(definition, "Established") {
        let message = "the initial names have been accepted";
        set_condition(
            &mut next,
            "Established",
            "True",
            "InitialNamesAccepted",
            message,
            now,
        );
        return Some(next);
    }
    None
}

/// Returns the definition at the beginning of its end.
pub(crate) fn end(mut definition: Value, now: &str) -> Value {
    object::set_meta(&mut definition, "deletionTimestamp", now.into());
    object::set_meta(&mut definition, "finalizers", json!([FINALIZER]));
    let message =
        "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon";
    terminate(&mut definition, "InstanceDeletionPending", message, now);
    definition
}

/// Sets the condition that says how far the end of a definition has come.
pub(crate) fn terminate(definition: &mut Value, reason: &str, message: &str, now: &str) {
    set_condition(definition, "Terminating", "True", reason, message, now);
}

fn versions(definition: &Value) -> impl Iterator<Item = &Value> {
    definition["spec"]["versions"]
        .as_array()
        .into_iter()
        .flatten()
}

fn has_condition(definition: &Value, ty: &str) -> bool {
    let conditions = definition["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|condition| condition["type"] == ty && condition["status"] == "True")
}

fn set_condition(
    definition: &mut Value,
    ty: &str,
    status: &str,
    reason: &str,
    message: &str,
    now: &str,
) {
    let condition = json!({
        "type": ty,
        "status": status,
        "lastTransitionTime": now,
        "reason": reason,
        "message": message,
    });
    let conditions = &mut definition["status"]["conditions"];
    if !conditions.is_array() {
        *conditions = json!([]);
    }
    let Some(conditions) = conditions.as_array_mut() else {
        return;
    };
    match conditions.iter_mut().find(|known| known["type"] == ty) {
        Some(known) => *known = condition,
        None => conditions.push(condition),
    }
}

/// Refuses a definition that cannot be served, in the words of the real server.
fn check(definition: &Value) -> Result<(), Failure> {
    let name = object::name(definition);
    let mut causes = Vec::new();
    let required = |field: &str| Cause::required(field, "");
    for path in [["spec", "group"], ["spec", "scope"]] {
        if object::text(definition, &path).is_empty() {
            causes.push(required(&path.join(".")));
        }
    }
    for field in ["plural", "kind"] {
        if object::text(definition, &["spec", "names", field]).is_empty() {
            causes.push(required(&format!("spec.names.{field}")));
        }
    }
    let scope = object::text(definition, &["spec", "scope"]);
    if !scope.is_empty() && !["Cluster", "Namespaced"].contains(&scope) {
        causes.push(Cause::not_supported(
            "spec.scope",
            scope,
            &["Cluster", "Namespaced"],
        ));
    }
    let stored = versions(definition)
        .filter(|version| version["storage"] == true)
        .count();
    if stored != 1 {
        let detail = "must have exactly one version marked as storage version";
        causes.push(Cause::invalid(
            "spec.versions",
            definition["spec"]["versions"].clone(),
            detail,
        ));
    }
    let plural = object::text(definition, &["spec", "names", "plural"]);
    let group = object::text(definition, &["spec", "group"]);
    let expected = format!("{plural}.{group}");
    if causes.is_empty() && name != expected {
        let detail = "must be spec.names.plural+\".\"+spec.group";
        causes.push(Cause::invalid("metadata.name", name, detail));
    }
    if causes.is_empty() {
        return Ok(());
    }
    Err(Failure::invalid(
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        name,
        causes,
    ))
}
