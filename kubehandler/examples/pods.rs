//! The shortest program that does something: logs each pod that comes.
//!
//! `cargo run -p kubehandler --example pods --features embedded` needs no cluster.

use kubehandler::{Cluster, k8s::Pod, prelude::*};

#[derive(EventHandler)]
#[handler(resource = Pod)]
struct PodLogger;

impl Callbacks for PodLogger {
    async fn on_add(&self, ev: Event<Self>) -> Result<Action> {
        info!("pod {} added", ev.key());
        Ok(Action::DONE)
    }
}

fn main() -> Result {
    EventLoop::new("pods")
        .cluster(Cluster::find().or_embedded())
        .register(PodLogger)
        .main()
}
