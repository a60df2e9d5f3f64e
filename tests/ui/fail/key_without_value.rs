//! A key that needs a value.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, workers)]
struct Pods;

fn main() {}
