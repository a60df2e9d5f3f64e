//! What a work queue refuses, and how its run can fail.

use std::fmt;
use std::time::Duration;

use crate::Printable;
use crate::event::EventType;
use crate::object_key::ObjectKey;

/// Why a work queue refused something, or stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WorkQueueError {
    /// The work queue was made with an empty name.
    #[error("the work queue has no name: give `WorkQueue::new` one")]
    EmptyName,
    /// A callback was registered for an empty kind.
    #[error("the kind is empty: name what the objects are, such as `pods`")]
    EmptyKind,
    /// The kind has a callback for this event type already.
    #[error(
        "kind `{}` has a callback for `{event_type}` already",
        Printable::new(kind)
    )]
    DuplicateHandler {
        /// The kind.
        kind: String,
        /// The event type.
        event_type: EventType,
    },
    /// The kind has no callback for this event type.
    #[error(
        "kind `{}` has no callback for `{event_type}`: call `register_{event_type}_handler` first",
        Printable::new(kind)
    )]
    NotRegistered {
        /// The kind.
        kind: String,
        /// The event type.
        event_type: EventType,
    },
    /// The object that was enqueued has no name.
    #[error(
        "an object of kind `{}` has no name in its metadata, so it cannot be queued",
        Printable::new(kind)
    )]
    Nameless {
        /// The kind.
        kind: String,
    },
    /// `run` was called with no workers.
    #[error("0 workers would never call anything: use at least 1")]
    ZeroWorkers,
    /// `run` was called before; a work queue runs once.
    #[error("work queue `{}` runs already, or has run: make a new one", Printable::new(.0))]
    AlreadyRun(String),
    /// The functions of `add_synced` did not all return true in time.
    #[error(
        "caches did not sync within {timeout:?}: {waiting} of {all} `add_synced` functions still return false"
    )]
    NotSynced {
        /// How many did not.
        waiting: usize,
        /// How many there are.
        all: usize,
        /// How long they were given.
        timeout: Duration,
    },
    /// Callbacks were still running when the drain deadline came.
    #[error("callbacks were still running at the drain deadline: {}", names(.0))]
    CutOff(Vec<UnfinishedCall>),
}

/// A callback that was cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnfinishedCall {
    /// The kind that it was registered for.
    pub kind: String,
    /// What it was called for.
    pub event_type: EventType,
    /// The object that it was called for.
    pub object: ObjectKey,
    /// It blocks its thread: it cannot be dropped, and still runs.
    pub is_blocking: bool,
}

/// Kind, event type and object, such as `pods add default/web`.
impl fmt::Display for UnfinishedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, object) = (Printable::new(&self.kind), Printable::new(&self.object));
        write!(f, "{kind} {} {object}", self.event_type)?;
        if self.is_blocking {
            write!(f, " (it blocks its thread)")?;
        }
        Ok(())
    }
}

/// The calls, joined by semicolons.
fn names(calls: &[UnfinishedCall]) -> String {
    let calls: Vec<String> = calls.iter().map(ToString::to_string).collect();
    calls.join("; ")
}
