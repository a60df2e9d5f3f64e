//! The defaults of a horizontal pod autoscaler.
//!
//! Source: `k8s.io/kubernetes/pkg/apis/autoscaling/v2/defaults.go`. An older version of the kind keeps
//! what it says.

use serde_json::{Value, json};

use crate::{kinds::defaults, object};

pub(super) fn default(autoscaler: &mut Value) {
    let is_current = object::text(autoscaler, &["apiVersion"]) == "autoscaling/v2";
    let Some(spec) = defaults::spec(autoscaler) else {
        return;
    };
    defaults::default(spec, "minReplicas", 1);
    if is_current {
        let cpu =
            json!({ "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 80 } });
        let metrics = json!([{ "type": "Resource", "resource": cpu }]);
        defaults::default(spec, "metrics", metrics);
    }
}
