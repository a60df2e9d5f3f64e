//! Selectors for an informer that has its own.

use kubehandler::{EventHandler, Informer, k8s::Pod};

#[derive(EventHandler)]
#[handler(labels = "app=web")]
struct Pods {
    #[handler(informer)]
    pods: Informer<Pod>,
}

fn main() {}
