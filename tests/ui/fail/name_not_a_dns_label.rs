//! A name with capitals and an underscore.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, name = "My_Pods")]
struct Pods;

fn main() {}
