//! What an event loop tells of each callback that it calls: for tests, metrics and audits.

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    Printable,
    contained::{Contained, contained, printed},
    event::{Call, EventType},
    log::error,
    object_key::ObjectKey,
    outcome::{Action, Result},
};

/// One callback that started or ended, as [`EventLoop::observe`](crate::EventLoop::observe) tells it.
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

/// The function that gets a report of each callback.
#[derive(Clone)]
pub(crate) struct Observer(Contained<Arc<dyn Fn(CallbackReport) + Send + Sync>>);

impl Observer {
    pub(crate) fn new(observe: impl Fn(CallbackReport) + Send + Sync + 'static) -> Self {
        Self(Contained::new(Arc::new(observe)))
    }

    /// Also calls `observe`, after the functions that are there already.
    pub(crate) fn and(self, observe: impl Fn(CallbackReport) + Send + Sync + 'static) -> Self {
        Self::new(move |report| {
            self.tell(report.clone());
            observe(report);
        })
    }

    /// Tells of the start of `call`; the answer tells of its end.
    pub(crate) fn started(&self, handler: &Arc<str>, call: &Call) -> Observed {
        let report = CallbackReport {
            handler: handler.clone(),
            event_type: call.event_type,
            object: call.key.clone(),
            uid: call.snapshot.uid().to_string().into(),
            resource_version: call.snapshot.resource_version().into(),
            attempt: call.attempt,
            stage: CallbackStage::Started,
        };
        self.tell(report.clone());
        Observed {
            observer: self.clone(),
            report: Some(report),
        }
    }

    fn tell(&self, report: CallbackReport) {
        if let Err(panic) = contained(|| (self.0)(report)) {
            let panic = Printable::new(&panic);
            error!(%panic, "the observer of the event loop panicked");
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer").finish_non_exhaustive()
    }
}

/// A callback whose start was reported; if its end never is, it was dropped.
pub(crate) struct Observed {
    observer: Observer,
    report: Option<CallbackReport>,
}

impl Observed {
    /// Tells how the callback ended.
    pub(crate) fn ended(mut self, answer: &Result<Action>) {
        self.tell(match answer {
            Ok(action) => CallbackStage::Succeeded {
                requeue: action.requeue(),
            },
            Err(error) => CallbackStage::Failed {
                error: printed(error),
                is_terminal: error.is_terminal(),
            },
        });
    }

    fn tell(&mut self, stage: CallbackStage) {
        if let Some(report) = self.report.take() {
            self.observer.tell(CallbackReport { stage, ..report });
        }
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        self.tell(CallbackStage::Dropped);
    }
}
