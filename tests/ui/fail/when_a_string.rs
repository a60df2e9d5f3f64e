//! A path where a closure goes.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, when = "spec.nodeName")]
struct Pods;

fn main() {}
