//! What an account is asked, and what it answers: turns, calls, and how they end.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    event::{Call, EventType},
    informer::Stored,
    lane::cause::Causes,
    outcome::Retrying,
    queue::Priority,
    settings::Retry,
};

/// The call that a worker is busy with.
#[derive(Debug)]
pub(super) struct RunningTurn {
    pub(super) event_type: EventType,
    pub(super) snapshot: Stored,
    pub(super) priority: Priority,
    /// It started before the retry of a failure was due: see [`tries`](super::tries).
    pub(super) is_early: bool,
    /// The life that the call belongs to ended while it ran.
    pub(super) overtaken: bool,
    pub(super) causes: Causes,
}

/// What a life knows of a call that starts.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) priority: Priority,
    /// It starts before the retry of a failure is due.
    pub(super) is_early: bool,
    pub(super) causes: Causes,
}

/// How long failures are retried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(crate) retry: Retry,
    /// A delete that has failed for this long is given up.
    pub(crate) delete_deadline: Duration,
}

/// What is to be done for the object now.
#[derive(Debug)]
pub(crate) enum Next {
    /// Call this, unless a predicate says otherwise.
    Call(Offer),
    /// Nothing yet: a retry or requeue is not due before its time.
    Wait,
    /// Nothing.
    Nothing,
}

/// A call that is due. It counts once [`Owed::start`](super::Owed::start) has confirmed it.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) call: Call,
    /// The call is due to a change alone, so `changed` may drop it.
    pub(crate) only_changed: bool,
}

/// Why a due call is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skip {
    /// `when` refuses the state of the object.
    Filtered,
    /// `changed` finds no difference to the state last handled.
    Unchanged,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It succeeded, and may want to be called again after a time.
    Done(Option<Duration>),
    /// It failed.
    Failed(Retrying),
}

/// What became of a call that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It succeeded, or its failure no longer matters: the object is gone.
    Settled,
    /// It failed and runs again after this time, or at once if there is a newer change.
    Retry(Duration),
    /// It failed and is given up.
    GaveUp,
    /// It was a delete, has failed for this long, and is given up.
    Expired(Duration),
}

/// When the object wants its next turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Now(Priority),
    At(Instant, Priority),
    Never,
}

/// `now + delay`, or some thirty years from now for a delay beyond the clock's end.
pub(super) fn after(now: Instant, delay: Duration) -> Instant {
    now.checked_add(delay)
        .unwrap_or_else(|| now + Duration::from_secs(1_000_000_000))
}
