//! A type parameter that may be a `DynamicObject`.

use std::marker::PhantomData;

use kubehandler::{EventHandler, Resource};

#[derive(EventHandler)]
#[handler(resource = K)]
struct Mirror<K: Resource>(PhantomData<K>);

fn main() {}
