//! No time at all.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, timeout = "0s")]
struct Pods;

fn main() {}
