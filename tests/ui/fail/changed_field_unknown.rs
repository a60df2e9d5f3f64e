//! A field that the type does not have.

use kubehandler::{EventHandler, k8s::Deployment};

#[derive(EventHandler)]
#[handler(resource = Deployment, changed = "spec.replica")]
struct Deployments;

fn main() {}
