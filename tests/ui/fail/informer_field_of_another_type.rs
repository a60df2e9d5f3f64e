//! The store in place of its informer.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
struct Pods {
    #[handler(informer)]
    pods: Vec<Pod>,
}

fn main() {}
