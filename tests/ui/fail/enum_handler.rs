//! A handler that is an enum.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod)]
enum Pods {
    Web,
}

fn main() {}
