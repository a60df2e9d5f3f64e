//! The kinds of the other groups; the own way of most is all data.

mod autoscalers;
mod disruption_budgets;
mod ingresses;
mod leases;
mod network_policies;
mod role_bindings;
mod roles;
mod storage_classes;

use crate::{
    kinds::{
        core::events::NEWER_EVENTS,
        defaults::default_text,
        strategy::{PLAIN, Plain, StatusMetadata, Strategy},
    },
    object,
};

const RESET: StatusMetadata =
    StatusMetadata::Except(&["annotations", "finalizers", "labels", "ownerReferences"]);

static INGRESSES: Plain = Plain {
    wrong: ingresses::wrong,
    status: r#"{"loadBalancer":{}}"#,
    storage_path: Some("ingress"),
    ..Plain::DEFAULT
};

static DISRUPTION_BUDGETS: Plain = Plain {
    wrong: disruption_budgets::wrong,
    status: r#"{"disruptionsAllowed":0,"currentHealthy":0,"desiredHealthy":0,"expectedPods":0}"#,
    ..Plain::DEFAULT
};

static AUTOSCALERS: Plain = Plain {
    defaults: autoscalers::default,
    status: r#"{"desiredReplicas":0,"currentMetrics":null}"#,
    ..Plain::DEFAULT
};

static ENDPOINT_SLICES: Plain = Plain {
    counted: &["addressType", "endpoints", "ports", "metadata.labels"],
    ..Plain::DEFAULT
};

static WEBHOOKS: Plain = Plain {
    counted: &["webhooks"],
    ..Plain::DEFAULT
};

static LEASES: Plain = Plain {
    defaults: leases::default,
    wrong: leases::wrong,
    ..Plain::DEFAULT
};

static NETWORK_POLICIES: Plain = Plain {
    defaults: network_policies::default,
    ..Plain::DEFAULT
};

static STORAGE_CLASSES: Plain = Plain {
    defaults: storage_classes::default,
    ..RETURNED
};

static ROLES: Plain = Plain {
    wrong: roles::wrong,
    ..Plain::DEFAULT
};

static PRIORITY_CLASSES: Plain = Plain {
    defaults: |class| {
        default_text(
            object::as_fields(class),
            "preemptionPolicy",
            "PreemptLowerPriority",
        );
    },
    counted: &[],
    ..Plain::DEFAULT
};

static FLOW_CONTROL: Plain = Plain {
    status_metadata: StatusMetadata::Kept,
    ..Plain::DEFAULT
};

static API_SERVICES: Plain = Plain {
    status_metadata: RESET,
    storage_path: Some("apiregistration.k8s.io/apiservices"),
    ..Plain::DEFAULT
};

static RESETS: Plain = Plain {
    status_metadata: RESET,
    ..Plain::DEFAULT
};

static RETURNED: Plain = Plain {
    returns_deleted: true,
    ..Plain::DEFAULT
};

static RETURNED_RESETS: Plain = Plain {
    status_metadata: RESET,
    returns_deleted: true,
    ..Plain::DEFAULT
};

static ATTACHMENTS: Plain = Plain {
    status: r#"{"attached":false}"#,
    ..RETURNED_RESETS
};

#[expect(
    clippy::match_same_arms,
    reason = "in the order in which they are looked up"
)]
pub(super) fn strategy(group: &str, plural: &str) -> &'static dyn Strategy {
    match (group, plural) {
        (
            "admissionregistration.k8s.io",
            "mutatingwebhookconfigurations" | "validatingwebhookconfigurations",
        ) => &WEBHOOKS,
        ("apiregistration.k8s.io", "apiservices") => &API_SERVICES,
        ("autoscaling", "horizontalpodautoscalers") => &AUTOSCALERS,
        ("coordination.k8s.io", "leases") => &LEASES,
        ("discovery.k8s.io", "endpointslices") => &ENDPOINT_SLICES,
        ("events.k8s.io", "events") => &NEWER_EVENTS,
        ("flowcontrol.apiserver.k8s.io", _) => &FLOW_CONTROL,
        ("networking.k8s.io", "ingresses") => &INGRESSES,
        ("networking.k8s.io", "networkpolicies") => &NETWORK_POLICIES,
        ("policy", "poddisruptionbudgets") => &DISRUPTION_BUDGETS,
        ("rbac.authorization.k8s.io", "clusterrolebindings" | "rolebindings") => {
            &role_bindings::RoleBindings
        }
        ("rbac.authorization.k8s.io", "clusterroles" | "roles") => &ROLES,
        (
            "resource.k8s.io",
            "devicetaintrules" | "resourceclaims" | "resourcepoolstatusrequests",
        ) => &RETURNED_RESETS,
        ("resource.k8s.io", _) => &RETURNED,
        ("scheduling.k8s.io", "priorityclasses") => &PRIORITY_CLASSES,
        ("storage.k8s.io", "storageclasses") => &STORAGE_CLASSES,
        ("storage.k8s.io", "csidrivers" | "volumeattributesclasses") => &RETURNED,
        ("storage.k8s.io", "csinodes") => &RETURNED_RESETS,
        ("storage.k8s.io", "volumeattachments") => &ATTACHMENTS,
        (
            _,
            "compositepodgroups"
            | "evictionrequests"
            | "podcertificaterequests"
            | "podgroups"
            | "servicecidrs"
            | "storageversionmigrations"
            | "storageversions"
            | "validatingadmissionpolicies",
        ) => &RESETS,
        _ => &PLAIN,
    }
}
