//! The spec of a custom resource in the place of its kind.

use kubehandler::{custom_resource, prelude::*};

#[custom_resource(group = "demo.dev", version = "v1", kind = "Site", namespaced)]
struct SiteSpec {
    image: String,
}

#[derive(EventHandler)]
#[handler(resource = SiteSpec)]
struct Sites;

impl Callbacks for Sites {
    async fn on_add(&self, ev: Event<Self>) -> Result<Action> {
        info!("{}", ev.object()?.spec.image);
        Ok(Action::DONE)
    }
}

fn main() {}
