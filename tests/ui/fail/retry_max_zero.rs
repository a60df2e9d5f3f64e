//! Fewer attempts than one.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, retry(max = 0))]
struct Pods;

fn main() {}
