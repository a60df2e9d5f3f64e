//! A part of a custom resource, in a list, that has some of the traits only.

use kubehandler::{custom_resource, schema};

#[custom_resource(group = "demo.dev", version = "v1", kind = "Site", namespaced)]
struct SiteSpec {
    zone: Zone,
    ports: Option<Vec<Port>>,
}

#[schema]
struct Zone {
    name: String,
}

#[derive(Clone, Debug, PartialEq)]
struct Port {
    number: u16,
}

fn main() {}
