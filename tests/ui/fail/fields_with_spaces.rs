//! Spaces, which the server would look for.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, fields = "status.phase = Running")]
struct Pods;

fn main() {}
