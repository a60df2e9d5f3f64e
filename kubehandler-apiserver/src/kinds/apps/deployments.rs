//! The defaults of a deployment, and what is wrong with one.
//!
//! Source: `SetDefaults_Deployment` in `k8s.io/kubernetes/pkg/apis/apps/v1/defaults.go`, and
//! `ValidateDeploymentSpec` in `k8s.io/kubernetes/pkg/apis/apps/validation/validation.go`.

use serde_json::Value;

use crate::{
    failure::Cause,
    kinds::{defaults, pod_spec, workload},
    object,
};

pub(super) fn default(deployment: &mut Value) {
    let Some(spec) = defaults::spec(deployment) else {
        return;
    };
    defaults::default(spec, "replicas", 1);
    defaults::default(spec, "revisionHistoryLimit", 10);
    defaults::default(spec, "progressDeadlineSeconds", 600);
    let rolling = [("maxUnavailable", "25%".into()), ("maxSurge", "25%".into())];
    defaults::default_rollout(spec, "strategy", rolling);
    pod_spec::default_template(spec);
}

pub(super) fn wrong(deployment: &Value) -> Vec<Cause> {
    let mut causes = workload::wrong_numbers(deployment, &["spec.replicas"]);
    causes.extend(workload::wrong_selector(deployment, "deployment"));
    causes.extend(workload::wrong_template(deployment, "ReplicaSet"));
    causes.extend(wrong_strategy(deployment));
    let numbers = [
        "spec.minReadySeconds",
        "spec.revisionHistoryLimit",
        "spec.progressDeadlineSeconds",
    ];
    causes.extend(workload::wrong_numbers(deployment, &numbers));
    causes.extend(wrong_deadline(deployment));
    causes
}

fn wrong_strategy(deployment: &Value) -> Option<Cause> {
    let strategy = object::at(deployment, "spec.strategy")?;
    let is_recreate = object::text(strategy, &["type"]) == "Recreate";
    let detail = "may not be specified when strategy `type` is 'Recreate'";
    (is_recreate && strategy.get("rollingUpdate").is_some())
        .then(|| Cause::forbidden("spec.strategy.rollingUpdate", detail))
}

/// A rollout that has to be ready for longer than it may take would never end.
fn wrong_deadline(deployment: &Value) -> Option<Cause> {
    const FIELD: &str = "spec.progressDeadlineSeconds";
    let number = |field: &str| object::at(deployment, field).and_then(Value::as_i64);
    let deadline = number(FIELD)?;
    let ready = number("spec.minReadySeconds").unwrap_or(0);
    let detail = "must be greater than minReadySeconds";
    (deadline <= ready).then(|| Cause::invalid(FIELD, deadline, detail))
}
