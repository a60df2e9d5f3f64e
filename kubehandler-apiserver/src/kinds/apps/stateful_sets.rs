//! The defaults of a stateful set, and what is wrong with one.
//!
//! Source: `SetDefaults_StatefulSet` in `k8s.io/kubernetes/pkg/apis/apps/v1/defaults.go`, and
//! `ValidateStatefulSetSpec` in `k8s.io/kubernetes/pkg/apis/apps/validation/validation.go`.

use serde_json::{Value, json};

use crate::{
    failure::Cause,
    kinds::{
        defaults::{self, Fields, default_text, items, made, part},
        pod_spec, workload,
    },
    object,
};

pub(super) fn default(set: &mut Value) {
    let Some(spec) = defaults::spec(set) else {
        return;
    };
    default_text(spec, "podManagementPolicy", "OrderedReady");
    defaults::default(spec, "serviceName", "");
    defaults::default(spec, "replicas", 1);
    defaults::default(spec, "revisionHistoryLimit", 10);
    let rolling = [("partition", 0.into()), ("maxUnavailable", 1.into())];
    defaults::default_rollout(spec, "updateStrategy", rolling);
    if let Some(retention) = made(spec, "persistentVolumeClaimRetentionPolicy") {
        default_text(retention, "whenDeleted", "Retain");
        default_text(retention, "whenScaled", "Retain");
    }
    pod_spec::default_template(spec);
    items(spec, "volumeClaimTemplates").for_each(default_claim);
}

pub(super) fn wrong(set: &Value) -> Vec<Cause> {
    const FIELD: &str = "spec.podManagementPolicy";
    let policy = object::at(set, FIELD).and_then(Value::as_str);
    let unknown = policy.filter(|policy| !["OrderedReady", "Parallel"].contains(policy));
    let detail = "must be 'OrderedReady' or 'Parallel'";
    let unknown = unknown.map(|policy| Cause::invalid(FIELD, policy, detail));
    let mut causes: Vec<Cause> = unknown.into_iter().collect();
    let numbers = [
        "spec.replicas",
        "spec.minReadySeconds",
        "spec.ordinals.start",
    ];
    causes.extend(workload::wrong_numbers(set, &numbers));
    causes.extend(workload::wrong_selector(set, "statefulset"));
    causes.extend(workload::wrong_template(&with_claims(set), "StatefulSet"));
    causes
}

/// Returns the set with a volume in its template for each of its claims: containers may mount them.
fn with_claims(set: &Value) -> Value {
    let mut set = set.clone();
    let claims = object::list_at(&set, "spec.volumeClaimTemplates").iter();
    let names: Vec<String> = claims.map(|claim| object::name(claim).to_owned()).collect();
    let template = defaults::spec(&mut set).and_then(|spec| part(spec, "template"));
    if let Some(spec) = template.and_then(|template| part(template, "spec"))
        && !names.is_empty()
        && let Some(volumes) = spec
            .entry("volumes")
            .or_insert_with(|| json!([]))
            .as_array_mut()
    {
        let is_claimed = |volume: &Value| {
            let name = object::text(volume, &["name"]);
            names.iter().any(|claimed| claimed == name)
        };
        volumes.retain(|volume| !is_claimed(volume));
        let claimed = names
            .iter()
            .map(|name| json!({"name": name, "persistentVolumeClaim": {"claimName": name}}));
        volumes.extend(claimed);
    }
    set
}

/// A template of a claim is shown as a claim that waits for its volume.
fn default_claim(claim: &mut Fields) {
    default_text(claim, "apiVersion", "v1");
    default_text(claim, "kind", "PersistentVolumeClaim");
    defaults::default(claim, "metadata", json!({}));
    if let Some(status) = made(claim, "status") {
        default_text(status, "phase", "Pending");
    }
    if let Some(spec) = part(claim, "spec") {
        pod_spec::default_claim(spec);
    }
}
