//! A key in quotes.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler("resource" = Pod, resource = Pod)]
struct Pods;

fn main() {}
