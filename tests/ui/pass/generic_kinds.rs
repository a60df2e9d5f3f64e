//! The kind is a type parameter.

use std::{fmt::Debug, marker::PhantomData};

use kubehandler::{Callbacks, EventHandler, Informer, Resource, prelude::*};

#[derive(EventHandler)]
#[handler(resource = K, name = "mirror", when = Self::is_named)]
pub struct Mirror<K, const SHARDS: usize = 4>
where
    K: Resource<DynamicType: Default>,
    for<'a> &'a K: Debug,
{
    pub kind: PhantomData<fn() -> K>,
}

impl<K, const SHARDS: usize> Mirror<K, SHARDS>
where
    K: Resource<DynamicType: Default>,
    for<'a> &'a K: Debug,
{
    fn is_named(object: &K) -> bool {
        object.meta().name.is_some()
    }
}

impl<K, const SHARDS: usize> Callbacks for Mirror<K, SHARDS>
where
    K: Resource<DynamicType: Default>,
    for<'a> &'a K: Debug,
{
    async fn reconcile(&self, ev: Event<Self>) -> Result<Action> {
        info!("{:?}", &*ev.object()?);
        Ok(Action::DONE)
    }
}

/// Several in one event loop.
#[derive(EventHandler)]
#[handler(resource = K, name = format!("{}-{SHARD}", K::plural(&K::DynamicType::default())))]
pub struct Shard<K, const SHARD: usize>(pub PhantomData<fn() -> K>)
where
    K: Resource<DynamicType: Default>;

/// Any kind, also one that is known at run time only.
#[derive(EventHandler)]
pub struct Any<K: Resource>(#[handler(informer)] pub Informer<K>);

impl<K: Resource> Callbacks for Any<K> {}

/// A parameter that is not bounded at all: the impl holds where it can.
#[derive(EventHandler)]
#[handler(resource = kubehandler::k8s::Pod)]
pub struct Wrapper<T: ?Sized>(pub Box<T>);

impl<T: ?Sized + Send + Sync + 'static> Callbacks for Wrapper<T> {}
