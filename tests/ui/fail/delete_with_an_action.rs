//! An `on_delete` that answers an action, as the other callbacks do.

use kubehandler::{k8s::Pod, prelude::*};

#[derive(EventHandler)]
#[handler(resource = Pod)]
struct Pods;

impl Callbacks for Pods {
    async fn on_delete(&self, ev: Event<Self>) -> Result<Action> {
        info!("{}", ev.key());
        Ok(Action::DONE)
    }
}

fn main() {}
