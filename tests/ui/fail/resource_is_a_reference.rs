//! Callbacks get the object by themselves.

use kubehandler::EventHandler;

#[derive(EventHandler)]
#[handler(resource = &'static kubehandler::k8s::Pod)]
struct Pods;

fn main() {}
