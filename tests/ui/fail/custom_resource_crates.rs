//! What the attribute writes, written by hand.

use kubehandler::custom_resource;

#[custom_resource(
    group = "demo.dev",
    version = "v1",
    kind = "Site",
    crates(serde = "serde")
)]
struct SiteSpec {
    zone: String,
}

fn main() {}
