//! The local copy of the server's objects, what is made from it, and who hears of its changes.
//!
//! This room knows what an object is, and not where it comes from: nothing in it lists or watches.

pub(super) mod delta;
pub(super) mod index;
pub(super) mod pinning;
pub(super) mod store;
pub(super) mod view;

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use smallvec::SmallVec;
use tokio::{sync::watch, task::yield_now};

use crate::informer::{
    cache::{
        delta::{Delta, Subscriber},
        store::Store,
        view::View,
    },
    object::{
        decoded::{Decoder, Garbage},
        stored::Stored,
    },
};

/// The objects of one informer, and its subscribers.
pub(crate) struct Cache {
    content: Mutex<Content>,
    /// What is made from the objects: indexes, and the objects as Rust types.
    views: Vec<Arc<dyn View>>,
    decoder: Arc<Decoder>,
    /// True once the store holds its first complete list.
    synced: watch::Sender<bool>,
}

/// The store and its subscribers, under one lock.
///
/// At any time, what a subscriber was given and what it is yet to be given make up the store, or
/// the part of the store that the subscriber has seen while it joins.
#[derive(Default)]
struct Content {
    store: Store,
    subscribers: Vec<Arc<dyn Subscriber>>,
    /// What the subscribers are yet to be given: one lock and one woken worker for several changes,
    /// where each by itself would cost a switch of tasks.
    pending: Vec<Delta>,
}

/// At most this many changes are delivered in one batch, so that the first does not wait for the last.
const BATCH: usize = 32;

/// A subscriber that joins a full store gets this many objects under one lock.
const FIRST_BATCH: usize = 512;

impl Content {
    fn deliver(&mut self) {
        if !self.pending.is_empty() {
            for subscriber in &self.subscribers {
                subscriber.apply(&self.pending);
            }
            self.pending.clear();
            self.pending.shrink_to(BATCH);
        }
    }
}

impl Cache {
    pub(crate) fn new(views: Vec<Arc<dyn View>>, decoder: Arc<Decoder>) -> Self {
        Self {
            content: Mutex::default(),
            views,
            decoder,
            synced: watch::Sender::new(false),
        }
    }

    pub(crate) fn decoder(&self) -> &Arc<Decoder> {
        &self.decoder
    }

    /// Adds a subscriber; it gets the store's content, then every change.
    ///
    /// What it gets first, and with the first complete list, is `initial`. It gets changes until it is
    /// [unsubscribed](Self::unsubscribe).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the subscriber has a part of the content, and every change.
    pub(crate) async fn subscribe(&self, subscriber: Arc<dyn Subscriber>) {
        let objects: Vec<Stored> = {
            let mut content = self.content();
            content.deliver();
            content.subscribers.push(subscriber.clone());
            self.decoder.set_readers(content.subscribers.len());
            content.store.iter().cloned().collect()
        };
        // A part at a time: the informer, its readers and other tasks go on in between.
        for objects in objects.chunks(FIRST_BATCH) {
            {
                let mut content = self.content();
                content.deliver();
                for object in objects {
                    // It was given whatever has changed or gone since.
                    let current = content.store.get(object.key());
                    if current.is_some_and(|current| current.is(object)) {
                        let (object, initial) = (object.clone(), true);
                        subscriber.apply(&[Delta::Upsert { object, initial }]);
                    }
                }
            }
            yield_now().await;
        }
    }

    /// Gives this subscriber no further change.
    pub(crate) fn unsubscribe(&self, subscriber: &Arc<dyn Subscriber>) {
        let mut content = self.content();
        content
            .subscribers
            .retain(|known| !Arc::ptr_eq(known, subscriber));
        self.decoder.set_readers(content.subscribers.len());
    }

    pub(crate) fn has_synced(&self) -> bool {
        *self.synced.borrow()
    }

    /// Waits until the store holds its first complete list.
    pub(crate) async fn synced(&self) {
        // The sender lives as long as `self`, so that waiting cannot fail.
        let _ = self.synced.subscribe().wait_for(|synced| *synced).await;
    }

    pub(crate) fn get(&self, key: &str) -> Option<Stored> {
        self.content().store.get(key).cloned()
    }

    /// Returns what `read` makes of the store; it runs under the lock, so it only copies.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Store) -> T) -> T {
        read(&self.content().store)
    }

    /// Has the views make what they need of an object, which comes into the store next.
    ///
    /// This runs code of the user's; [`change`](Self::change), which is to follow, runs none.
    pub(crate) fn prepare(&self, object: &Stored) {
        for view in &self.views {
            view.prepare(object);
        }
    }

    /// Changes the store and the views; the subscribers hear of it by [`deliver`](Self::deliver) at the latest.
    pub(crate) fn change<D: IntoIterator<Item = Delta>, E>(
        &self,
        change: impl FnOnce(&mut Store) -> Result<D, E>,
    ) -> Result<(), E> {
        // Before the lock is taken, so that it is dropped after the lock is released.
        let mut garbage = SmallVec::<[Garbage; 2]>::new();
        let mut content = self.content();
        for delta in change(&mut content.store)? {
            for view in &self.views {
                garbage.extend(view.apply(&delta));
            }
            content.pending.push(delta);
        }
        if content.pending.len() >= BATCH {
            content.deliver();
        }
        Ok(())
    }

    /// Gives the subscribers what has changed since the last time.
    ///
    /// To be called before the task that changes the store waits for anything.
    pub(crate) fn deliver(&self) {
        let mut content = self.content();
        content.deliver();
        if content.store.has_synced() && !self.has_synced() {
            self.synced.send_replace(true);
        }
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock()
    }
}

#[cfg(test)]
mod tests;
