//! A key that kube does not have.

use kubehandler::custom_resource;

#[custom_resource(group = "demo.dev", version = "v1", kind = "Site", namespace)]
struct SiteSpec {
    zone: String,
}

fn main() {}
