//! The informers of one event loop.

use std::{collections::HashMap, fmt, sync::Arc};

use kube::Client;
use parking_lot::Mutex;

use crate::{
    informer::{Filter, Informer, InformerOptions, Limits, shared::Shared, target::Target},
    resource::Resource,
};

/// The informers of one event loop: one for each distinct resource and filter.
pub struct Informers {
    client: Client,
    limits: Limits,
    shared: Mutex<HashMap<Target, Arc<Shared>>>,
}

impl Informers {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            limits: Limits::default(),
            shared: Mutex::default(),
        }
    }

    /// Sets the limits of the informers that are made from here on.
    pub(crate) fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Returns the loop's informer for this kind and filter, making it if there is none.
    ///
    /// However many handlers ask for it, it is one watch and one store.
    #[must_use]
    pub fn informer<K: Resource<DynamicType: Default>>(&self, filter: Filter) -> Informer<K> {
        let target = Target::new::<K>(&K::DynamicType::default(), filter);
        let mut shared = self.shared.lock();
        let informer = shared.entry(target.clone()).or_insert_with(|| {
            let options = InformerOptions::<K>::default().limits(self.limits).read();
            Arc::new(Shared::new(self.client.clone(), target, options))
        });
        Informer::of(informer.clone())
    }

    /// Returns the client of the event loop.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }
}

impl fmt::Debug for Informers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.shared.lock();
        f.debug_struct("Informers")
            .field("informers", &shared.values().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
