//! A closure that returns the part instead of a reference to it.

use kubehandler::{EventHandler, k8s::ConfigMap};

#[derive(EventHandler)]
#[handler(resource = ConfigMap, changed = |map| map.data.is_some())]
struct Maps;

fn main() {}
