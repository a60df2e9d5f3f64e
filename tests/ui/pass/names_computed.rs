//! Expressions that make a name of the handler.

use std::{borrow::Cow, sync::Arc};

use kubehandler::{EventHandler, k8s::Pod};

#[derive(EventHandler)]
#[handler(resource = Pod, name = self.name)]
pub struct Field {
    pub name: String,
}

#[derive(EventHandler)]
#[handler(resource = Pod, name = self.0)]
pub struct Borrowed(pub &'static str);

#[derive(EventHandler)]
#[handler(resource = Pod, name = &self.0)]
pub struct Reference(pub Arc<str>);

#[derive(EventHandler)]
#[handler(resource = Pod, name = *self.0)]
pub struct Unsized(pub Box<str>);

#[derive(EventHandler)]
#[handler(resource = Pod, name = Self::NAME)]
pub struct Constant;

impl Constant {
    const NAME: &str = "constant";
}

#[derive(EventHandler)]
#[handler(resource = Pod, name = match self { Self(0) => Cow::Borrowed("first"), Self(n) => format!("pods-{n}").into() })]
pub struct Either(pub usize);

#[derive(EventHandler)]
#[handler(resource = Pod, name = {
    let shard = self.shard + 1;
    format!("pods-{shard}-{}", self.shards)
})]
pub struct Shard {
    pub shard: usize,
    pub shards: usize,
}
