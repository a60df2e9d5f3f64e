//! Structs without named fields.

use kubehandler::{EventHandler, Informer, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod)]
pub struct Unit;

#[derive(EventHandler)]
#[handler(resource = Pod)]
pub struct NoFields {}

#[derive(EventHandler)]
#[handler(resource = Pod)]
pub struct NoElements();

#[derive(EventHandler)]
pub struct Second(pub u8, #[handler(informer)] pub Informer<Pod>);
