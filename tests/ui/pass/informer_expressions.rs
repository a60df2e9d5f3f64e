//! Expressions that see the handler and the event loop's informers.

use std::sync::OnceLock;

use kubehandler::{EventHandler, Filter, Informer, Informers, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, informer = {
    let filter = Filter::default().namespace(&self.namespace);
    informers.informer(filter)
})]
pub struct OfNamespace {
    pub namespace: String,
}

#[derive(EventHandler)]
#[handler(resource = Pod, informer = Self::own(informers))]
pub struct Function;

impl Function {
    fn own(informers: &Informers) -> Informer<Pod> {
        Informer::new(informers.client().clone(), Filter::default())
    }
}

#[derive(EventHandler)]
#[handler(resource = Pod, informer = if self.all { informers.informer(Filter::default()) } else { self.some.clone() })]
pub struct Choice {
    pub all: bool,
    pub some: Informer<Pod>,
}

#[derive(EventHandler)]
#[handler(resource = Pod, informer = self.0.get_or_init(|| informers.informer(Filter::default())).clone())]
pub struct Once(pub OnceLock<Informer<Pod>>);
