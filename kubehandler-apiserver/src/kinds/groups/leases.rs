//! Leases: their defaults, and their numbers.
//!
//! Source: `k8s.io/kubernetes/pkg/apis/coordination/validation`. The fields `strategy` and
//! `preferredHolder`, which a feature gate turns on, are not looked at.

use serde_json::{Value, json};

use crate::{failure::Cause, kinds::defaults, object};

pub(super) fn default(lease: &mut Value) {
    defaults::default(object::as_fields(lease), "spec", json!({}));
}

pub(super) fn wrong(lease: &Value) -> Vec<Cause> {
    let number = |name: &str| object::field(lease, &["spec", name]).and_then(Value::as_i64);
    let mut causes = Vec::new();
    if let Some(seconds) = number("leaseDurationSeconds").filter(|seconds| *seconds <= 0) {
        let detail = "must be greater than 0";
        causes.push(Cause::invalid("spec.leaseDurationSeconds", seconds, detail));
    }
    if let Some(transitions) = number("leaseTransitions").filter(|transitions| *transitions < 0) {
        let detail = "must be greater than or equal to 0";
        causes.push(Cause::invalid("spec.leaseTransitions", transitions, detail));
    }
    causes
}
