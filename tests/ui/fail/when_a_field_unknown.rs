//! A closure that asks for a field that the type does not have.

use kubehandler::{EventHandler, k8s::ConfigMap};

#[derive(EventHandler)]
#[handler(resource = ConfigMap, when = |map| map.spec.is_some())]
struct Maps;

fn main() {}
