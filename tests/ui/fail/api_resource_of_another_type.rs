//! A kind that is said by its name.

use kubehandler::{EventHandler, kube::core::DynamicObject};

#[derive(EventHandler)]
#[handler(resource = DynamicObject, api_resource = self.kind)]
struct Things {
    kind: String,
}

fn main() {}
