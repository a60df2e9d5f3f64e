//! Handlers named as what generated code uses, one in a function's body.

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, changed = "spec", workers = 1)]
pub struct Option;

#[derive(EventHandler)]
#[handler(resource = Pod, retry(max = 1))]
pub struct Some;

#[derive(EventHandler)]
#[handler(resource = Pod)]
pub struct Informer;

#[derive(EventHandler)]
#[handler(resource = Pod, timeout = "1s")]
pub struct Cow<Default>(pub Default);

pub fn local() -> impl EventHandler {
    #[derive(EventHandler)]
    #[handler(resource = Pod)]
    struct Local;

    Local
}

pub struct Inherent;

/// Methods of the same names as the trait's do not get in its way.
#[derive(EventHandler)]
#[handler(resource = Pod, informer = informers.informer(kubehandler::Filter::default()))]
pub struct Methods;

impl Methods {
    pub fn name(&self) -> u8 {
        0
    }

    pub fn informer(&self) -> Inherent {
        Inherent
    }
}
