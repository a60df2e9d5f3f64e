//! The defaults of a persistent volume claim.

use serde_json::Value;

use crate::kinds::{defaults, pod_spec};

pub(super) fn default(claim: &mut Value) {
    if let Some(spec) = defaults::spec(claim) {
        pod_spec::default_claim(spec);
    }
}
