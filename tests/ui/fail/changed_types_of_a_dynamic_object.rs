//! Kind and version of an object never change.

use kubehandler::{EventHandler, Informer, kube::core::DynamicObject};

#[derive(EventHandler)]
#[handler(changed = "types")]
struct Things {
    #[handler(informer)]
    things: Informer<DynamicObject>,
}

fn main() {}
