//! The library reached through a module of the program.

pub mod deps {
    pub use kubehandler as handlers;

    pub mod deep {
        pub use super::handlers::*;
    }
}

#[derive(deps::handlers::EventHandler)]
#[handler(crate = self::deps::handlers, resource = deps::handlers::k8s::Pod, workers = 2)]
pub struct Relative;

#[derive(deps::deep::EventHandler)]
#[handler(resource = deps::handlers::k8s::Pod, changed = "spec", crate = super::library_by_another_path::deps::deep)]
pub struct Deep;

#[derive(::kubehandler::EventHandler)]
#[handler(crate = ::kubehandler, resource = ::kubehandler::k8s::Pod)]
pub struct Absolute;
