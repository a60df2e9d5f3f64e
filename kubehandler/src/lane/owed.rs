//! What one handler owes to one object: a pure state machine.
//!
//! A *life* begins when the object enters the handler's view and ends when it leaves.
//! Per life, the calls that succeed are `(add update*)? delete?`; the delete of one life
//! comes before the first call of the next. At most one ended life is owed its delete:
//! no call of the next life starts before it is paid, and a life of which no call has
//! started owes nothing when it ends, unless it came with the first list.

mod life;
mod quiet;
mod tries;

use std::time::Duration;

use tokio::time::Instant;

use self::life::{Ended, Life};
pub(crate) use self::quiet::Quiet;
use crate::{
    event::{Call, EventKind},
    informer::Stored,
    object_key::ObjectKey,
    outcome::Retrying,
    queue::Priority,
    settings::Retry,
};

/// The account of one object with one handler.
#[derive(Debug, Default)]
pub(crate) struct Owed {
    /// The life in the view, if the object is there now.
    life: Option<Life>,
    /// The life before, while its delete is owed: it is paid before anything else.
    ended: Option<Ended>,
    running: Option<Running>,
}

/// The call that a worker is busy with.
#[derive(Debug)]
struct Running {
    kind: EventKind,
    snapshot: Stored,
    priority: Priority,
    /// It started before the retry of a failure was due: see [`tries`].
    is_early: bool,
    /// The life that the call belongs to ended while it ran.
    overtaken: bool,
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

/// A call that is due. It counts once [`Owed::start`] has confirmed it.
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

impl Owed {
    /// Takes the new state of the object that is in the view now.
    ///
    /// A life ends by [`remove`](Self::remove) alone, also where the next one follows at once.
    pub(crate) fn upsert(&mut self, object: Stored, initial: bool) {
        if let Some(life) = &mut self.life {
            life.change(object);
            return;
        }
        // Before the first list is complete, one life may follow another that was seen. Then no
        // earlier run can have called a callback of it, and there is but one delete to be owed.
        let initial = initial && self.ended.is_none();
        self.life = Some(Life::new(object, initial));
        if let Some(ended) = &mut self.ended {
            ended.recreate();
        }
    }

    /// Takes the end of the life in view; `last` is the last state known of the object.
    pub(crate) fn remove(&mut self, last: Stored) {
        let Some(life) = self.life.take() else {
            return;
        };
        if let Some(running) = &mut self.running {
            running.overtaken = true;
        }
        if let Some(ended) = life.end(last) {
            self.ended = Some(ended);
        }
    }

    /// Returns the object, if it is in the view.
    pub(crate) fn object(&self) -> Option<&Stored> {
        self.life.as_ref().map(Life::current)
    }

    /// Makes a resync of the object due; returns false if there is none in the view.
    pub(crate) fn resync(&mut self) -> bool {
        self.life.as_mut().map(Life::resync).is_some()
    }

    /// Says what is to be done now, to the one worker that holds the object: none of its calls runs.
    pub(crate) fn next(&self, key: &ObjectKey, now: Instant) -> Next {
        match self.turn(now) {
            Turn::Never => Next::Nothing,
            Turn::At(..) => Next::Wait,
            Turn::Now(_) => match (&self.ended, &self.life) {
                (Some(ended), _) => Next::Call(ended.offer(key)),
                (None, Some(life)) => Next::Call(life.offer(key, now)),
                (None, None) => Next::Nothing,
            },
        }
    }

    /// Confirms that the offered call starts; false if it is out of date.
    pub(crate) fn start(&mut self, offer: &Offer, now: Instant) -> bool {
        let call = &offer.call;
        if !self.is_still_due(call) {
            return false;
        }
        let (priority, is_early) = match (&mut self.ended, &mut self.life) {
            (Some(ended), _) => ended.start(now),
            (None, Some(life)) => life.start(now),
            (None, None) => return false,
        };
        self.running = Some(Running {
            kind: call.kind,
            snapshot: call.snapshot.clone(),
            priority,
            is_early,
            overtaken: false,
        });
        true
    }

    /// Books that a predicate failed in place of the offered call; none if it is out of date.
    ///
    /// It counts as a failed call, but no callback saw the life: it owes no delete for this.
    pub(crate) fn refuse(
        &mut self,
        offer: &Offer,
        retrying: Retrying,
        patience: &Patience,
        now: Instant,
    ) -> Option<Verdict> {
        let owed_delete = self.life.as_ref().is_some_and(Life::owes_delete);
        if !self.start(offer, now) {
            return None;
        }
        if let Some(life) = &mut self.life {
            life.set_owes_delete(owed_delete);
        }
        Some(self.finish(Outcome::Failed(retrying), patience, now))
    }

    /// Drops the offered call; false if it is out of date.
    pub(crate) fn skip(&mut self, offer: &Offer, skip: Skip, now: Instant) -> bool {
        if !self.is_still_due(&offer.call) {
            return false;
        }
        if let Some(life) = &mut self.life {
            life.skip(skip, now);
        }
        true
    }

    /// Returns true if nothing has changed since the call was offered.
    fn is_still_due(&self, call: &Call) -> bool {
        let now = match (&self.ended, &self.life, call.kind) {
            (Some(ended), _, EventKind::Delete) => ended.last(),
            (None, Some(life), EventKind::Add | EventKind::Update) => life.current(),
            _ => return false,
        };
        now.is(&call.snapshot)
    }

    /// Books how the running call ended.
    pub(crate) fn finish(
        &mut self,
        outcome: Outcome,
        patience: &Patience,
        now: Instant,
    ) -> Verdict {
        let Some(running) = self.running.take() else {
            return Verdict::Settled;
        };
        if running.kind == EventKind::Delete {
            let Some(ended) = &mut self.ended else {
                return Verdict::Settled;
            };
            let verdict = ended.finish(&running, outcome, patience, now);
            if !matches!(verdict, Verdict::Retry(_)) {
                self.ended = None;
            }
            return verdict;
        }
        if running.overtaken {
            if let (Outcome::Done(_), Some(ended)) = (outcome, &mut self.ended) {
                ended.handled(running.snapshot);
            }
            return Verdict::Settled;
        }
        match &mut self.life {
            Some(life) => life.finish(running, outcome, &patience.retry, now),
            None => Verdict::Settled,
        }
    }

    /// Says when the object wants its next turn.
    pub(crate) fn turn(&self, now: Instant) -> Turn {
        let due = match (&self.ended, &self.life) {
            (Some(ended), _) => Some(ended.due()),
            (None, Some(life)) => life.due(),
            (None, None) => None,
        };
        match due {
            None => Turn::Never,
            Some((Some(at), priority)) if at > now => Turn::At(at, priority),
            Some((_, priority)) => Turn::Now(priority),
        }
    }

    /// Returns true while a callback runs, is due, or waits for its retry.
    pub(crate) fn is_owing(&self) -> bool {
        self.running.is_some()
            || self.ended.is_some()
            || self.life.as_ref().is_some_and(Life::is_owing)
    }

    /// Returns true while a delete is owed that has failed.
    pub(crate) fn is_failing_delete(&self) -> bool {
        self.ended
            .as_ref()
            .is_some_and(|ended| ended.failures() > 0)
    }

    /// Returns the call that is due or waits for its retry, its failures, and its time if that is to come.
    pub(crate) fn waiting(&self, now: Instant) -> Option<(EventKind, u32, Option<Instant>)> {
        if self.running.is_some() {
            return None;
        }
        let (kind, failures) = match (&self.ended, &self.life) {
            (Some(ended), _) => (EventKind::Delete, ended.failures()),
            (None, Some(life)) if life.is_owing() => (life.kind(), life.failures()),
            _ => return None,
        };
        let due = match self.turn(now) {
            Turn::At(at, _) => Some(at),
            Turn::Now(_) | Turn::Never => None,
        };
        Some((kind, failures, due))
    }

    /// Returns true if there is nothing to remember.
    pub(crate) fn is_empty(&self) -> bool {
        self.life.is_none() && self.ended.is_none() && self.running.is_none()
    }
}

/// `now + delay`, or some thirty years from now for a delay beyond the clock's end.
fn after(now: Instant, delay: Duration) -> Instant {
    now.checked_add(delay)
        .unwrap_or_else(|| now + Duration::from_secs(1_000_000_000))
}

#[cfg(test)]
mod tests;
