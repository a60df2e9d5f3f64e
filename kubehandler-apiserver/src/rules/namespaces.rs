//! How a namespace goes: its content first, and it says what is left.
//!
//! Source: `k8s.io/kubernetes/pkg/controller/namespace/deletion`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::ObjectId;
use crate::object;

/// What a namespace holds of one resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    /// The objects whose delete has not begun.
    pub(crate) live: Vec<ObjectId>,
    /// How many objects there are in all.
    pub(crate) remaining: usize,
    /// How many objects have each finalizer.
    pub(crate) finalizers: BTreeMap<String, usize>,
    /// The longest time that a pod asks for to stop, in seconds; 0 for other resources.
    pub(crate) grace: i64,
}

/// What has to be done for a namespace to go.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Termination {
    /// Delete these objects in the background, then ask again.
    Delete(Vec<ObjectId>),
    /// Write the namespace's status, then ask again when something in it changes.
    PutStatus(Value),
    /// Write the namespace through its subresource `finalize`.
    Finalize(Value),
    /// Wait until something in it changes.
    Wait,
}

const TYPES: [(&str, &str, &str); 5] = [
    (
        "NamespaceDeletionDiscoveryFailure",
        "ResourcesDiscovered",
        "All resources successfully discovered",
    ),
    (
        "NamespaceDeletionGroupVersionParsingFailure",
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    (
        "NamespaceDeletionContentFailure",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    (
        "NamespaceContentRemaining",
        "ContentRemoved",
        "All content successfully removed",
    ),
    (
        "NamespaceFinalizersRemaining",
        "ContentHasNoFinalizers",
        "All content-preserving finalizers finished",
    ),
];

/// What is wrong with a termination: type, reason and message of a condition.
type Problem = (&'static str, &'static str, String);

/// Returns what has to be done next for a namespace to go, which holds `contents`.
///
/// It is worth asking after each change of the namespace, or in it, once nothing else is left to do.
/// Pods go first.
pub(crate) fn terminate(namespace: &Value, contents: &[Contents], now: &str) -> Termination {
    let holds = object::texts(object::field(namespace, &["spec", "finalizers"]))
        .any(|name| name == "kubernetes");
    if !object::is_terminating(namespace) || !holds {
        return Termination::Wait;
    }
    let is_pods = |contents: &&Contents| contents.group.is_empty() && contents.plural == "pods";
    let pods: Vec<_> = contents
        .iter()
        .filter(is_pods)
        .filter(|pods| pods.remaining > 0)
        .collect();
    let stage = if pods.is_empty() {
        contents.iter().collect()
    } else {
        pods.clone()
    };
    let live: Vec<_> = stage
        .iter()
        .flat_map(|contents| contents.live.iter().cloned())
        .collect();
    if !live.is_empty() {
        return Termination::Delete(live);
    }
    let is_overdue = |contents: &&&Contents| {
        let due = object::shifted(
            object::meta_text(namespace, "deletionTimestamp"),
            contents.grace,
        );
        !object::is_after(&due, now) && contents.finalizers.is_empty() && contents.remaining > 0
    };
    let overdue: Vec<_> = stage
        .iter()
        .filter(is_overdue)
        .map(|contents| stuck(namespace, contents))
        .collect();
    let mut problems: Vec<_> = content_failure(overdue).into_iter().collect();
    if pods.is_empty() {
        problems.extend(remaining(contents));
    }
    if let Some(status) = with_conditions(namespace, &problems, now) {
        return Termination::PutStatus(status);
    }
    if contents.iter().any(|contents| contents.remaining > 0) {
        return Termination::Wait;
    }
    Termination::Finalize(finalized(namespace))
}

fn finalized(namespace: &Value) -> Value {
    let finalizers = object::texts(object::field(namespace, &["spec", "finalizers"]));
    let kept: Value = finalizers
        .filter(|name| *name != "kubernetes")
        .map(Value::from)
        .collect();
    let mut finalized = namespace.clone();
    object::fields_of(&mut finalized, "spec").insert("finalizers".to_owned(), kept);
    finalized
}

fn stuck(namespace: &Value, contents: &Contents) -> String {
    let Contents {
        group,
        version,
        plural,
        ..
    } = contents;
    let name = object::name(namespace);
    format!(
        "unexpected items still remain in namespace: {name} for gvr: {group}/{version}, Resource={plural}"
    )
}

fn content_failure(mut stuck: Vec<String>) -> Option<Problem> {
    stuck.sort_unstable();
    let message = format!(
        "Failed to delete all resource types, {} remaining: {}",
        stuck.len(),
        stuck.join(", ")
    );
    (!stuck.is_empty()).then_some((
        "NamespaceDeletionContentFailure",
        "ContentDeletionFailed",
        message,
    ))
}

fn remaining(contents: &[Contents]) -> Vec<Problem> {
    let mut resources = Vec::new();
    let mut finalizers = BTreeMap::new();
    for contents in contents.iter().filter(|contents| contents.remaining > 0) {
        let Contents {
            group,
            plural,
            remaining,
            ..
        } = contents;
        resources.push(format!(
            "{plural}.{group} has {remaining} resource instances"
        ));
        for (name, count) in &contents.finalizers {
            *finalizers.entry(name).or_insert(0) += count;
        }
    }
    let mut problems = Vec::new();
    if !resources.is_empty() {
        resources.sort_unstable();
        let message = format!("Some resources are remaining: {}", resources.join(", "));
        problems.push(("NamespaceContentRemaining", "SomeResourcesRemain", message));
    }
    if !finalizers.is_empty() {
        let counts = finalizers
            .iter()
            .map(|(name, count)| format!("{name} in {count} resource instances"));
        let counts: Vec<_> = counts.collect();
        let message = format!(
            "Some content in the namespace has finalizers remaining: {}",
            counts.join(", ")
        );
        problems.push((
            "NamespaceFinalizersRemaining",
            "SomeFinalizersRemain",
            message,
        ));
    }
    problems
}

/// Returns the namespace with conditions that say what is wrong, or `None` if they do already.
fn with_conditions(namespace: &Value, problems: &[Problem], now: &str) -> Option<Value> {
    let old = object::field(namespace, &["status", "conditions"]).and_then(Value::as_array);
    let mut conditions = old.cloned().unwrap_or_default();
    for (ty, reason, message) in TYPES {
        let problem = problems.iter().find(|(of, ..)| *of == ty);
        let (status, reason, message) = problem
            .map_or(("False", reason, message), |(_, reason, message)| {
                ("True", reason, message)
            });
        let same =
            |condition: &Value, name: &str, value: &str| object::text(condition, &[name]) == value;
        let old = conditions
            .iter()
            .position(|condition| same(condition, "type", ty));
        let time = old
            .map(|index| &conditions[index])
            .filter(|condition| same(condition, "status", status))
            .map_or(now, |condition| {
                object::text(condition, &["lastTransitionTime"])
            });
        let condition = json!({
            "type": ty,
            "status": status,
            "lastTransitionTime": time,
            "reason": reason,
            "message": message,
        });
        match old {
            Some(index) => conditions[index] = condition,
            None => conditions.push(condition),
        }
    }
    if old == Some(&conditions) {
        return None;
    }
    let mut changed = namespace.clone();
    object::set_at(&mut changed, "status.conditions", Value::Array(conditions));
    Some(changed)
}
