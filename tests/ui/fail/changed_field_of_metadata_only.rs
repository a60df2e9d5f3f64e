//! A part that the server does not send.

use kubehandler::{EventHandler, k8s::Pod, kube::core::PartialObjectMeta};

#[derive(EventHandler)]
#[handler(resource = PartialObjectMeta<Pod>, changed = "spec")]
struct Pods;

fn main() {}
