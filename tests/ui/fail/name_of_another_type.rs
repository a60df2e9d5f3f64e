//! A name that is computed, and is no text.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, name = self.shard)]
struct Pods {
    shard: u32,
}

fn main() {}
