//! What kinds do in their own way when they are written.
//!
//! Source: the strategies below `k8s.io/kubernetes/pkg/registry`, and what the real server answers.

use crate::kinds::Resource;

/// What a kind does in its own way when it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strategy {
    /// The status that a new object starts with, where the kind has the subresource.
    pub(crate) status: Start,
    /// The fields whose changes the generation counts, as dotted paths.
    pub(crate) counted: &'static [&'static str],
    /// What an update of the status leaves of the metadata.
    pub(crate) status_metadata: StatusMetadata,
    /// A delete answers with the object, not with a `Status`.
    pub(crate) returns_deleted: bool,
    /// What becomes of the dependents of an object that is deleted without a word on them.
    pub(crate) dependents: Dependents,
    /// A finalizer that each new object gets.
    pub(crate) finalizer: Option<&'static str>,
}

/// The status of a new object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// What the request says.
    Kept,
    /// This JSON.
    Json(&'static str),
    /// None.
    Absent,
    /// A pod's, which depends on its containers.
    Pod,
    /// A persistent volume's, which has a time.
    Volume,
}

/// What an update of the status leaves of the metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatusMetadata {
    /// The request's metadata, except these fields.
    Except(&'static [&'static str]),
    /// Nothing of the request's.
    Kept,
}

/// What becomes of the dependents of an object that is deleted without a word on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dependents {
    Deleted,
    Orphaned,
    /// Whatever the request says, there are none.
    Impossible,
}

const RESET: StatusMetadata =
    StatusMetadata::Except(&["annotations", "finalizers", "labels", "ownerReferences"]);

/// A kind that does nothing in its own way.
const PLAIN: Strategy = Strategy {
    status: Start::Json("{}"),
    counted: &["spec"],
    status_metadata: StatusMetadata::Except(&[]),
    returns_deleted: false,
    dependents: Dependents::Deleted,
    finalizer: None,
};

const CUSTOM: Strategy = Strategy {
    status: Start::Absent,
    status_metadata: StatusMetadata::Kept,
    ..PLAIN
};

/// Returns what the resource does in its own way.
pub(crate) fn of(resource: &Resource) -> Strategy {
    if resource.rules.is_custom {
        return CUSTOM;
    }
    let (group, plural) = (&*resource.group, &*resource.plural);
    Strategy {
        status: status(group, plural),
        counted: counted(plural),
        status_metadata: status_metadata(plural),
        returns_deleted: returns_deleted(group, plural),
        dependents: dependents(group, plural),
        finalizer: finalizer(group, plural),
    }
}

fn status(group: &str, plural: &str) -> Start {
    let json = match (group, plural) {
        ("", "nodes") => return Start::Kept,
        ("", "pods") => return Start::Pod,
        ("", "persistentvolumes") => return Start::Volume,
        ("", "namespaces") => r#"{"phase":"Active"}"#,
        ("", "persistentvolumeclaims") => r#"{"phase":"Pending"}"#,
        ("", "services") | ("networking.k8s.io", "ingresses") => r#"{"loadBalancer":{}}"#,
        ("", "replicationcontrollers") | ("apps", "replicasets") => r#"{"replicas":0}"#,
        ("apps", "statefulsets") => r#"{"replicas":0,"availableReplicas":0}"#,
        ("apps", "daemonsets") => {
            r#"{"currentNumberScheduled":0,"numberMisscheduled":0,"desiredNumberScheduled":0,"numberReady":0}"#
        }
        ("policy", "poddisruptionbudgets") => {
            r#"{"disruptionsAllowed":0,"currentHealthy":0,"desiredHealthy":0,"expectedPods":0}"#
        }
        ("autoscaling", "horizontalpodautoscalers") => {
            r#"{"desiredReplicas":0,"currentMetrics":null}"#
        }
        ("storage.k8s.io", "volumeattachments") => r#"{"attached":false}"#,
        _ => "{}",
    };
    Start::Json(json)
}

fn counted(plural: &str) -> &'static [&'static str] {
    match plural {
        // The rollout's history is in annotations.
        "deployments" => &["spec", "metadata.annotations"],
        "endpointslices" => &["addressType", "endpoints", "ports", "metadata.labels"],
        "podtemplates" => &["template"],
        "mutatingwebhookconfigurations" | "validatingwebhookconfigurations" => &["webhooks"],
        "priorityclasses" => &[],
        _ => &["spec"],
    }
}

fn status_metadata(plural: &str) -> StatusMetadata {
    match plural {
        "pods" => StatusMetadata::Except(&["ownerReferences"]),
        "deployments" => StatusMetadata::Except(&["labels"]),
        "flowschemas" | "prioritylevelconfigurations" => StatusMetadata::Kept,
        "apiservices"
        | "compositepodgroups"
        | "csinodes"
        | "devicetaintrules"
        | "evictionrequests"
        | "podcertificaterequests"
        | "podgroups"
        | "resourceclaims"
        | "resourcepoolstatusrequests"
        | "servicecidrs"
        | "storageversionmigrations"
        | "storageversions"
        | "validatingadmissionpolicies"
        | "volumeattachments" => RESET,
        _ => StatusMetadata::Except(&[]),
    }
}

fn returns_deleted(group: &str, plural: &str) -> bool {
    match group {
        "" => matches!(
            plural,
            "namespaces"
                | "persistentvolumeclaims"
                | "persistentvolumes"
                | "pods"
                | "podtemplates"
                | "resourcequotas"
                | "serviceaccounts"
                | "services"
        ),
        "storage.k8s.io" => matches!(
            plural,
            "csidrivers"
                | "csinodes"
                | "storageclasses"
                | "volumeattachments"
                | "volumeattributesclasses"
        ),
        "resource.k8s.io" => true,
        _ => false,
    }
}

fn dependents(group: &str, plural: &str) -> Dependents {
    match (group, plural) {
        ("", "replicationcontrollers") | ("batch", "jobs") => Dependents::Orphaned,
        ("" | "events.k8s.io", "events") => Dependents::Impossible,
        _ => Dependents::Deleted,
    }
}

/// Real controllers remove these when no pod uses the volume; here its owner has to.
fn finalizer(group: &str, plural: &str) -> Option<&'static str> {
    match (group, plural) {
        ("", "persistentvolumes") => Some("kubernetes.io/pv-protection"),
        ("", "persistentvolumeclaims") => Some("kubernetes.io/pvc-protection"),
        _ => None,
    }
}
