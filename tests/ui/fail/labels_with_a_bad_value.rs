//! A label value that no object can have.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, labels = "app=web,tier=front end")]
struct Pods;

fn main() {}
