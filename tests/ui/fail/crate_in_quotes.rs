//! A path in quotes.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(crate = "kubehandler", resource = Pod)]
struct Pods;

fn main() {}
