//! A selector where one namespace goes.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, namespace = "web,db")]
struct Pods;

fn main() {}
