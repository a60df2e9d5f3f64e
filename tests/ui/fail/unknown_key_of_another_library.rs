//! Go's word.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, threadiness = 8)]
struct Pods;

fn main() {}
