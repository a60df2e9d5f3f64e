//! The kinds of the group `apps`.

mod daemon_sets;
mod deployments;
mod replica_sets;
mod stateful_sets;

use crate::kinds::strategy::{PLAIN, Plain, StatusMetadata, Strategy};

const WORKLOAD: Plain = Plain {
    immutable: &["spec.selector"],
    ..Plain::DEFAULT
};

static DEPLOYMENTS: Plain = Plain {
    defaults: deployments::default,
    wrong: deployments::wrong,
    // The rollout's history is in annotations.
    counted: &["spec", "metadata.annotations"],
    status_metadata: StatusMetadata::Except(&["labels"]),
    ..WORKLOAD
};

static REPLICA_SETS: Plain = Plain {
    defaults: replica_sets::default,
    wrong: replica_sets::wrong,
    status: r#"{"replicas":0}"#,
    ..WORKLOAD
};

static STATEFUL_SETS: Plain = Plain {
    defaults: stateful_sets::default,
    wrong: stateful_sets::wrong,
    immutable: &[
        "spec.selector",
        "spec.volumeClaimTemplates",
        "spec.serviceName",
        "spec.podManagementPolicy",
    ],
    status: r#"{"replicas":0,"availableReplicas":0}"#,
    ..WORKLOAD
};

pub(super) fn strategy(plural: &str) -> &'static dyn Strategy {
    match plural {
        "daemonsets" => &daemon_sets::DaemonSets,
        "deployments" => &DEPLOYMENTS,
        "replicasets" => &REPLICA_SETS,
        "statefulsets" => &STATEFUL_SETS,
        _ => &PLAIN,
    }
}
