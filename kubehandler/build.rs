//! Explains a missing version of Kubernetes, without which there is no `kube` to build with.
//!
//! Two versions at once are refused by `k8s-openapi`, which says so.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_ANY_VERSION").is_none() {
        for line in explanation().lines() {
            println!("cargo::error={line}");
        }
    }
}

fn explanation() -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "no version of Kubernetes is selected. Write in the Cargo.toml of your program:
kubehandler = {{ version = \"{version}\", features = [\"latest\"] }}
`latest` is 1.37. `v1_33` to `v1_37` select another: best that of the oldest API server the program is for.
A library writes `any-version` instead, and leaves the choice to the program."
    )
}
