//! One call of a handler: within its timeout, watched, booked and logged.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, timeout};
use tracing::{Instrument, Span, info_span};

use super::Lane;
use crate::{
    Printable,
    contained::{Contained, dropped, printed},
    event::Call,
    lane::{
        observer::LaneObserver,
        owed::{Outcome, Verdict},
    },
    log::{error, warn},
    outcome::{Action, Result, Retrying, panicked},
    watchdog::{Code, Slot},
};

/// A callback without a timeout that runs longer is reported, each time this has passed again.
const SLOW: Duration = Duration::from_secs(60);

/// Why a callback was dropped before it answered.
#[derive(Debug, thiserror::Error)]
#[error("callback timed out after {0:?}")]
struct TimedOut(Duration);

impl Lane {
    /// Calls the handler and books how it ended.
    pub(super) async fn call(&self, call: Call, slot: &Slot) {
        let mut running = Running {
            lane: self,
            call: Some(&call),
        };
        let inside = slot.enter(Code::Report);
        let told = self.tell_of_start(&call);
        drop(inside);
        async {
            let answer = slot
                .watch(call.event_type.into(), self.bounded(&call))
                .await;
            let _inside = slot.enter(Code::Report);
            // Before it is booked, so that an idle loop has reported every call.
            if let Some(told) = told {
                told.ended(&answer);
            }
            let verdict = self.finish(&call, outcome(&answer));
            running.call = None;
            self.report(answer, verdict);
        }
        .instrument(self.span(&call))
        .await;
    }

    /// Tells the observer, if there is one, that a callback starts.
    fn tell_of_start<'a>(&'a self, call: &'a Call) -> Option<Told<'a>> {
        let observer = self.config.observer.as_deref()?;
        observer.started(&self.name, call);
        Some(Told {
            observer,
            handler: &self.name,
            call,
            is_over: false,
        })
    }

    pub(super) fn span(&self, call: &Call) -> Span {
        info_span!(
            "callback",
            handler = %self.name,
            event_type = %call.event_type,
            object = %Printable::new(&call.key),
            attempt = call.attempt,
        )
    }

    /// Calls the handler within its timeout, or reports now and then that it is slow.
    async fn bounded(&self, call: &Call) -> Result<Action> {
        let mut callback = Contained::new(self.handler.call(call.clone(), self.context.clone()));
        if let Some(limit) = self.config.timeout {
            return match timeout(limit, callback).await {
                Ok(answer) => answer.unwrap_or_else(|panic| Err(panicked(panic))),
                Err(_) => Err(TimedOut(limit).into()),
            };
        }
        let started = Instant::now();
        loop {
            if let Ok(answer) = timeout(SLOW, &mut callback).await {
                return answer.unwrap_or_else(|panic| Err(panicked(panic)));
            }
            warn!(
                seconds = started.elapsed().as_secs(),
                "callback is still running; `timeout` would bound it"
            );
        }
    }

    /// Books how a call ended, and gives the object its next turn.
    fn finish(&self, call: &Call, outcome: Outcome) -> Verdict {
        let now = Instant::now();
        let mut book = self.book();
        book.running.remove(&call.key);
        let patience = self.patience(&book);
        let (verdict, turn) = book.accounts.change(&call.key, |account| {
            account.untried = false;
            let verdict = account.owed.finish(outcome, &patience, now);
            (verdict, account.owed.turn(now))
        });
        self.settle(book, &call.key, turn);
        self.release(call, verdict);
        verdict
    }

    /// Lets go of the objects of a call that is not to be made again.
    pub(super) fn release(&self, call: &Call, verdict: Verdict) {
        if !matches!(verdict, Verdict::Retry(_)) {
            for stored in std::iter::once(&call.snapshot).chain(&call.handled) {
                self.context.decoder.release(stored);
            }
        }
    }

    /// Logs a failure and what becomes of it.
    pub(super) fn report(&self, answer: Result<Action>, verdict: Verdict) {
        let Err(error) = answer else {
            return;
        };
        let is_stopping = self.context.stop.is_cancelled();
        let text = printed(&error);
        dropped(error);
        match verdict {
            Verdict::Settled => warn!(error = %text, "callback failed; its object is gone"),
            Verdict::Retry(_) if is_stopping => {
                warn!(error = %text, "callback failed; it is not retried, as the event loop stops");
            }
            Verdict::Retry(delay) => {
                warn!(error = %text, ?delay, "callback failed; it is retried");
            }
            Verdict::GaveUp => error!(error = %text, "callback failed; it is given up"),
            Verdict::Expired(time) => {
                let seconds = time.as_secs();
                error!(error = %text, seconds, "delete has failed for too long; it is given up");
            }
        }
    }
}

fn outcome(answer: &Result<Action>) -> Outcome {
    match answer {
        Ok(action) => Outcome::Done(action.requeue()),
        Err(error) => Outcome::Failed(error.retrying()),
    }
}

/// A callback whose start was told; if its end never is, it was dropped.
struct Told<'a> {
    observer: &'a dyn LaneObserver,
    handler: &'a Arc<str>,
    call: &'a Call,
    is_over: bool,
}

impl Told<'_> {
    /// Tells how the callback ended.
    fn ended(mut self, answer: &Result<Action>) {
        self.is_over = true;
        self.observer.ended(self.handler, self.call, Some(answer));
    }
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.observer.ended(self.handler, self.call, None);
        }
    }
}

/// The callback that runs, until it is dropped.
struct Running<'a> {
    lane: &'a Lane,
    /// None once its end is booked.
    call: Option<&'a Call>,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let Some(call) = self.call else {
            return;
        };
        if std::thread::panicking() {
            // Nothing has contained it. Without an end, the object would never have a turn again.
            self.lane.finish(call, Outcome::Failed(Retrying::Backoff));
        } else {
            // The future is dropped at the drain deadline.
            self.lane.book().running.remove(&call.key);
        }
    }
}
