//! Fields whose type does not say that it is an informer.

use kubehandler::{EventHandler, Informer as Watched, Resource, k8s::Pod};

pub type Pods = Watched<Pod>;

pub trait Source {
    type Informer;
}

impl Source for u8 {
    type Informer = Watched<Pod>;
}

#[derive(EventHandler)]
pub struct Alias {
    #[handler(informer)]
    pub pods: Pods,
}

#[derive(EventHandler)]
#[handler(changed = "spec.nodeName", when = |pod| pod.status.is_some())]
pub struct Projection(#[handler(informer)] pub <u8 as Source>::Informer);

#[derive(EventHandler)]
pub struct Renamed<K: Resource>(#[handler(informer)] pub Watched<K>);
