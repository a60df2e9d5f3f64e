//! An expression does not say its kind.

use kubehandler::{EventHandler, Informer, k8s::Pod};

#[derive(EventHandler)]
#[handler(informer = self.pods.clone())]
struct Pods {
    pods: Informer<Pod>,
}

fn main() {}
