//! A key of a later version.

use kubehandler::{EventHandler, k8s::Deployment};

#[derive(EventHandler)]
#[handler(resource = Deployment, owns(kubehandler::k8s::Pod))]
struct Deployments;

fn main() {}
