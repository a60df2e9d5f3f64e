//! What the server itself knows about pods: their first status, their class, what may change.

mod admitted;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    failure::Cause,
    kinds::{
        defaults, pod_spec,
        strategy::{Deletes, StatusMetadata, Strategy},
    },
    object,
    schema::quantity,
};

#[derive(Debug)]
pub(crate) struct Pods;

impl Strategy for Pods {
    fn default(&self, pod: &mut Value) {
        if let Some(spec) = defaults::spec(pod) {
            pod_spec::default_spec(spec);
            pod_spec::default_pod(spec);
        }
    }

    fn prepare_new(&self, pod: &mut Value) {
        if let Some(spec) = defaults::spec(pod) {
            admitted::tolerate_failing_nodes(spec);
            admitted::rank(spec);
        }
    }

    fn prepare_changed(&self, old: &Value, pod: &mut Value) {
        if let Some(spec) = defaults::spec(pod) {
            admitted::tolerate_failing_nodes(spec);
            admitted::keep_rank(old, spec);
        }
    }

    fn first_status(&self, pod: &Value, now: &str) -> Option<Value> {
        Some(first_status(pod, now))
    }

    fn prepare_status(&self, old: &Value, pod: &mut Value) {
        object::set_meta(pod, "deletionTimestamp", Value::Null);
        if !object::text(pod, &["status", "qosClass"]).is_empty() {
            return;
        }
        if let Some(class) = object::field(old, &["status", "qosClass"]).cloned() {
            object::fields_of(pod, "status").insert("qosClass".to_owned(), class);
        }
    }

    fn wrong_new(&self, pod: &Value) -> Vec<Cause> {
        pod_spec::wrong_spec(pod.get("spec"), "spec")
    }

    fn wrong_change(&self, old: &Value, new: &Value) -> Vec<Cause> {
        let mut causes = pod_spec::wrong_spec(new.get("spec"), "spec");
        causes.extend(wrong_change(old, new));
        causes
    }

    fn status_metadata(&self) -> StatusMetadata {
        StatusMetadata::Except(&["ownerReferences"])
    }

    fn deletes(&self) -> Deletes {
        Deletes::Gracefully
    }

    fn returns_deleted(&self) -> bool {
        true
    }
}

/// Returns the status of a new pod.
fn first_status(pod: &Value, now: &str) -> Value {
    let mut status = json!({ "phase": "Pending", "qosClass": quality_of_service(pod) });
    let gates = object::field(pod, &["spec", "schedulingGates"]).and_then(Value::as_array);
    if gates.is_some_and(|gates| !gates.is_empty()) {
        status["conditions"] = json!([{
            "type": "PodScheduled",
            "status": "False",
            "lastProbeTime": null,
            "lastTransitionTime": now,
            "reason": "SchedulingGated",
            "message": "Scheduling is blocked due to non-empty scheduling gates",
        }]);
    }
    status
}

/// Returns the class that decides which pods go first when a node is full.
///
/// Source: `k8s.io/kubernetes/pkg/apis/core/helper/qos`.
fn quality_of_service(pod: &Value) -> &'static str {
    let (mut requests, mut limits) = (BTreeMap::new(), BTreeMap::new());
    let mut limits_all = true;
    for resources in all_resources(pod) {
        let (mut wanted, at_most) = (amounts(resources, "requests"), amounts(resources, "limits"));
        for (name, amount) in &at_most {
            wanted.entry(*name).or_insert(*amount);
        }
        limits_all &= at_most.len() == 2;
        sum(&mut requests, wanted);
        sum(&mut limits, at_most);
    }
    if requests.is_empty() && limits.is_empty() {
        "BestEffort"
    } else if limits_all && requests == limits {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

/// The resources of the pod as a whole count alone, if it has any.
fn all_resources(pod: &Value) -> Vec<Option<&Value>> {
    if let Some(resources) = object::field(pod, &["spec", "resources"]) {
        return vec![Some(resources)];
    }
    let lists = ["containers", "initContainers"];
    let lists = lists
        .iter()
        .filter_map(|list| object::field(pod, &["spec", list])?.as_array());
    lists
        .flatten()
        .map(|container| container.get("resources"))
        .collect()
}

/// Returns how much of what counts for the class there is, in thousandths.
fn amounts<'a>(resources: Option<&Value>, side: &str) -> BTreeMap<&'a str, i128> {
    let amounts = resources.and_then(|resources| resources.get(side));
    let counted = ["cpu", "memory"].into_iter().filter_map(|name| {
        let amount = quantity::thousandths(amounts?.get(name)?.as_str()?)?;
        (amount > 0).then_some((name, amount))
    });
    counted.collect()
}

fn sum<'a>(total: &mut BTreeMap<&'a str, i128>, amounts: BTreeMap<&'a str, i128>) {
    for (name, amount) in amounts {
        let sum = total.entry(name).or_default();
        *sum = sum.saturating_add(amount);
    }
}

/// Returns what is wrong with a change of a pod's spec.
///
/// The real server's message goes on with the difference, as its own types print it.
fn wrong_change(old: &Value, new: &Value) -> Option<Cause> {
    let (old_spec, new_spec) = (old.get("spec")?, new.get("spec")?);
    if old_spec == new_spec || fixed_part(old_spec, new_spec) == fixed_part(new_spec, new_spec) {
        return None;
    }
    let detail = "pod updates may not change fields other than `spec.containers[*].image`,\
                  `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,\
                  `spec.tolerations` (only additions to existing tolerations),\
                  `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was \
                  previously negative)";
    Some(Cause::forbidden("spec", detail))
}

/// Returns a spec with what may change as it is in the new one.
fn fixed_part(spec: &Value, new: &Value) -> Value {
    let mut fixed = spec.clone();
    let mut free = vec!["activeDeadlineSeconds"];
    if contains_all(new.get("tolerations"), spec.get("tolerations")) {
        free.push("tolerations");
    }
    if contains_all(spec.get("schedulingGates"), new.get("schedulingGates")) {
        free.push("schedulingGates");
    }
    let is_gated = spec
        .get("schedulingGates")
        .and_then(Value::as_array)
        .is_some_and(|gates| !gates.is_empty());
    if is_gated {
        free.extend(["affinity", "nodeSelector"]);
    }
    let was_negative = spec
        .get("terminationGracePeriodSeconds")
        .and_then(Value::as_i64)
        < Some(0);
    if was_negative && new.get("terminationGracePeriodSeconds") == Some(&json!(1)) {
        free.push("terminationGracePeriodSeconds");
    }
    for name in free {
        object::set_field(&mut fixed, name, new.get(name).cloned());
    }
    for list in ["containers", "initContainers"] {
        let images = new
            .get(list)
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let containers = fixed.get_mut(list).and_then(Value::as_array_mut);
        for (container, new) in containers.into_iter().flatten().zip(images) {
            object::set_field(container, "image", new.get("image").cloned());
        }
    }
    fixed
}

fn contains_all(list: Option<&Value>, wanted: Option<&Value>) -> bool {
    let items = |list: Option<&Value>| list.and_then(Value::as_array).cloned().unwrap_or_default();
    let list = items(list);
    items(wanted).iter().all(|item| list.contains(item))
}
