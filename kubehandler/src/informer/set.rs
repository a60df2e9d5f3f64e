//! The informers of one event loop.

use std::{collections::HashMap, fmt, sync::Arc};

use kube::Client;
use parking_lot::Mutex;

use crate::{
    informer::{Filter, Informer, InformerOptions, Limits, source::Source, wire::target::Target},
    resource::Resource,
};

/// The informers of one event loop: one for each distinct resource and filter.
pub struct Informers {
    client: Client,
    limits: Limits,
    sources: Mutex<HashMap<Target, Arc<Source>>>,
}

impl Informers {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            limits: Limits::default(),
            sources: Mutex::default(),
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
        self.informer_with_type(&K::DynamicType::default(), filter)
    }

    /// Returns the loop's informer for a kind known at run time, such as a `DynamicObject` with its
    /// `ApiResource`; as [`informer`](Self::informer).
    #[must_use]
    pub fn informer_with_type<K: Resource>(
        &self,
        kind: &K::DynamicType,
        filter: Filter,
    ) -> Informer<K> {
        let target = Target::new::<K>(kind, filter);
        let mut sources = self.sources.lock();
        let source = sources.entry(target.clone()).or_insert_with(|| {
            let options = InformerOptions::<K>::default().limits(self.limits).read();
            Arc::new(Source::new(self.client.clone(), target, options))
        });
        Informer::from_source(source.clone())
    }

    /// Returns the client of the event loop.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }
}

impl fmt::Debug for Informers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sources = self.sources.lock();
        f.debug_struct("Informers")
            .field("informers", &sources.values().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::{Request, Response};
    use kube::client::Body;

    use super::*;
    use crate::k8s::Pod;

    fn client() -> Client {
        let silent = tower::service_fn(|_: Request<Body>| {
            std::future::pending::<Result<Response<Body>, Infallible>>()
        });
        Client::new(silent, "default")
    }

    #[test]
    fn equal_requests_share_one_informer() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let _entered = runtime.enter();
        let informers = Informers::new(client());
        let web = || Filter::default().namespace("web");

        let one = informers.informer::<Pod>(web());
        let same = informers.informer::<Pod>(web().labels(""));
        let other = informers.informer::<Pod>(Filter::default());
        let metadata = informers.informer::<kube::core::PartialObjectMeta<Pod>>(web());

        assert!(Arc::ptr_eq(one.source(), same.source()));
        assert!(!Arc::ptr_eq(one.source(), other.source()));
        assert!(!Arc::ptr_eq(one.source(), metadata.source()));
    }
}
