//! A name without quotes.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, name = web)]
struct Pods;

fn main() {}
