//! A handler that cannot go to another thread.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod)]
struct Pods {
    seen: std::rc::Rc<u32>,
}

fn main() {}
