//! Two units at once.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, resync = "1h30m")]
struct Pods;

fn main() {}
