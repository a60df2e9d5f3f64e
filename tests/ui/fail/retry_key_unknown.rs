//! A key that `retry` does not have.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, retry(max = 3, factor = 2))]
struct Pods;

fn main() {}
