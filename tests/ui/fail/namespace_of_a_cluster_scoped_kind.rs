//! Nodes are in no namespace.

use kubehandler::{EventHandler, k8s::Node};

#[derive(EventHandler)]
#[handler(resource = Node, namespace = "web")]
struct Nodes;

fn main() {}
