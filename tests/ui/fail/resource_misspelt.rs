//! A kind that does not exist: the compiler names the one that does.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pods)]
struct Logger;

fn main() {
    println!("{:?}", Pod::default());
}
