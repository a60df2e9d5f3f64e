//! What admission adds to every pod: tolerations of failing nodes, and a priority.
//!
//! Source: the plugins `defaulttolerationseconds` and `priority` of kube-apiserver.
//! Priority classes that a cluster defines are not looked up.

use serde_json::{Value, json};

use crate::{
    kinds::defaults::{Fields, default, text},
    object,
};

/// The seconds that a pod stays on a node which fails.
const TOLERATION_SECONDS: i64 = 300;

/// A pod stays for a while on a node that is not ready or cannot be reached, unless it says more.
pub(super) fn tolerate_failing_nodes(spec: &mut Fields) {
    for key in [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ] {
        let known = spec.get("tolerations").and_then(Value::as_array);
        if known.is_some_and(|known| known.iter().any(|toleration| covers(toleration, key))) {
            continue;
        }
        let list = spec.entry("tolerations").or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(json!({
                "key": key,
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": TOLERATION_SECONDS,
            }));
        }
    }
}

/// Returns true if a toleration is of the taint, or of all taints.
fn covers(toleration: &Value, key: &str) -> bool {
    let of_key = ["", key].contains(&object::text(toleration, &["key"]));
    let of_effect = ["", "NoExecute"].contains(&object::text(toleration, &["effect"]));
    of_key && of_effect
}

/// A pod has the priority of its class, which is 0 without one.
pub(super) fn rank(spec: &mut Fields) {
    let priority = match text(spec, "priorityClassName") {
        "" => 0,
        "system-cluster-critical" => 2_000_000_000,
        "system-node-critical" => 2_000_001_000,
        _ => return,
    };
    default(spec, "priority", priority);
    default(spec, "preemptionPolicy", "PreemptLowerPriority");
}

/// A change that leaves out the priority keeps it.
pub(super) fn keep_rank(old: &Value, spec: &mut Fields) {
    for name in ["priority", "preemptionPolicy"] {
        if let Some(value) = object::field(old, &["spec", name]) {
            default(spec, name, value.clone());
        }
    }
}
