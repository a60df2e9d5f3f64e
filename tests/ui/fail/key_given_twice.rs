//! Two values for one key.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, workers = 4)]
#[handler(workers = 8)]
struct Pods;

fn main() {}
