//! The defaults of a replica set, and what is wrong with one.

use serde_json::Value;

use crate::{
    failure::Cause,
    kinds::{defaults, pod_spec, workload},
};

pub(super) fn default(set: &mut Value) {
    if let Some(spec) = defaults::spec(set) {
        defaults::default(spec, "replicas", 1);
        pod_spec::default_template(spec);
    }
}

pub(super) fn wrong(set: &Value) -> Vec<Cause> {
    let mut causes = workload::wrong_numbers(set, &["spec.replicas", "spec.minReadySeconds"]);
    // The real server's word.
    causes.extend(workload::wrong_selector(set, "deployment"));
    causes.extend(workload::wrong_template(set, "ReplicaSet"));
    causes
}
