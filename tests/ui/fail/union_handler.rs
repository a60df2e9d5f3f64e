//! A handler that is a union.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod)]
union Pods {
    web: u8,
    db: i8,
}

fn main() {}
