//! A part that cannot be compared.

use kubehandler::{EventHandler, kube, schemars, serde};

#[derive(
    kube::CustomResource, Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[kube(group = "demo.dev", version = "v1", kind = "Site", namespaced)]
#[kube(crates(
    kube_core = "kubehandler::kube::core",
    k8s_openapi = "kubehandler::k8s_openapi",
    schemars = "kubehandler::schemars",
    serde = "kubehandler::serde",
    serde_json = "kubehandler::serde_json"
))]
#[serde(crate = "kubehandler::serde")]
#[schemars(crate = "kubehandler::schemars")]
struct SiteSpec {
    zone: String,
}

#[derive(EventHandler)]
#[handler(resource = Site, changed = "spec")]
struct Sites;

fn main() {}
