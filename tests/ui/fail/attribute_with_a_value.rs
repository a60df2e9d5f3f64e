//! The attribute as a value.

use kubehandler::EventHandler;

#[derive(EventHandler)]
#[handler = "Pod"]
struct Pods;

fn main() {}
