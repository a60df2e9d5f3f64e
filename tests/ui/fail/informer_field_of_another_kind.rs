//! The informer of one kind, the callbacks of another.

use kubehandler::{
    EventHandler, Informer,
    k8s::{Node, Pod},
};

#[derive(EventHandler)]
#[handler(resource = Pod)]
struct Pods {
    #[handler(informer)]
    pods: Informer<Node>,
}

fn main() {}
