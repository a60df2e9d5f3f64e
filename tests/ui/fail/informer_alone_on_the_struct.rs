//! The mark of a field, on the struct.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, informer)]
struct Pods;

fn main() {}
