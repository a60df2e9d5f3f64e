//! List and watch of one kind into a store; deltas to subscribers.

mod config;
mod delta;
mod store;

use std::{
    fmt,
    marker::PhantomData,
    sync::{Arc, Mutex, PoisonError},
};

use kube::Client;
use tokio_util::sync::CancellationToken;

pub use config::Filter;
pub(crate) use delta::{Delta, Subscriber};
pub use store::DecodeError;
pub(crate) use store::Stored;

use crate::{handler::Resource, object_key::ObjectKey};

/// A local copy of the objects of one kind that match a filter, kept up to date.
///
/// The handle is cheap to clone; all clones share one watch and one store.
pub struct Informer<K> {
    shared: Arc<Shared>,
    kind: PhantomData<fn() -> K>,
}

/// The untyped part of an informer.
pub(crate) struct Shared {
    subscribers: Mutex<Vec<Arc<dyn Subscriber>>>,
}

impl Shared {
    /// Adds a subscriber; it gets the store's content at once, then every change.
    pub(crate) fn subscribe(&self, subscriber: Arc<dyn Subscriber>) {
        self.subscribers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(subscriber);
    }

    pub(crate) fn has_synced(&self) -> bool {
        false
    }

    /// Waits until the store holds its first complete list.
    pub(crate) async fn synced(&self) {}

    /// Lists and watches until `stop`; waits its turn while another loop does.
    pub(crate) async fn run(&self, _stop: CancellationToken) {}

    /// Says what is listed and watched, for messages: `pods in namespace `web``.
    pub(crate) fn describe(&self) -> String {
        String::new()
    }

    /// Says why what is asked for cannot exist, if so.
    pub(crate) fn invalid(&self) -> Option<String> {
        None
    }

    /// The last failure to list or watch, with what to do about it.
    pub(crate) fn last_error(&self) -> Option<String> {
        None
    }
}

impl<K: Resource> Informer<K> {
    /// Makes an informer of its own for a kind known at compile time.
    #[must_use]
    pub fn new(client: Client, filter: Filter) -> Self
    where
        K::DynamicType: Default,
    {
        Self::with_type(client, &K::DynamicType::default(), filter)
    }

    /// Makes an informer for a kind known at run time, such as a `DynamicObject` with its `ApiResource`.
    #[must_use]
    pub fn with_type(client: Client, kind: &K::DynamicType, filter: Filter) -> Self {
        let _ = (client, kind, filter);
        Self {
            shared: Arc::new(Shared {
                subscribers: Mutex::default(),
            }),
            kind: PhantomData,
        }
    }

    /// Returns the object of this name, decoded, or `None` if the store has none.
    ///
    /// # Errors
    ///
    /// Fails if the object is not of the shape of its Rust type.
    pub fn get(&self, key: &ObjectKey) -> Result<Option<Arc<K>>, DecodeError> {
        let _ = key;
        Ok(None)
    }

    /// Returns true once the store holds its first complete list.
    #[must_use]
    pub fn has_synced(&self) -> bool {
        self.shared.has_synced()
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl<K> Clone for Informer<K> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
            kind: PhantomData,
        }
    }
}

impl<K> fmt::Debug for Informer<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Informer").finish_non_exhaustive()
    }
}

/// The informers of one event loop: one for each distinct resource and filter.
pub struct Informers {
    client: Client,
}

impl Informers {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Returns the loop's informer for this kind and filter, making it if there is none.
    #[must_use]
    pub fn informer<K: Resource<DynamicType: Default>>(&self, filter: Filter) -> Informer<K> {
        Informer::new(self.client.clone(), filter)
    }

    /// Returns the client of the event loop.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }
}

impl fmt::Debug for Informers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Informers").finish_non_exhaustive()
    }
}
