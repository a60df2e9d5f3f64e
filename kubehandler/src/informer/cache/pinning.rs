//! Keeps every object of a store decoded.

use std::{marker::PhantomData, sync::Arc};

use crate::{
    informer::{
        cache::{delta::Delta, view::View},
        object::{
            decoded::{Decoder, Garbage, Pinned},
            stored::Stored,
        },
    },
    resource::Resource,
};

/// Makes a decoder that has every object of the store decoded, and the view that does it.
pub(crate) fn pinning<K: Resource>() -> (Arc<Decoder>, Arc<dyn View>) {
    let pinned = Arc::<Pinned>::default();
    let decoder = Decoder::with_pinned(pinned.clone());
    let kind = PhantomData::<fn() -> K>;
    (Arc::new(decoder), Arc::new(Pinning { pinned, kind }))
}

struct Pinning<K> {
    pinned: Arc<Pinned>,
    kind: PhantomData<fn() -> K>,
}

impl<K: Resource> View for Pinning<K> {
    fn prepare(&self, object: &Stored) {
        self.pinned.prepare::<K>(object);
    }

    fn apply(&self, delta: &Delta) -> Option<Garbage> {
        match delta {
            Delta::Remove { last } => self.pinned.remove(last.key()),
            Delta::Upsert { object, .. } => self.pinned.insert(object),
        }
    }
}
