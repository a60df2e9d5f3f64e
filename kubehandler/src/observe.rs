//! What an event loop tells of itself: for tests, metrics and audits.
//!
//! The rooms below say what they can be asked to tell, in traits of their own, and do not know of this one.

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    Printable,
    contained::{Contained, contained, printed},
    event::{Call, EventType},
    informer::{InformerObserver, InformerStage},
    lane::observer::LaneObserver,
    log::error,
    object_key::ObjectKey,
    outcome::{Action, Result},
};

/// One thing that happened in an event loop, as [`EventLoop::observe`](crate::EventLoop::observe) tells it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fact {
    /// A callback started or ended.
    Callback(CallbackReport),
    /// An object is due for a handler: its place in the work queue was taken.
    Due(DueReport),
    /// An informer listed or watched.
    ListOrWatch(InformerReport),
}

/// One callback that started or ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CallbackReport {
    /// The handler's name.
    pub handler: Arc<str>,
    /// Which callback.
    pub event_type: EventType,
    /// The object it is called for.
    pub object: ObjectKey,
    /// The object's uid.
    pub uid: Arc<str>,
    /// The object's resourceVersion when the callback started.
    pub resource_version: Arc<str>,
    /// How many tries for this object had failed in a row: see [`Event::attempt`](crate::Event::attempt).
    pub attempt: u32,
    /// How far the callback is.
    pub stage: CallbackStage,
}

/// How far a callback is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallbackStage {
    /// It starts.
    Started,
    /// It succeeded.
    #[non_exhaustive]
    Succeeded {
        /// After which time it wants to be called again, if it does.
        requeue: Option<Duration>,
    },
    /// It failed, panicked or timed out.
    #[non_exhaustive]
    Failed {
        /// The error and its causes, as they print themselves: a log prints it as a
        /// [`Printable`](crate::Printable).
        error: String,
        /// It asks not to be retried.
        is_terminal: bool,
    },
    /// It was dropped at the drain deadline of a shutdown.
    Dropped,
}

/// An object that is due for a handler.
///
/// It may be merged with what is due for the object already. It is told soon after it became due, while
/// its callback may have started; of several that are yet to be told the last one is, and after the end of
/// the loop none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DueReport {
    /// The handler's name.
    pub handler: Arc<str>,
    /// The object.
    pub object: ObjectKey,
    /// The time until it is due: of a retry or a requeue; zero for all else.
    pub delay: Duration,
}

/// An informer that listed or watched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InformerReport {
    /// What is listed and watched, such as ``pods with labels `app=web` ``.
    pub informer: Arc<str>,
    /// What it does, or what became of it.
    pub stage: InformerStage,
}

/// The function that gets each fact.
#[derive(Clone)]
pub(crate) struct Observer(Contained<Arc<dyn Fn(Fact) + Send + Sync>>);

impl Observer {
    pub(crate) fn new(observe: impl Fn(Fact) + Send + Sync + 'static) -> Self {
        Self(Contained::new(Arc::new(observe)))
    }

    /// Also calls `observe`, after the functions that are there already.
    pub(crate) fn and(self, observe: impl Fn(Fact) + Send + Sync + 'static) -> Self {
        Self::new(move |fact| {
            self.tell(fact.clone());
            observe(fact);
        })
    }

    fn tell(&self, fact: Fact) {
        if let Err(panic) = contained(|| (self.0)(fact)) {
            let panic = Printable::new(&panic);
            error!(%panic, "the observer of the event loop panicked");
        }
    }

    fn tell_of_callback(&self, handler: &Arc<str>, call: &Call, stage: CallbackStage) {
        self.tell(Fact::Callback(CallbackReport {
            handler: handler.clone(),
            event_type: call.event_type,
            object: call.key.clone(),
            uid: call.snapshot.uid().to_string().into(),
            resource_version: call.snapshot.resource_version().into(),
            attempt: call.attempt,
            stage,
        }));
    }
}

impl LaneObserver for Observer {
    fn due(&self, handler: &Arc<str>, object: ObjectKey, delay: Duration) {
        let handler = handler.clone();
        self.tell(Fact::Due(DueReport {
            handler,
            object,
            delay,
        }));
    }

    fn started(&self, handler: &Arc<str>, call: &Call) {
        self.tell_of_callback(handler, call, CallbackStage::Started);
    }

    fn ended(&self, handler: &Arc<str>, call: &Call, answer: Option<&Result<Action>>) {
        let stage = match answer {
            Some(Ok(action)) => CallbackStage::Succeeded {
                requeue: action.requeue(),
            },
            Some(Err(error)) => CallbackStage::Failed {
                error: printed(error),
                is_terminal: error.is_terminal(),
            },
            None => CallbackStage::Dropped,
        };
        self.tell_of_callback(handler, call, stage);
    }
}

impl InformerObserver for Observer {
    fn informer_is(&self, informer: &str, stage: InformerStage) {
        let informer = informer.into();
        self.tell(Fact::ListOrWatch(InformerReport { informer, stage }));
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer").finish_non_exhaustive()
    }
}
