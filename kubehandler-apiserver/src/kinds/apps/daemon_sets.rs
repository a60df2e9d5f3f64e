//! Daemon sets: an annotation counts the changes of their template.
//!
//! Source: `SetDefaults_DaemonSet` in `k8s.io/kubernetes/pkg/apis/apps/v1/defaults.go`, and
//! `k8s.io/kubernetes/pkg/registry/apps/daemonset/strategy.go`.

use serde_json::{Map, Value, json};

use crate::{
    failure::Cause,
    kinds::{
        defaults, pod_spec,
        strategy::{Strategy, immutable},
        workload,
    },
    object,
};

const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

#[derive(Debug)]
pub(super) struct DaemonSets;

impl Strategy for DaemonSets {
    fn default(&self, set: &mut Value) {
        // Real servers keep it in a field, which is always written as an annotation.
        let annotations = object::meta(set, "annotations");
        if annotations.is_none_or(|annotations| annotations.get(TEMPLATE_GENERATION).is_none()) {
            set_template_generation(set, 0);
        }
        if let Some(spec) = defaults::spec(set) {
            defaults::default(spec, "revisionHistoryLimit", 10);
            let rolling = [("maxUnavailable", 1.into()), ("maxSurge", 0.into())];
            defaults::default_rollout(spec, "updateStrategy", rolling);
            pod_spec::default_template(spec);
        }
    }

    fn first_status(&self, _: &Value, _: &str) -> Option<Value> {
        Some(json!({
            "currentNumberScheduled": 0,
            "numberMisscheduled": 0,
            "desiredNumberScheduled": 0,
            "numberReady": 0,
        }))
    }

    fn prepare_new(&self, set: &mut Value) {
        set_template_generation(set, 1);
    }

    fn prepare_changed(&self, old: &Value, new: &mut Value) {
        let template = |set: &Value| object::field(set, &["spec", "template"]).cloned();
        let before = object::meta(old, "annotations").map_or("", |annotations| {
            object::text(annotations, &[TEMPLATE_GENERATION])
        });
        let before: i64 = before.parse().unwrap_or_default();
        let changes = i64::from(template(old) != template(new));
        set_template_generation(new, before.saturating_add(changes));
    }

    fn wrong_new(&self, set: &Value) -> Vec<Cause> {
        wrong(set)
    }

    fn wrong_change(&self, old: &Value, new: &Value) -> Vec<Cause> {
        let mut causes = wrong(new);
        causes.extend(immutable(old, new, "spec.selector"));
        causes
    }
}

fn wrong(set: &Value) -> Vec<Cause> {
    let mut causes: Vec<Cause> = workload::wrong_labels(set).into_iter().collect();
    if workload::selector_of(set).is_some() {
        causes.extend(workload::wrong_selector(set, "daemonset"));
    }
    causes.extend(workload::wrong_pods(set, "DaemonSet"));
    let numbers = ["spec.minReadySeconds", "spec.revisionHistoryLimit"];
    causes.extend(workload::wrong_numbers(set, &numbers));
    causes
}

fn set_template_generation(set: &mut Value, generation: i64) {
    let annotations = object::meta(set, "annotations").and_then(Value::as_object);
    let mut annotations: Map<String, Value> = annotations.cloned().unwrap_or_default();
    annotations.insert(
        TEMPLATE_GENERATION.to_owned(),
        Value::from(generation.to_string()),
    );
    object::set_meta(set, "annotations", Value::Object(annotations));
}
