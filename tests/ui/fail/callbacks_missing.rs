//! A handler that handles nothing.

use kubehandler::{k8s::Pod, prelude::*};

#[derive(EventHandler)]
#[handler(resource = Pod)]
struct Pods;

fn register<H: Callbacks>(_: H) {}

fn main() {
    register(Pods);
}
