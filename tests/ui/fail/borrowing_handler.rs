//! A handler that borrows.

use kubehandler::{k8s::Pod, prelude::*};

#[derive(EventHandler)]
#[handler(resource = Pod)]
struct Pods<'a> {
    prefix: &'a str,
}

fn main() {}
