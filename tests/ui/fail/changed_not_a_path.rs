//! JSONPath where names and dots go.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, changed = "{.spec.nodeName}")]
struct Pods;

fn main() {}
