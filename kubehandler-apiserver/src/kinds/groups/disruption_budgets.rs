//! What is wrong with a disruption budget.
//!
//! Source: `ValidatePodDisruptionBudgetSpec` in
//! `k8s.io/kubernetes/pkg/apis/policy/validation/validation.go`.

use serde_json::Value;

use crate::{failure::Cause, kinds::workload, object};

const POLICIES: [&str; 2] = ["AlwaysAllow", "IfHealthyBudget"];

pub(super) fn wrong(budget: &Value) -> Vec<Cause> {
    let fields = ["spec.minAvailable", "spec.maxUnavailable"];
    let mut causes = Vec::new();
    if fields
        .iter()
        .all(|field| object::at(budget, field).is_some())
    {
        causes.push(wrong_both(budget));
    }
    for field in fields {
        match object::at(budget, field) {
            Some(Value::String(percent)) => causes.extend(wrong_percent(percent, field)),
            _ => causes.extend(workload::wrong_numbers(budget, &[field])),
        }
    }
    let field = "spec.unhealthyPodEvictionPolicy";
    let policy = object::at(budget, field).and_then(Value::as_str);
    if let Some(policy) = policy.filter(|policy| !POLICIES.contains(policy)) {
        causes.push(Cause::not_supported(field, policy, &POLICIES));
    }
    causes
}

/// The real server shows its own struct, whose fields begin with capitals.
fn wrong_both(budget: &Value) -> Cause {
    let shown = |field: &str| {
        object::at(budget, field)
            .unwrap_or(&Value::Null)
            .to_string()
    };
    let spec = format!(
        "{{\"MinAvailable\":{},\"Selector\":{},\"MaxUnavailable\":{},\"UnhealthyPodEvictionPolicy\":{}}}",
        shown("spec.minAvailable"),
        shown("spec.selector"),
        shown("spec.maxUnavailable"),
        shown("spec.unhealthyPodEvictionPolicy"),
    );
    Cause::invalid_shown(
        "spec",
        &spec,
        "minAvailable and maxUnavailable cannot be both set",
    )
}

/// Returns what is wrong with a share of the pods, which is written as `25%`.
fn wrong_percent(percent: &str, field: &str) -> Option<Cause> {
    let digits = percent.strip_suffix('%').unwrap_or_default();
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        let detail = "a valid percent string must be a numeric string followed by an ending '%' \
                      (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
        return Some(Cause::invalid(field, percent, detail));
    }
    let is_more = digits.parse::<u64>().is_ok_and(|share| share > 100);
    is_more.then(|| Cause::invalid(field, percent, "must not be greater than 100%"))
}
