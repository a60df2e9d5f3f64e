//! A key of a later version.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, finalizer = "demo.dev/dns")]
struct Pods;

fn main() {}
