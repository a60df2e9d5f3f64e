//! A duration in words.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, timeout = "30 sec")]
struct Pods;

fn main() {}
