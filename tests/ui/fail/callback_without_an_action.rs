//! A callback that answers nothing where an action is expected.

use kubehandler::{k8s::Pod, prelude::*};

#[derive(EventHandler)]
#[handler(resource = Pod)]
struct Pods;

impl Callbacks for Pods {
    async fn on_add(&self, ev: Event<Self>) -> Result {
        info!("{}", ev.key());
        Ok(())
    }
}

fn main() {}
