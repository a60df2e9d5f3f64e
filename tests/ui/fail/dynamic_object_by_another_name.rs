//! An object whose kind nobody has said, behind an alias.

use kubehandler::{EventHandler, kube::core::DynamicObject};

type Thing = DynamicObject;

#[derive(EventHandler)]
#[handler(resource = Thing)]
struct Things;

fn main() {}
