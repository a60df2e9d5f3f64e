//! An equal sign and nothing.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, timeout = , workers = 8)]
struct Pods;

fn main() {}
