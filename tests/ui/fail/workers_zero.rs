//! No worker at all.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, workers = 0)]
struct Pods;

fn main() {}
