//! An informer that the handler brings has its kind.

use kubehandler::{
    EventHandler, Informer,
    kube::core::{ApiResource, DynamicObject},
};

#[derive(EventHandler)]
#[handler(api_resource = self.kind)]
struct Things {
    #[handler(informer)]
    things: Informer<DynamicObject>,
    kind: ApiResource,
}

fn main() {}
