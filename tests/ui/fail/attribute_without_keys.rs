//! The bare attribute.

use kubehandler::EventHandler;

#[derive(EventHandler)]
#[handler]
struct Pods;

fn main() {}
