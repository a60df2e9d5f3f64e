//! Two fields, one informer.

use kubehandler::{EventHandler, Informer, k8s::Pod};

#[derive(EventHandler)]
struct Pods {
    #[handler(informer)]
    web: Informer<Pod>,
    #[handler(informer)]
    db: Informer<Pod>,
}

fn main() {}
