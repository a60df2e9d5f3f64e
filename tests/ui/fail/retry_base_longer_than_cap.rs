//! The first delay is longer than the longest.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, retry(base = "10m", cap = "5m"))]
struct Pods;

fn main() {}
