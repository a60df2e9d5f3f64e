//! The lives of one object, as one handler was told of them.

use std::{collections::BTreeSet, time::Duration};

use kubehandler::EventType;

use super::SLACK;
use crate::{
    actor::Spec,
    log::{Call, Outcome},
    truth::{State, Stay, Truth},
};

/// Once the object exists again, its owed delete may fail this often before it is given up.
const DELETE_FAILURES: u32 = 5;

/// Says whether each call of a handler for one object is as the laws demand.
pub(crate) struct Lives<'a> {
    spec: &'a Spec,
    key: &'a str,
    truth: &'a Truth,
    stays: Vec<Stay>,
    /// The first list of the handler's informer is not newer.
    synced: u64,
    life: Option<Life>,
    /// The uids of lives whose delete was told: no later one of theirs came with the first list.
    told: BTreeSet<String>,
}

/// The life that the last call was of.
#[derive(Debug)]
struct Life {
    uid: String,
    /// A callback has started: its end must be told.
    has_started: bool,
    has_added: bool,
    /// What the last success saw.
    handled: Option<u64>,
    /// The newest version that a call saw.
    seen: u64,
    failures: u32,
    /// It may be fewer: a state that no predicate can read came before a predicate's panic.
    may_be_fewer: bool,
    last: Option<Last>,
    /// How its delete fares; none before that was called.
    deleting: Option<Deleting>,
}

/// A delete that has failed.
#[derive(Clone, Copy, Debug, Default)]
struct Deleting {
    /// The failures that count, at least and at most.
    least: u32,
    most: u32,
    /// It may have been given up.
    may_be_over: bool,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    version: u64,
    at: Duration,
    end: After,
}

impl Last {
    /// Returns when the retry is due, if one is to follow.
    fn retry(self) -> Option<Duration> {
        match self.end {
            After::Retry(delay) => Some(self.at + delay),
            After::Nothing | After::Requeue(_) | After::GivenUp => None,
        }
    }
}

/// What follows from a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Nothing,
    Requeue(Duration),
    Retry(Duration),
    GivenUp,
}

type Checked = Result<(), String>;

fn law(number: u8, what: impl Into<String>) -> Checked {
    Err(format!("law {number}: {}", what.into()))
}

impl Life {
    fn new(uid: &str) -> Self {
        Self {
            uid: uid.to_owned(),
            has_started: false,
            has_added: false,
            handled: None,
            seen: 0,
            failures: 0,
            may_be_fewer: false,
            last: None,
            deleting: None,
        }
    }

    fn may_be_over(&self) -> bool {
        self.deleting.is_some_and(|delete| delete.may_be_over)
    }
}

impl<'a> Lives<'a> {
    pub(crate) fn new(spec: &'a Spec, key: &'a str, truth: &'a Truth, synced: u64) -> Self {
        Self {
            spec,
            key,
            truth,
            stays: truth.stays(spec.view, key),
            synced,
            life: None,
            told: BTreeSet::new(),
        }
    }

    /// Takes the next call.
    pub(crate) fn take(&mut self, call: &Call) -> Checked {
        if call.end.is_none() {
            return law(8, "it never ended");
        }
        if call.event_type == Some(EventType::Delete) {
            self.take_delete(call)
        } else {
            self.take_other(call)
        }
    }

    /// Checks what must be so once nothing goes on any more.
    pub(crate) fn end(&self) -> Checked {
        let now = self.truth.get(self.key);
        let now = now.filter(|(state, _)| self.spec.view.has(self.key, state));
        let Some((state, version)) = now else {
            return match &self.life {
                Some(life) if life.has_started && !life.may_be_over() => {
                    law(3, "its delete was not told")
                }
                _ => Ok(()),
            };
        };
        if state.is_broken && self.spec.has_predicates {
            return Ok(()); // No predicate can look at it, and no callback is called.
        }
        let Some(life) = self.life.as_ref().filter(|life| life.uid == state.uid) else {
            return law(4, format!("its life {} was not told", state.uid));
        };
        if life.deleting.is_some() {
            return law(4, "what came after its delete was not told");
        }
        let Some(last) = life.last else {
            return law(4, "no callback was called");
        };
        match last.end {
            After::Retry(_) => return law(6, "its last failure was not retried"),
            After::Requeue(_) => return law(6, "what it asked for did not come"),
            After::Nothing | After::GivenUp => {}
        }
        if last.version != version && !self.drops(life, state) {
            return law(4, format!("its last state {version} was not told"));
        }
        Ok(())
    }

    /// Returns true if `changed` drops the step from what was handled to this state.
    fn drops(&self, life: &Life, state: &State) -> bool {
        let handled = life.handled.and_then(|version| self.state(version));
        self.spec.has_predicates
            && handled.is_some_and(|handled| {
                !handled.is_broken
                    && handled.revision == state.revision
                    && handled.is_deleting >= state.is_deleting
            })
    }

    fn state(&self, version: u64) -> Option<&'a State> {
        self.truth.at(self.key, version)
    }

    /// An add, an update, or a predicate that panicked.
    fn take_other(&mut self, call: &Call) -> Checked {
        let Some(state) = self.state(call.version) else {
            return law(3, "the server never had this state");
        };
        if state.uid != call.uid || !self.spec.view.has(self.key, state) {
            return law(3, "the state is not in the view");
        }
        if call.version > call.head {
            return law(3, "the state is not there yet");
        }
        self.leave(call)?;
        let mut life = self.life.take().unwrap_or_else(|| Life::new(&call.uid));
        let checked = self
            .check_state(&life, call)
            .and_then(|()| self.check_cause(&life, call));
        self.book(&mut life, call);
        self.life = Some(life);
        checked
    }

    /// Ends the life before, where this call is of another one.
    fn leave(&mut self, call: &Call) -> Checked {
        let Some(life) = &self.life else {
            return Ok(());
        };
        match life.deleting {
            Some(delete) if delete.most < DELETE_FAILURES && !delete.may_be_over => {
                return law(2, "the delete of the life before is not paid");
            }
            None if life.uid == call.uid => return Ok(()),
            None if life.has_started => {
                return law(
                    3,
                    format!("the delete of the life {} was not told", life.uid),
                );
            }
            // It was given up, or only a predicate knew of the life.
            _ => self.life = None,
        }
        Ok(())
    }

    fn check_state(&self, life: &Life, call: &Call) -> Checked {
        if call.version < life.seen {
            return law(3, format!("the store went back from {}", life.seen));
        }
        let Some(event_type) = call.event_type else {
            return Ok(());
        };
        if life.has_added != (event_type == EventType::Update) {
            return law(2, "an add until one has succeeded, then updates");
        }
        // Of a life that only a predicate knew, nobody can say whether it is the same; and a state
        // that no predicate can read is a failure for good that nobody saw.
        let is_less =
            !life.has_started || life.may_be_fewer || self.was_unreadable(life, call.version);
        if call.attempt != life.failures && !(is_less && call.attempt < life.failures) {
            return law(6, format!("{} failures in a row were", life.failures));
        }
        self.check_old(life, call)
    }

    fn check_old(&self, life: &Life, call: &Call) -> Checked {
        let handled = life.handled.and_then(|version| self.state(version));
        let known = handled.filter(|handled| !handled.is_broken);
        if !self.spec.has_predicates {
            if call.old == life.handled.filter(|_| known.is_some()) {
                return Ok(());
            }
            return law(4, format!("old is {:?}", life.handled));
        }
        // Changes that were dropped have moved it along.
        let Some(old) = call.old else {
            return match known {
                None => Ok(()),
                Some(_) => law(4, format!("old is {:?}", life.handled)),
            };
        };
        let is_fair = self
            .state(old)
            .is_some_and(|old| known.is_some_and(|handled| handled.revision == old.revision));
        if !is_fair || life.handled > Some(old) || old > call.version {
            return law(4, format!("old is {:?} or later", life.handled));
        }
        Ok(())
    }

    /// Checks that there is a reason for the call, and that it has come at its time.
    fn check_cause(&self, life: &Life, call: &Call) -> Checked {
        let Some(last) = life.last else {
            return Ok(());
        };
        let due = match last.end {
            After::Requeue(delay) | After::Retry(delay) => Some(last.at + delay),
            After::Nothing | After::GivenUp => None,
        };
        let is_due = due.is_some_and(|due| call.at >= due);
        if call.version > last.version {
            // Of a life that only a predicate knew, nobody can say whether it is the same.
            let is_vague = !life.has_started || life.may_be_fewer;
            if is_vague || self.was_unreadable(life, call.version) {
                return Ok(());
            }
            if let Some(due) = due {
                self.check_time(call, due, true)?;
            }
            let is_settled = matches!(last.end, After::Nothing | After::Requeue(_));
            let state = self.state(call.version);
            let is_dropped = state.is_some_and(|state| self.drops(life, state));
            if is_settled && is_dropped && !is_due && call.event_type.is_some() {
                return law(5, "what changed is nothing that counts");
            }
            return Ok(());
        }
        match last.end {
            After::Nothing => law(5, "nothing has changed"),
            After::GivenUp => law(6, "it was given up"),
            After::Retry(_) if !life.has_started || life.may_be_fewer => Ok(()),
            After::Requeue(delay) | After::Retry(delay) => {
                self.check_time(call, last.at + delay, false)
            }
        }
    }

    /// Returns true if the predicates met a state that they cannot read since the last call.
    fn was_unreadable(&self, life: &Life, version: u64) -> bool {
        let since = life.last.map_or(0, |last| last.version) + 1;
        self.spec.has_predicates && self.truth.was_broken(self.key, since..=version)
    }

    /// Checks that a call that was due at a time is neither early nor late.
    fn check_time(&self, call: &Call, due: Duration, may_be_early: bool) -> Checked {
        if call.at < due && !may_be_early {
            return law(6, format!("it was not due before {due:?}"));
        }
        let is_free = self.spec.workers > 1;
        if call.at > due + SLACK && is_free {
            return law(6, format!("it was due at {due:?}"));
        }
        Ok(())
    }

    fn book(&self, life: &mut Life, call: &Call) {
        let Some((at, outcome)) = call.end else {
            return;
        };
        // Of a life that only a predicate knew, nobody can say whether it is the same.
        let mut is_vague = life.may_be_fewer || !life.has_started;
        if call.event_type.is_some() {
            life.has_started = true;
            life.failures = call.attempt;
            life.may_be_fewer = false;
        } else {
            is_vague |= self.was_unreadable(life, call.version);
            life.may_be_fewer |= self.was_unreadable(life, call.version);
        }
        life.seen = life.seen.max(call.version);
        let retry = life.last.and_then(Last::retry);
        // No retry waits without a failure: a state that no predicate can read has ended it.
        let mut early = retry.filter(|due| call.at < *due && life.failures > 0);
        if retry.is_some() && is_vague {
            // Whether that retry is still the one that waits, and since when, nobody can say.
            early = None;
            life.may_be_fewer = true;
        }
        let end = self.after(outcome, at, early, &mut life.failures);
        if let Outcome::Done(_) = outcome {
            life.has_added = true;
            life.handled = Some(call.version);
        }
        life.last = Some(Last {
            version: call.version,
            at,
            end,
        });
    }

    /// Counts a failure, and says what follows from the end at `now`.
    ///
    /// Where the call was `early`, before the retry that was due then, it does not count, and the
    /// retry is not put off.
    fn after(
        &self,
        outcome: Outcome,
        now: Duration,
        early: Option<Duration>,
        failures: &mut u32,
    ) -> After {
        let delay = match outcome {
            Outcome::Done(requeue) => {
                *failures = 0;
                return requeue.map_or(After::Nothing, After::Requeue);
            }
            Outcome::Failed => None,
            Outcome::FailedFor(delay) => Some(delay),
            Outcome::FailedForGood => {
                *failures = 0;
                return After::GivenUp;
            }
        };
        if let Some(due) = early {
            let left = due.saturating_sub(now);
            return After::Retry(delay.map_or(left, |delay| delay.min(left)));
        }
        *failures += 1;
        if self.spec.max.is_some_and(|max| *failures >= max) {
            *failures = 0;
            return After::GivenUp;
        }
        After::Retry(delay.unwrap_or_else(|| Spec::delay(*failures)))
    }

    fn take_delete(&mut self, call: &Call) -> Checked {
        let known = self
            .life
            .take()
            .filter(|life| life.uid == call.uid || life.has_started);
        if let Some(life) = &known
            && life.uid != call.uid
        {
            return law(
                3,
                format!("the delete of the life {} was not told", life.uid),
            );
        }
        let life = known.unwrap_or_else(|| Life::new(&call.uid));
        if !life.has_started && !self.may_be_of_the_first_list(&call.uid) {
            return law(2, "no callback saw this life");
        }
        let left = self.stays.iter().filter(|stay| stay.uid == call.uid);
        let left = left.filter_map(|stay| stay.to);
        let ends: Vec<u64> = left
            .filter(|to| *to > life.seen && *to <= call.head)
            .collect();
        let Some(end) = ends.first() else {
            return law(3, "the object has not left the view");
        };
        let Deleting { least, most, .. } = life.deleting.unwrap_or_default();
        if !(least..=most).contains(&call.attempt) {
            return law(6, format!("{least} to {most} failures in a row were"));
        }
        self.check_old_of_delete(&life, call)?;
        if let (Some(_), Some(last)) = (life.deleting, life.last)
            && let After::Retry(delay) = last.end
        {
            let mut stays = self.stays.iter();
            let is_back = stays.any(|stay| stay.from >= *end && stay.from <= call.head);
            self.check_time(call, last.at + delay, is_back)?;
        }
        self.book_delete(life, call);
        Ok(())
    }

    fn check_old_of_delete(&self, life: &Life, call: &Call) -> Checked {
        if self.spec.has_predicates {
            return Ok(()); // What was dropped before the end has moved it along.
        }
        let handled = life.handled;
        let known = handled.filter(|version| self.state(*version).is_some_and(|s| !s.is_broken));
        if call.old == known {
            return Ok(());
        }
        law(4, format!("old is {known:?}"))
    }

    fn may_be_of_the_first_list(&self, uid: &str) -> bool {
        let mut stays = self.stays.iter();
        stays.any(|stay| stay.uid == uid && stay.from <= self.synced) && !self.told.contains(uid)
    }

    fn book_delete(&mut self, mut life: Life, call: &Call) {
        let Some((at, outcome)) = call.end else {
            return;
        };
        self.told.insert(life.uid.clone());
        life.has_started = true;
        let retry = life.last.filter(|_| life.deleting.is_some());
        let early = retry.and_then(Last::retry).filter(|due| call.at < *due);
        let mut most = call.attempt;
        let mut end = self.after(outcome, at, None, &mut most);
        let mut least = most;
        let may_be_over = early.is_some() && end == After::GivenUp;
        if early.is_some() {
            // The first re-creation makes the delete due, further ones do not: which this was, the
            // next attempt says.
            least = call.attempt;
            let other = self.after(outcome, at, early, &mut least);
            end = match (end, other) {
                (After::Retry(one), After::Retry(other)) => After::Retry(one.max(other)),
                (_, other) => other,
            };
        }
        if !matches!(end, After::Retry(_)) {
            return; // The life is over.
        }
        life.deleting = Some(Deleting {
            least,
            most: most.max(least),
            may_be_over,
        });
        life.last = Some(Last {
            version: call.version,
            at,
            end,
        });
        self.life = Some(life);
    }
}
