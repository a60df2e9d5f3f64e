//! Every open watch: how far it has come, and whether it is to end.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::{state::storage::TableId, wire::asked::Asked};

/// Every watch under way, and how far it is.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    open: Mutex<Open>,
    /// Notified when a watch comes to wait, and when one ends.
    pub(crate) moved: Notify,
}

#[derive(Debug, Default)]
struct Open {
    last: u64,
    places: HashMap<u64, Place>,
}

/// How far a watch is.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) table: TableId,
    /// The request that started it.
    pub(crate) asked: Arc<Asked>,
    end: Option<End>,
    /// The version up to which everything was handed over; `None` while lines are on their way.
    pub(crate) waits_at: Option<u64>,
}

impl Place {
    /// Returns true if the watch is to end and its client has not yet seen that.
    pub(crate) fn is_ending(&self) -> bool {
        self.end.is_some()
    }
}

/// How a watch is to end before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// As if its time were over.
    Cut,
    /// With its connection.
    Break,
}

impl Watches {
    pub(crate) fn open(self: &Arc<Self>, table: TableId, asked: Arc<Asked>) -> Ticket {
        let mut open = self.lock();
        open.last += 1;
        let id = open.last;
        let place = Place {
            table,
            asked,
            end: None,
            waits_at: None,
        };
        open.places.insert(id, place);
        let watches = Arc::clone(self);
        Ticket { watches, id }
    }

    /// Returns how far each watch is.
    pub(crate) fn places(&self) -> Vec<Place> {
        self.lock().places.values().cloned().collect()
    }

    /// Marks the watches that `picks` picks; they end once they are woken.
    pub(crate) fn end(&self, picks: impl Fn(&Asked) -> bool, end: End) {
        for place in self.lock().places.values_mut() {
            if picks(&place.asked) {
                place.end = Some(end);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A watch's entry in the list of all; gone with the watch.
pub(crate) struct Ticket {
    watches: Arc<Watches>,
    id: u64,
}

impl Ticket {
    pub(crate) fn is_busy(&self) {
        self.set(None);
    }

    pub(crate) fn waits_at(&self, cursor: u64) {
        self.set(Some(cursor));
        self.watches.moved.notify_waiters();
    }

    pub(crate) fn end(&self) -> Option<End> {
        self.watches.lock().places.get(&self.id)?.end
    }

    fn set(&self, waits_at: Option<u64>) {
        if let Some(place) = self.watches.lock().places.get_mut(&self.id) {
            place.waits_at = waits_at;
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.watches.lock().places.remove(&self.id);
        self.watches.moved.notify_waiters();
    }
}
