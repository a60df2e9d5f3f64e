//! A kind without its group; what uses the kind is not blamed.

use kubehandler::{custom_resource, prelude::*};

#[custom_resource(version = "v1", kind = "Site", namespaced)]
struct SiteSpec {
    zone: String,
}

#[derive(EventHandler)]
#[handler(resource = Site, changed = "spec.zone")]
struct Sites;

fn main() {}
