//! Objects whose kind is known at run time.

use std::sync::Arc;

use kubehandler::{
    EventHandler, Filter, Informer,
    kube::core::{ApiResource, DynamicObject, PartialObjectMeta, object::Object},
    serde_json::Value,
};

#[derive(EventHandler)]
#[handler(resource = DynamicObject, api_resource = self.api_resource)]
#[handler(namespace = "web", labels = "app=web", fields = "metadata.name=a")]
#[handler(name = self.api_resource.plural, changed = "spec.replicas")]
pub struct OfField {
    pub api_resource: ApiResource,
}

#[derive(EventHandler)]
#[handler(resource = DynamicObject, api_resource = &self.0)]
pub struct OfReference(pub ApiResource);

#[derive(EventHandler)]
#[handler(resource = DynamicObject, api_resource = self.0)]
pub struct OfArc(pub Arc<ApiResource>);

#[derive(EventHandler)]
#[handler(resource = DynamicObject, api_resource = self.kind())]
pub struct OfMethod;

impl OfMethod {
    fn kind(&self) -> ApiResource {
        ApiResource::erase::<kubehandler::k8s::Pod>(&())
    }
}

#[derive(EventHandler)]
#[handler(resource = PartialObjectMeta<DynamicObject>, api_resource = self.0, changed = "metadata.labels")]
pub struct OfMetadata(pub ApiResource);

#[derive(EventHandler)]
#[handler(resource = Object<Value, Value>, api_resource = self.0, changed = "spec")]
pub struct OfSpec(pub ApiResource);

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
