//! A duration without its unit.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, timeout = 30)]
struct Pods;

fn main() {}
