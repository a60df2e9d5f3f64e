//! Why an apply is refused, in the words of the real server.
//!
//! Source: `conflict.go` below `k8s.io/apimachinery/pkg/util/managedfields/internal`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::entries::{Identity, UPDATE};
use crate::{
    failure::{Cause, Details, Failure, quoted},
    group::GroupVersion,
    merge::{Conflict, MergeError, TypeErrors},
    object,
};

/// Returns what the sender of an apply gets that is refused.
pub(super) fn refused(error: &MergeError, config: &Value, live: &Value) -> Failure {
    Failure::unexpected(match error {
        MergeError::Conflicts(conflicts) => return conflict(&conflicts.0),
        MergeError::Config(why) => not_typed("patch", config, why),
        MergeError::Live(why) => not_typed("live", live, why),
        MergeError::New(why) => not_typed("new", live, why),
        MergeError::Failed(why) => why.clone(),
    })
}

/// Returns why who manages what cannot be told.
pub(super) fn of_update(error: &MergeError) -> String {
    match error {
        MergeError::Conflicts(_) => "conflicts".to_owned(), // An update has none.
        MergeError::Live(why) | MergeError::New(why) | MergeError::Config(why) => why.to_string(),
        MergeError::Failed(why) => why.clone(),
    }
}

/// Returns the kind of an object as Go prints one: `apps/v1, Kind=Deployment`.
pub(super) fn kind_of(object: &Value) -> String {
    let version = object::text(object, &["apiVersion"]);
    let GroupVersion { group, version } = GroupVersion::of(version);
    format!(
        "{group}/{version}, Kind={}",
        object::text(object, &["kind"])
    )
}

fn not_typed(what: &str, value: &Value, why: &TypeErrors) -> String {
    let (namespace, name) = (object::namespace(value), object::name(value));
    let kind = kind_of(value);
    format!("failed to create typed {what} object ({namespace}/{name}; {kind}): {why}")
}

/// 409: others manage fields that the apply would change.
fn conflict(conflicts: &[Conflict]) -> Failure {
    let causes = conflicts.iter().map(|conflict| Cause {
        reason: "FieldManagerConflict".to_owned(),
        message: format!("conflict with {}", manager(&conflict.manager)),
        field: conflict.path.to_string(),
    });
    let mut failure = Failure::new(409, "Conflict", message(conflicts));
    failure.details = Some(Box::new(Details {
        causes: causes.collect(),
        ..Details::default()
    }));
    failure
}

fn message(conflicts: &[Conflict]) -> String {
    if let [conflict] = conflicts {
        let manager = manager(&conflict.manager);
        return format!(
            "Apply failed with 1 conflict: conflict with {manager}: {}",
            conflict.path
        );
    }
    let mut by_manager = BTreeMap::<&str, Vec<String>>::new();
    for conflict in conflicts {
        let paths = by_manager.entry(&conflict.manager).or_default();
        paths.push(format!("- {}", conflict.path));
    }
    let mut lines = Vec::new();
    for (key, paths) in by_manager {
        lines.push(format!("conflicts with {}:", manager(key)));
        lines.extend(paths);
    }
    let count = conflicts.len();
    format!("Apply failed with {count} conflicts: {}", lines.join("\n"))
}

/// Returns what a manager is called.
fn manager(key: &str) -> String {
    let identity = Identity::of_key(key);
    let mut text = quoted(&identity.manager);
    if !identity.subresource.is_empty() {
        text.push_str(" with subresource ");
        text.push_str(&quoted(&identity.subresource));
    }
    if identity.operation == UPDATE {
        text.push_str(" using ");
        text.push_str(&identity.api_version);
    }
    text
}
