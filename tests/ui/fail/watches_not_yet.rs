//! A key of a later version.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, watches(kubehandler::k8s::Node, map = Pods::on))]
struct Pods;

fn main() {}
