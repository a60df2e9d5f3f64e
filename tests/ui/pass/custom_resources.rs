//! Kinds of one's own, with fields that are keywords, boxes and options.

use kubehandler::{EventHandler, kube, schemars, serde};

#[derive(
    kube::CustomResource,
    Clone,
    Debug,
    PartialEq,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[kube(group = "demo.dev", version = "v1", kind = "Site", namespaced)]
#[kube(status = "SiteStatus")]
#[kube(crates(
    kube_core = "kubehandler::kube::core",
    k8s_openapi = "kubehandler::k8s_openapi",
    schemars = "kubehandler::schemars",
    serde = "kubehandler::serde",
    serde_json = "kubehandler::serde_json"
))]
#[serde(crate = "kubehandler::serde", rename_all = "camelCase")]
#[schemars(crate = "kubehandler::schemars")]
pub struct SiteSpec {
    pub r#type: String,
    pub image_name: Option<String>,
    pub zone: Option<Box<Zone>>,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(crate = "kubehandler::serde")]
#[schemars(crate = "kubehandler::schemars")]
pub struct Zone {
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(crate = "kubehandler::serde")]
#[schemars(crate = "kubehandler::schemars")]
pub struct SiteStatus {
    pub ready: i32,
}

#[derive(EventHandler)]
#[handler(resource = Site, namespace = "web", changed = "spec")]
pub struct Sites;

#[derive(EventHandler)]
#[handler(resource = Site, changed = "spec.r#type")]
pub struct Types;

#[derive(EventHandler)]
#[handler(resource = Site, changed = "spec.imageName")]
pub struct Images;

#[derive(EventHandler)]
#[handler(resource = Site, changed = "spec.zone.name")]
pub struct Zones;

#[derive(EventHandler)]
#[handler(resource = Site, changed = "status.ready")]
pub struct Ready;
