//! The plumbing written twice.

use std::borrow::Cow;

use kubehandler::{EventHandler, Filter, Informer, Informers, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod)]
struct Pods;

impl EventHandler for Pods {
    type Resource = Pod;

    fn name(&self) -> Cow<'_, str> {
        "pods".into()
    }

    fn informer(&self, informers: &Informers) -> Informer<Pod> {
        informers.informer(Filter::default())
    }
}

fn main() {}
