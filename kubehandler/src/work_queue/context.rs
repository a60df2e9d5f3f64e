//! What a work queue's callback gets besides the name.

use tokio_util::sync::CancellationToken;

use crate::event::EventType;

/// The circumstances of one call, Go's `ctx`.
#[derive(Clone, Debug)]
pub struct WorkContext {
    event_type: EventType,
    attempt: u32,
    stop: CancellationToken,
}

impl WorkContext {
    pub(super) fn new(event_type: EventType, attempt: u32, stop: CancellationToken) -> Self {
        Self {
            event_type,
            attempt,
            stop,
        }
    }

    /// Returns what happened to the object, for a callback that is registered more than once.
    #[must_use]
    pub fn event_type(&self) -> EventType {
        self.event_type
    }

    /// Returns how many tries for this name have failed in a row before this call.
    ///
    /// A try is a call that was due: the first one, and each retry. A call that an event brought
    /// before the retry was due, and that fails, does not count.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Waits until `run` is told to stop: the time left is the drain deadline.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    pub async fn cancelled(&self) {
        self.stop.cancelled().await;
    }

    /// Returns true once `run` is told to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.stop.is_cancelled()
    }
}
