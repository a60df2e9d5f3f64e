//! Objects whose kind is known at run time.

use kubehandler::{
    EventHandler, Filter, Informer,
    kube::core::{ApiResource, DynamicObject},
};

#[derive(EventHandler)]
#[handler(
    resource = DynamicObject,
    informer = Informer::with_type(informers.client().clone(), &self.kind, Filter::default()),
    changed = "spec.template.containers.0.image",
    when = |object| object.data.get("spec").is_some(),
)]
pub struct Things {
    pub kind: ApiResource,
}

#[derive(EventHandler)]
#[handler(changed = "metadata.labels")]
pub struct Labels(#[handler(informer)] pub Informer<DynamicObject>);
