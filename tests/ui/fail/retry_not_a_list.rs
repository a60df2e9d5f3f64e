//! A number for the list of values.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, retry = 5)]
struct Pods;

fn main() {}
