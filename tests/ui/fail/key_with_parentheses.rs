//! A value in parentheses.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, workers(8))]
struct Pods;

fn main() {}
