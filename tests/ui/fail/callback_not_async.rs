//! A callback without `async`.

use kubehandler::{k8s::Pod, prelude::*};

#[derive(EventHandler)]
#[handler(resource = Pod)]
struct Pods;

impl Callbacks for Pods {
    fn on_add(&self, ev: Event<Self>) -> Result<Action> {
        info!("{}", ev.key());
        Ok(Action::DONE)
    }
}

fn main() {}
