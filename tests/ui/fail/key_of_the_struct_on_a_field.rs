//! A key in the wrong place.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod)]
struct Pods {
    #[handler(workers = 8)]
    prefix: String,
}

fn main() {}
