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
mod turn;

use tokio::time::Instant;

use self::{
    life::{EndedLife, Life},
    turn::RunningTurn,
};
pub(crate) use self::{
    quiet::Quiet,
    turn::{Next, Offer, Outcome, Patience, Skip, Turn, Verdict},
};
use crate::{
    event::{Call, EventType},
    informer::Stored,
    lane::cause::{Cause, Causes},
    object_key::ObjectKey,
    outcome::Retrying,
    queue::Priority,
};

/// The account of one object with one handler.
#[derive(Debug, Default)]
pub(crate) struct Owed {
    /// The life in the view, if the object is there now.
    life: Option<Life>,
    /// The life before, while its delete is owed: it is paid before anything else.
    ended: Option<EndedLife>,
    running: Option<RunningTurn>,
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

    /// Makes a call due for a cause from elsewhere; returns false if the object is not in the view.
    pub(crate) fn add_cause(&mut self, cause: Cause, priority: Priority) -> bool {
        let life = self.life.as_mut();
        life.map(|life| life.add_cause(cause, priority)).is_some()
    }

    /// Begins the life of the object in the view anew, as after a restart of the program.
    ///
    /// What was owed before is forgotten: the delete of an earlier life, and what the running call would
    /// leave, whose end comes before the new life's first call all the same.
    pub(crate) fn restart(&mut self) {
        self.ended = None;
        if let Some(running) = &mut self.running {
            running.overtaken = true;
        }
        if let Some(life) = &mut self.life {
            *life = Life::new(life.current().clone(), true);
        }
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
        let started = match (&mut self.ended, &mut self.life) {
            (Some(ended), _) => ended.start(now),
            (None, Some(life)) => life.start(now),
            (None, None) => return false,
        };
        self.running = Some(RunningTurn {
            event_type: call.event_type,
            snapshot: call.snapshot.clone(),
            priority: started.priority,
            is_early: started.is_early,
            overtaken: false,
            causes: started.causes,
        });
        true
    }

    /// Returns the causes of the call that runs.
    pub(crate) fn causes(&self) -> Causes {
        let running = self.running.as_ref();
        running.map_or_else(Causes::default, |running| running.causes.clone())
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
        let now = match (&self.ended, &self.life, call.event_type) {
            (Some(ended), _, EventType::Delete) => ended.last(),
            (None, Some(life), EventType::Add | EventType::Update) => life.current(),
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
        if running.event_type == EventType::Delete {
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
    pub(crate) fn waiting(&self, now: Instant) -> Option<(EventType, u32, Option<Instant>)> {
        if self.running.is_some() {
            return None;
        }
        let (event_type, failures) = match (&self.ended, &self.life) {
            (Some(ended), _) => (EventType::Delete, ended.failures()),
            (None, Some(life)) if life.is_owing() => (life.event_type(), life.failures()),
            _ => return None,
        };
        let due = match self.turn(now) {
            Turn::At(at, _) => Some(at),
            Turn::Now(_) | Turn::Never => None,
        };
        Some((event_type, failures, due))
    }

    /// Returns true if there is nothing to remember.
    pub(crate) fn is_empty(&self) -> bool {
        self.life.is_none() && self.ended.is_none() && self.running.is_none()
    }
}

#[cfg(test)]
mod tests;
