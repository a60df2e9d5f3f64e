//! A field in neither the words of Kubernetes nor those of Rust.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, changed = "spec.nodename")]
struct Pods;

fn main() {}
