//! A part of a custom resource that is not marked as one.

use kubehandler::custom_resource;

#[custom_resource(group = "demo.dev", version = "v1", kind = "Site", namespaced)]
struct SiteSpec {
    image: String,
    zone: Zone,
}

struct Zone {
    name: String,
}

fn main() {}
