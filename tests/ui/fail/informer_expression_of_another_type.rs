//! An expression that is no informer.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, informer = informers.client().clone())]
struct Pods;

fn main() {}
