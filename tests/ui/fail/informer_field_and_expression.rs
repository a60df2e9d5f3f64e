//! An informer from a field and from an expression.

use kubehandler::{EventHandler, Informer, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, informer = self.pods.clone())]
struct Pods {
    #[handler(informer)]
    pods: Informer<Pod>,
}

fn main() {}
