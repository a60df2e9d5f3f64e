//! The object-safe twin of [`Callbacks`]: the lane calls handlers of every kind through it.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    contained::{Contained, contained},
    event::{Call, Context, Event, EventType},
    handler::Callbacks,
    informer::{DecodeError, Decoder},
    lane::owed::{Offer, Skip},
    outcome::{Action, HandlerError, Result, panicked},
    settings::Settings,
};

/// A handler whose type is forgotten.
#[async_trait]
pub(crate) trait Dispatch: Send + Sync + 'static {
    /// Says whether a predicate of the handler drops the call.
    ///
    /// Fails, as the callback's own failure, if the object does not decode or the predicate panics.
    fn skip(&self, offer: &Offer, decoder: &Decoder) -> Result<Option<Skip>>;

    /// Calls the callback; its panics pass through, but none comes before the future is polled.
    async fn call(&self, call: Call, context: Arc<Context>) -> Result<Action>;
}

/// A handler and its settings.
pub(crate) struct Typed<H: Callbacks> {
    pub(crate) handler: Contained<H>,
    pub(crate) settings: Contained<Settings<H>>,
}

impl<H: Callbacks> Typed<H> {
    fn evaluate(&self, offer: &Offer, decoder: &Decoder) -> Result<Option<Skip>, DecodeError> {
        let call = &offer.call;
        if call.event_type == EventType::Delete {
            return Ok(None);
        }
        if let Some(when) = &self.settings.when
            && !when(&*decoder.decode(&call.snapshot)?)
        {
            return Ok(Some(Skip::Filtered));
        }
        // An old state that does not decode differs from every state that does.
        if let Some(differ) = &self.settings.changed
            && offer.only_changed
            && let Some(Ok(old)) = call.handled.as_ref().map(|old| decoder.decode(old))
            && !differ(&*old, &*decoder.decode(&call.snapshot)?)
        {
            return Ok(Some(Skip::Unchanged));
        }
        Ok(None)
    }
}

#[async_trait]
impl<H: Callbacks> Dispatch for Typed<H> {
    fn skip(&self, offer: &Offer, decoder: &Decoder) -> Result<Option<Skip>> {
        contained(|| self.evaluate(offer, decoder))
            .map_err(panicked)?
            .map_err(HandlerError::terminal)
    }

    async fn call(&self, call: Call, context: Arc<Context>) -> Result<Action> {
        let event_type = call.event_type;
        let event = Event::<H>::new(call, context);
        match event_type {
            EventType::Add => self.handler.on_add(event).await,
            EventType::Update => self.handler.on_update(event).await,
            EventType::Delete => self.handler.on_delete(event).await.map(|()| Action::DONE),
        }
    }
}
