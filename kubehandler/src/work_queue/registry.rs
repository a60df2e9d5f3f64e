//! Which callback belongs to which kind and event type.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;

use super::context::WorkContext;
use super::error::WorkQueueError;
use crate::event::EventType;
use crate::outcome::Result;

/// A registered callback.
pub(super) type Handler =
    Arc<dyn Fn(WorkContext, String, String) -> BoxFuture<'static, Result> + Send + Sync>;

/// The callbacks of each kind. A kind in it has at least one.
#[derive(Default)]
pub(super) struct Handlers {
    kinds: HashMap<Arc<str>, HashMap<EventType, Handler>>,
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = self
            .kinds
            .iter()
            .map(|(kind, handlers)| (kind, handlers.keys()));
        f.debug_map().entries(kinds).finish()
    }
}

impl Handlers {
    /// Adds a callback.
    ///
    /// # Errors
    ///
    /// Fails if the kind is empty, or has one for the event type already.
    pub(super) fn insert(
        &mut self,
        kind: String,
        event_type: EventType,
        handler: Handler,
    ) -> Result<(), WorkQueueError> {
        if kind.is_empty() {
            return Err(WorkQueueError::EmptyKind);
        }
        if self.get(&kind, event_type).is_some() {
            return Err(WorkQueueError::DuplicateHandler { kind, event_type });
        }
        self.kinds
            .entry(kind.into())
            .or_default()
            .insert(event_type, handler);
        Ok(())
    }

    /// Returns the callback, and the kind as it is shared by all of its keys.
    pub(super) fn get(&self, kind: &str, event_type: EventType) -> Option<(Arc<str>, Handler)> {
        let (kind, handlers) = self.kinds.get_key_value(kind)?;
        Some((Arc::clone(kind), Arc::clone(handlers.get(&event_type)?)))
    }
}
