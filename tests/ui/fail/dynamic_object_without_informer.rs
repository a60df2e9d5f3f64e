//! An object whose kind nobody has said.

use kubehandler::{EventHandler, kube::core::DynamicObject};

#[derive(EventHandler)]
#[handler(resource = DynamicObject)]
struct Things;

fn main() {}
