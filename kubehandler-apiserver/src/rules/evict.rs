//! An eviction deletes a pod if the disruption budgets of its namespace allow that.
//!
//! Source: `eviction.go` in `k8s.io/kubernetes/pkg/registry/core/pod/storage`.

use serde_json::{Value, json};

use super::{conditions, labels::selector_text};
use crate::{
    failure::{Cause, Failure},
    group::GroupResource,
    object,
    selector::LabelSelector,
};

/// How many evictions a budget remembers at most.
const MAX_DISRUPTED: usize = 2000;

/// How long a client is to wait for a budget that has not been looked at yet.
const WAIT: u32 = 10;

/// Returns the budget that the eviction of a pod uses up, as it is then; `None` if it uses up none.
pub(crate) fn disrupt(pod: &Value, budgets: &[Value], now: &str) -> Result<Option<Value>, Failure> {
    let phase = object::text(pod, &["status", "phase"]);
    if matches!(phase, "Succeeded" | "Failed" | "Pending") || object::is_terminating(pod) {
        return Ok(None); // Nobody depends on such a pod.
    }
    let budgets: Vec<&Value> = budgets.iter().filter(|it| covers(it, pod)).collect();
    let budget = match budgets[..] {
        [] => return Ok(None),
        [budget] => budget,
        _ => {
            let why = "This pod has more than one PodDisruptionBudget, which the eviction subresource \
                       does not support.";
            return Err(Failure::unexpected(why));
        }
    };
    let healthy = number(budget, "currentHealthy");
    let wanted = number(budget, "desiredHealthy");
    if !is_ready(pod) {
        let is_free =
            object::text(budget, &["spec", "unhealthyPodEvictionPolicy"]) == "AlwaysAllow";
        if is_free || (healthy >= wanted && wanted > 0) {
            return Ok(None);
        }
    }
    check(budget, healthy, wanted)?;
    let left = number(budget, "disruptionsAllowed") - 1;
    let mut used = budget.clone();
    let status = object::fields_of(&mut used, "status");
    status.insert("disruptionsAllowed".to_owned(), Value::from(left));
    let disrupted = status.entry("disruptedPods").or_insert_with(|| json!({}));
    object::as_fields(disrupted).insert(object::name(pod).to_owned(), Value::from(now));
    Ok(Some(used))
}

/// Returns the pod with the condition that says why it goes.
pub(crate) fn evicted(pod: &Value, now: &str) -> Value {
    let mut evicted = pod.clone();
    let condition = json!({
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
    });
    conditions::set(&mut evicted, condition, now);
    evicted
}

/// Returns true for a budget whose selector matches the pod.
fn covers(budget: &Value, pod: &Value) -> bool {
    let Some(selector) = object::field(budget, &["spec", "selector"]) else {
        return false;
    };
    let Ok(selector) = LabelSelector::parse(&selector_text(selector)) else {
        return false;
    };
    selector.matches(|key| {
        object::meta(pod, "labels")
            .and_then(|labels| labels.get(key))
            .and_then(Value::as_str)
    })
}

fn is_ready(pod: &Value) -> bool {
    let conditions = object::field(pod, &["status", "conditions"]).and_then(Value::as_array);
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|it| it["type"] == "Ready" && it["status"] == "True")
}

fn number(budget: &Value, field: &str) -> i64 {
    object::field(budget, &["status", field])
        .and_then(Value::as_i64)
        .unwrap_or_default()
}

/// Succeeds if the budget allows one disruption more.
fn check(budget: &Value, healthy: i64, wanted: i64) -> Result<(), Failure> {
    const TOO_MANY: &str = "Cannot evict pod as it would violate the pod's disruption budget.";
    let name = object::name(budget);
    if number(budget, "observedGeneration") < object::generation(budget) {
        let why = format!("The disruption budget {name} is still being processed by the server.");
        return Err(because(Failure::too_many_requests(TOO_MANY, WAIT), why));
    }
    let allowed = number(budget, "disruptionsAllowed");
    let forbidden = |why: &str| {
        Failure::forbidden(
            GroupResource::new("policy", "poddisruptionbudget"),
            name,
            why,
        )
    };
    let refused = format!("The disruption budget {name} does not allow evicting pods currently");
    if allowed < 0 {
        let why = "pdb disruptions allowed is negative";
        return Err(because(forbidden(why), format!("{refused}: {why}")));
    }
    let disrupted = object::field(budget, &["status", "disruptedPods"]).and_then(Value::as_object);
    if disrupted.is_some_and(|pods| pods.len() > MAX_DISRUPTED) {
        let why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller";
        let more = "too many pending evictions not confirmed by PDB controller";
        return Err(because(forbidden(why), format!("{refused}: {more}")));
    }
    if allowed > 0 {
        return Ok(());
    }
    let conditions = object::field(budget, &["status", "conditions"]).and_then(Value::as_array);
    let mut conditions = conditions.into_iter().flatten();
    let condition =
        conditions.find(|it| it["type"] == "DisruptionAllowed" && it["status"] == "False");
    let text = |field: &str| {
        let text = condition.and_then(|condition| condition[field].as_str());
        text.unwrap_or_default()
    };
    let (reason, message) = (text("reason"), text("message"));
    let why = if !message.is_empty() && reason == "SyncFailed" {
        format!("{refused} because it failed sync: {message}")
    } else if healthy <= wanted {
        format!(
            "The disruption budget {name} needs {wanted} healthy pods and has {healthy} currently"
        )
    } else if !message.is_empty() {
        format!("{refused} ({reason}): {message}")
    } else {
        refused
    };
    Err(because(Failure::too_many_requests(TOO_MANY, 0), why))
}

fn because(mut failure: Failure, message: String) -> Failure {
    failure.details.get_or_insert_default().causes.push(Cause {
        reason: "DisruptionBudget".to_owned(),
        message,
        field: String::new(),
    });
    failure
}
