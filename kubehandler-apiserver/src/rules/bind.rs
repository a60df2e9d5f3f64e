//! A binding gives a pod its node, as the scheduler asks for it.
//!
//! Source: `BindingREST` in `k8s.io/kubernetes/pkg/registry/core/pod/storage/storage.go`.

use serde_json::{Value, json};

use super::{Write, conditions};
use crate::{
    failure::{Failure, quoted},
    group::GroupResource,
    object,
    wire::options::Preconditions,
};

impl Write<'_> {
    /// Returns the pod with the node that the binding names.
    pub(crate) fn bind(&self, pod: &Value, binding: &Value) -> Result<Value, Failure> {
        let asked = |name| Some(object::meta_text(binding, name).to_owned());
        let preconditions = Preconditions {
            uid: asked("uid").filter(|uid| !uid.is_empty()),
            resource_version: asked("resourceVersion").filter(|version| !version.is_empty()),
        };
        self.check_early_preconditions(pod, &preconditions, "Precondition failed")?;
        bound(pod, binding, self.now)
    }
}

fn bound(pod: &Value, binding: &Value, now: &str) -> Result<Value, Failure> {
    let name = object::name(pod);
    let refused = |why: &str| Failure::conflict(GroupResource::new("", "pods/binding"), name, why);
    if object::is_terminating(pod) {
        return Err(refused(&format!(
            "pod {name} is being deleted, cannot be assigned to a host"
        )));
    }
    let node = object::text(pod, &["spec", "nodeName"]);
    if !node.is_empty() {
        return Err(refused(&format!(
            "pod {name} is already assigned to node {}",
            quoted(node)
        )));
    }
    let gates = object::field(pod, &["spec", "schedulingGates"]).and_then(Value::as_array);
    if gates.is_some_and(|gates| !gates.is_empty()) {
        return Err(refused(&format!(
            "pod {name} has non-empty .spec.schedulingGates"
        )));
    }
    let mut bound = pod.clone();
    let target = object::text(binding, &["target", "name"]);
    object::set_at(&mut bound, "spec.nodeName", Value::from(target));
    for field in ["annotations", "labels"] {
        let Some(Value::Object(brought)) = object::meta(binding, field) else {
            continue;
        };
        let mut merged = object::meta(pod, field).cloned().unwrap_or(json!({}));
        object::as_fields(&mut merged).extend(brought.clone());
        object::set_meta(&mut bound, field, merged);
    }
    let scheduled = json!({ "type": "PodScheduled", "status": "True" });
    conditions::set(&mut bound, scheduled, now);
    Ok(bound)
}
