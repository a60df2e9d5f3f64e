//! A word that is near no key.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, color = "blue")]
struct Pods;

fn main() {}
