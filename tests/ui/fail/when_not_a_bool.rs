//! A closure that answers with something else.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, when = |pod| pod.spec.as_ref())]
struct Pods;

fn main() {}
