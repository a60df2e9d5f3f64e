//! A misspelt key.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, worker = 8)]
struct Pods;

fn main() {}
