//! A key of the kind, on a part of it.

use kubehandler::schema;

#[schema(group = "demo.dev")]
struct Zone {
    name: String,
}

fn main() {}
