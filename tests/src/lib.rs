//! What the tests of this workspace share: objects, servers, a handler that records its calls.

pub mod cluster;
pub mod recorder;
pub mod scripted;

pub use kubehandler::kube;
use serde_json::{Value, json};

/// Makes a pod from `namespace/name`, as a user would send it.
///
/// # Panics
///
/// If the text is no `namespace/name`.
#[must_use]
pub fn pod(key: &str) -> Value {
    let (namespace, name) = key.split_once('/').expect("namespace/name");
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"containers": [{"name": "main", "image": "busybox"}]},
    })
}
