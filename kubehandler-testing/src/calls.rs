//! The callbacks that a loop called.

use std::{
    fmt,
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kubehandler::{CallbackReport, CallbackStage, EventType, ObjectKey};
use tokio::time::Instant;

/// One callback that was called.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Call {
    /// The handler's name.
    pub handler: Arc<str>,
    /// Which callback.
    pub event_type: EventType,
    /// The object it was called for.
    pub object: ObjectKey,
    /// The object's uid.
    pub uid: Arc<str>,
    /// The object's resourceVersion when the callback started.
    pub resource_version: Arc<str>,
    /// How often in a row a callback for this object had failed before this call.
    pub attempt: u32,
    /// When it started.
    pub at: Instant,
    /// How long it took; none while it runs.
    pub took: Option<Duration>,
    /// How far it is.
    pub stage: CallbackStage,
}

impl Call {
    /// Returns true if it succeeded.
    #[must_use]
    pub fn has_succeeded(&self) -> bool {
        matches!(self.stage, CallbackStage::Succeeded { .. })
    }

    /// Returns why it failed, if it did.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        match &self.stage {
            CallbackStage::Failed { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// `add default/web`.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.event_type, self.object)
    }
}

/// Callbacks in the order in which they started: a slice, with words to choose from it.
///
/// # Examples
///
/// ```
/// # async fn example(run: &kubehandler_testing::Run) {
/// use kubehandler::EventType;
///
/// let adds = run.calls().of("labeller").event_type(EventType::Add);
/// assert!(adds.on("default/web").failed().is_empty());
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Calls(Vec<Call>);

impl Calls {
    /// Keeps those of the handler of this name.
    #[must_use]
    pub fn of(self, handler: &str) -> Self {
        self.only(|call| *call.handler == *handler)
    }

    /// Keeps those for this object, written as `namespace/name`.
    #[must_use]
    pub fn on(self, object: &str) -> Self {
        self.only(|call| call.object.as_str() == object)
    }

    /// Keeps the adds, the updates or the deletes.
    #[must_use]
    pub fn event_type(self, event_type: EventType) -> Self {
        self.only(|call| call.event_type == event_type)
    }

    /// Keeps those that succeeded.
    #[must_use]
    pub fn succeeded(self) -> Self {
        self.only(Call::has_succeeded)
    }

    /// Keeps those that failed.
    #[must_use]
    pub fn failed(self) -> Self {
        self.only(|call| call.error().is_some())
    }

    /// Returns each as `add default/web`.
    #[must_use]
    pub fn to_strings(&self) -> Vec<String> {
        self.iter().map(ToString::to_string).collect()
    }

    fn only(mut self, is_wanted: impl Fn(&Call) -> bool) -> Self {
        self.0.retain(is_wanted);
        self
    }
}

impl Deref for Calls {
    type Target = [Call];

    fn deref(&self) -> &[Call] {
        &self.0
    }
}

impl IntoIterator for Calls {
    type Item = Call;
    type IntoIter = std::vec::IntoIter<Call>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// The calls of one loop; all clones are one log.
#[derive(Clone, Default)]
pub(crate) struct CallLog {
    calls: Arc<Mutex<Vec<Call>>>,
}

impl CallLog {
    pub(crate) fn calls(&self) -> Calls {
        Calls(self.lock().clone())
    }

    /// Returns why the last call of this handler for this object failed, if it did.
    pub(crate) fn last_error(&self, handler: &str, object: &ObjectKey) -> Option<String> {
        let calls = self.lock();
        let mut of_object = calls.iter().rev();
        let last = of_object.find(|call| *call.handler == *handler && call.object == *object)?;
        last.error().map(str::to_owned)
    }

    /// Takes what the event loop tells.
    pub(crate) fn note(&self, report: CallbackReport) {
        let mut calls = self.lock();
        if report.stage != CallbackStage::Started {
            // For one handler and one object there is never more than one under way.
            let started = calls.iter_mut().rev().find(|call| {
                call.handler == report.handler
                    && call.object == report.object
                    && call.stage == CallbackStage::Started
            });
            if let Some(call) = started {
                call.took = Some(call.at.elapsed());
                call.stage = report.stage;
            }
            return;
        }
        calls.push(Call {
            handler: report.handler,
            event_type: report.event_type,
            object: report.object,
            uid: report.uid,
            resource_version: report.resource_version,
            attempt: report.attempt,
            at: Instant::now(),
            took: None,
            stage: report.stage,
        });
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
