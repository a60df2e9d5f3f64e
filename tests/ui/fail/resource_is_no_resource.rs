//! A type that the API server does not know.

use kubehandler::EventHandler;

#[derive(EventHandler)]
#[handler(resource = String)]
struct Pods;

fn main() {}
