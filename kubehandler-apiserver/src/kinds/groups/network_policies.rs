//! The defaults of a network policy.
//!
//! Source: `k8s.io/kubernetes/pkg/apis/networking/v1/defaults.go`.

use serde_json::{Value, json};

use crate::kinds::defaults::{self, default_text, items};

pub(super) fn default(policy: &mut Value) {
    let Some(spec) = defaults::spec(policy) else {
        return;
    };
    let has_egress = items(spec, "egress").next().is_some();
    let types = if has_egress {
        json!(["Ingress", "Egress"])
    } else {
        json!(["Ingress"])
    };
    defaults::default(spec, "podSelector", json!({}));
    defaults::default(spec, "policyTypes", types);
    for direction in ["ingress", "egress"] {
        for rule in items(spec, direction) {
            for port in items(rule, "ports") {
                default_text(port, "protocol", "TCP");
            }
        }
    }
}
