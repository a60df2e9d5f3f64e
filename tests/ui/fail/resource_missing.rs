//! Nothing says which kind; the callbacks that use the object are not blamed.

use kubehandler::prelude::*;

#[derive(EventHandler)]
struct Pods;

impl Callbacks for Pods {
    async fn on_add(&self, ev: Event<Self>) -> Result<Action> {
        let node = ev
            .object()?
            .spec
            .as_ref()
            .and_then(|spec| spec.node_name.clone());
        println!("{} {:?}", ev.key(), node);
        Ok(Action::DONE)
    }
}

fn main() {}
