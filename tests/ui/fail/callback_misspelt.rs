//! A callback that does not exist.

use kubehandler::{k8s::Pod, prelude::*};

#[derive(EventHandler)]
#[handler(resource = Pod)]
struct Pods;

impl Callbacks for Pods {
    async fn on_added(&self, ev: Event<Self>) -> Result<Action> {
        info!("{}", ev.key());
        Ok(Action::DONE)
    }
}

fn main() {}
