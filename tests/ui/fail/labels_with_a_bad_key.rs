//! A label key with two slashes.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, labels = "example.com/app/name=web")]
struct Pods;

fn main() {}
