//! How far the clients have come: whether every watch was read to the head of the history.

use crate::{server::ApiServer, wire::asked::Asked};

impl ApiServer {
    /// Returns the version of the last change of any object.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.pipeline.engine().cluster().storage.revision()
    }

    /// Returns the requests of the watches that are not at the head of the history.
    ///
    /// A watch is there once its client has taken every event that it selects and has asked for
    /// more: what it did with them in between is done by then. Where the client's view stands still,
    /// the head is where it stands. One that is about to end, and one that a fault holds back, never
    /// gets there.
    ///
    /// This is exact for the clients that the server hands out; over a socket it says only that the
    /// bytes have left.
    #[must_use]
    pub fn watches_behind(&self) -> Vec<Asked> {
        let places = self.pipeline.engine().watches.places();
        let state = self.pipeline.engine().cluster();
        let revision = state.storage.revision();
        let behind = places.iter().filter(|place| {
            let head = state.view(&place.asked.client).head(revision);
            place.is_ending()
                || place
                    .waits_at
                    .is_none_or(|at| state.storage.has_changed(place.table, at, head))
        });
        behind.map(|place| (*place.asked).clone()).collect()
    }

    /// Waits until a watch comes to the head of what it knows, or ends.
    ///
    /// Call it before looking at [`watches_behind`](Self::watches_behind) and await it after: what
    /// happens in between counts.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    pub fn watches_moved(&self) -> impl Future<Output = ()> + '_ {
        self.pipeline.engine().watches.moved.notified()
    }

    /// Waits until every watch is at the head of the history, see
    /// [`watches_behind`](Self::watches_behind).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    pub async fn caught_up(&self) {
        loop {
            let moved = self.watches_moved();
            if self.watches_behind().is_empty() {
                return;
            }
            moved.await;
        }
    }
}
