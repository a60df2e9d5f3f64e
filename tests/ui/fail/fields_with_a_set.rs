//! Field selectors know no sets.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, fields = "status.phase in (Running)")]
struct Pods;

fn main() {}
