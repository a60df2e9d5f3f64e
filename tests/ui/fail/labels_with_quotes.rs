//! Quotes in a label selector.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, labels = "app='web'")]
struct Pods;

fn main() {}
