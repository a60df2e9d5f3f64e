//! A set that is none.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, labels = "tier in front,back")]
struct Pods;

fn main() {}
