//! Two keys without a comma.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, workers = 8 timeout = "30s")]
struct Pods;

fn main() {}
