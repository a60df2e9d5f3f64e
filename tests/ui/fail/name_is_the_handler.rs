//! The handler itself in place of its name.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, name = self)]
struct Pods {
    name: String,
}

fn main() {}
