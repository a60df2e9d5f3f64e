//! Less than no worker.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, workers = -1)]
struct Pods;

fn main() {}
