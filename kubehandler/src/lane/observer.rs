//! What a lane tells of its calls, and of the objects that are due.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use foldhash::quality::RandomState;
use parking_lot::Mutex;
use tokio::{sync::Notify, task::yield_now};

use crate::{
    event::Call,
    object_key::ObjectKey,
    outcome::{Action, Result},
    watchdog::{Code, Slot},
};

/// After telling of this many objects, other tasks may run.
const AT_ONCE: usize = 64;

/// Is told what a lane does.
pub(crate) trait LaneObserver: fmt::Debug + Send + Sync {
    /// An object is due, after this time.
    fn due(&self, handler: &Arc<str>, object: ObjectKey, delay: Duration);

    /// A callback starts.
    fn started(&self, handler: &Arc<str>, call: &Call);

    /// A callback ended; without an answer if it was dropped.
    fn ended(&self, handler: &Arc<str>, call: &Call, answer: Option<&Result<Action>>);
}

/// The objects that became due, until the observer is told of them.
///
/// They become due under locks, where no code of the user may run. Of one object the last time counts, so that
/// a slow observer costs no more memory than the objects have keys.
#[derive(Debug, Default)]
pub(super) struct Untold {
    due: Mutex<HashMap<ObjectKey, Duration, RandomState>>,
    added: Notify,
}

impl Untold {
    /// Takes an object that is due after this time.
    pub(super) fn add(&self, key: &ObjectKey, delay: Duration) {
        self.due.lock().insert(key.clone(), delay);
        self.added.notify_one();
    }

    /// Tells `observer` of the objects of `handler`, for ever.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves some of them untold.
    pub(super) async fn tell(&self, handler: &Arc<str>, observer: &dyn LaneObserver, slot: &Slot) {
        loop {
            self.added.notified().await;
            let due = std::mem::take(&mut *self.due.lock());
            for (number, (object, delay)) in due.into_iter().enumerate() {
                if number % AT_ONCE == AT_ONCE - 1 {
                    yield_now().await;
                }
                slot.hold(&object);
                let inside = slot.enter(Code::Report);
                observer.due(handler, object, delay);
                drop(inside);
            }
        }
    }
}
