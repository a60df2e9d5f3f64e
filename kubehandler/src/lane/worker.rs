//! The workers of a lane: they take keys from its queue and call the handler.

use std::{
    pin::pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use parking_lot::MutexGuard;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tracing::{Instrument, Span, info_span};

use super::{Book, Lane, RunningCall};
use crate::{
    budget::Budget,
    contained::{Contained, dropped, printed},
    event::Call,
    informer::Shared,
    lane::owed::{Next, Offer, Outcome, Skip, Turn, Verdict},
    log::{debug, error, warn},
    object_key::ObjectKey,
    outcome::{Action, HandlerError, Result, Retrying, panicked},
    printable::Printable,
    queue::Priority,
    watchdog::{Code, Slot},
};

/// A callback without a timeout that runs longer is reported, each time this has passed again.
const SLOW: Duration = Duration::from_secs(60);

/// A worker that panicked takes no key for this long.
const RESTART: Duration = Duration::from_secs(5);

/// Why a callback was dropped before it answered.
#[derive(Debug, thiserror::Error)]
#[error("callback timed out after {0:?}")]
struct TimedOut(Duration);

/// What the lane has for a worker that holds a key.
enum Turned {
    Call(Offer),
    Nothing,
    /// The object changed while a predicate looked at it: it has another turn.
    Again,
}

/// Whether a call that was offered starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    Started,
    /// The object has changed since.
    OutOfDate,
    /// The loop is told to stop: nothing starts any more.
    Stopped,
}

impl Lane {
    /// Starts the lane's tasks: its workers, once `informer` has synced, and its resync timer.
    pub(crate) fn spawn(self: &Arc<Self>, informer: &Arc<Shared>, tasks: &mut JoinSet<()>) {
        for worker in 0..self.config.workers {
            let (lane, informer) = (self.clone(), informer.clone());
            tasks.spawn(async move {
                tokio::select! {
                    () = informer.synced() => lane.keep_working(lane.bench.slot(worker)).await,
                    () = lane.context.stop.cancelled() => {}
                }
            });
        }
        if let Some(interval) = self.config.resync {
            let (lane, informer) = (self.clone(), informer.clone());
            tasks.spawn(async move {
                tokio::select! {
                    () = async {
                        informer.synced().await;
                        loop {
                            tokio::time::sleep(interval).await;
                            lane.resync().await;
                        }
                    } => {}
                    () = lane.context.stop.cancelled() => {}
                }
            });
        }
    }

    /// Works until the loop is told to stop, also after a panic that nothing has contained, such as
    /// one of the program's tracing: a lane never loses a worker.
    async fn keep_working(&self, slot: &Slot) {
        while let Err(panic) = Contained::new(pin!(self.work(slot))).await {
            let panic = Printable::new(&panic);
            error!(handler = %self.name, %panic, "a worker panicked; it goes on");
            tokio::select! {
                () = self.context.stop.cancelled() => return,
                () = sleep(RESTART) => {}
            }
        }
    }

    /// Takes keys and calls the handler until the loop is told to stop; nothing starts after that.
    pub(super) async fn work(&self, slot: &Slot) {
        let mut budget = Budget::default();
        loop {
            if budget.is_spent() {
                budget.renew().await;
            }
            let key = tokio::select! {
                biased;
                () = self.context.stop.cancelled() => return,
                key = self.queue.get() => key,
            };
            let Some(key) = key else { return };
            slot.hold(&key);
            if self.has_backlog.load(Ordering::Relaxed)
                && !self.queue.has_ready(Priority::LOW)
                && !self.refill(self.book())
            {
                tokio::task::yield_now().await;
            }
            match self.take_turn(&key, slot, &mut budget) {
                Turned::Call(offer) => self.call(offer.call, slot).await,
                Turned::Nothing => {}
                Turned::Again => {
                    // To the end of the queue, and the predicate may have taken its time.
                    drop(key);
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// Finds out what the turn of `key` is for, and starts it.
    ///
    /// Predicates run outside the lock. If the object changes meanwhile, it waits for another turn:
    /// an object that never stands still keeps its worker neither from others nor from the stop.
    fn take_turn(&self, key: &ObjectKey, slot: &Slot, budget: &mut Budget) -> Turned {
        let now = Instant::now();
        let next = self.book().accounts.read(key, |owed| owed.next(key, now));
        let offer = match next {
            Some(Next::Call(offer)) => offer,
            Some(Next::Wait) => {
                self.take_another_turn(key, now);
                return Turned::Nothing;
            }
            Some(Next::Nothing) | None => return Turned::Nothing,
        };
        // The predicate or the callback decodes it, as a rule.
        budget.note(offer.call.snapshot.length());
        let inside = slot.enter(Code::Predicate);
        let skip = self.handler.skip(&offer, &self.context.decoder);
        drop(inside);
        let is_booked = match skip {
            Ok(None) => match self.start(&offer) {
                Start::Started => return Turned::Call(offer),
                Start::Stopped => return Turned::Nothing,
                Start::OutOfDate => false,
            },
            Ok(Some(skip)) => self.drop_offer(&offer, skip),
            Err(error) => {
                let _inside = slot.enter(Code::Report);
                self.refuse(&offer, error)
            }
        };
        if is_booked {
            return Turned::Nothing;
        }
        // This state of the object is never handed out.
        self.context.decoder.release(&offer.call.snapshot);
        self.take_another_turn(key, Instant::now());
        Turned::Again
    }

    /// Gives the object the turn that it is owed now.
    fn take_another_turn(&self, key: &ObjectKey, now: Instant) {
        let book = self.book();
        let turn = book.accounts.read(key, |owed| owed.turn(now));
        self.schedule(key, turn.unwrap_or(Turn::Never));
    }

    /// Books the start of a call, unless it is out of date or the loop is told to stop.
    fn start(&self, offer: &Offer) -> Start {
        let now = Instant::now();
        let mut book = self.book();
        // Looked at here, as a predicate has run since the key was taken, for any length of time.
        if self.context.stop.is_cancelled() {
            return Start::Stopped;
        }
        let key = &offer.call.key;
        let started = book
            .accounts
            .change(key, |account| account.owed.start(offer, now));
        if !started {
            return Start::OutOfDate;
        }
        book.running.insert(
            key.clone(),
            RunningCall {
                handler: self.name.clone(),
                key: key.clone(),
                kind: offer.call.kind,
                since: now,
            },
        );
        Start::Started
    }

    /// Books that a predicate drops a call; false if it is out of date.
    fn drop_offer(&self, offer: &Offer, skip: Skip) -> bool {
        let now = Instant::now();
        let key = &offer.call.key;
        let mut book = self.book();
        let turn = book.accounts.change(key, |account| {
            let skipped = account.owed.skip(offer, skip, now);
            account.untried &= !skipped;
            skipped.then(|| account.owed.turn(now))
        });
        turn.is_some_and(|turn| {
            self.settle(book, key, turn);
            self.release(&offer.call, Verdict::Settled);
            let object = Printable::new(key);
            debug!(handler = %self.name, %object, ?skip, "not called");
            true
        })
    }

    /// Books that a predicate failed in place of its call; false if it is out of date.
    fn refuse(&self, offer: &Offer, error: HandlerError) -> bool {
        let now = Instant::now();
        let key = &offer.call.key;
        let mut book = self.book();
        let patience = self.patience(&book);
        let booked = book.accounts.change(key, |account| {
            let owed = &mut account.owed;
            let verdict = owed.refuse(offer, error.retrying(), &patience, now)?;
            account.untried = false;
            Some((verdict, owed.turn(now)))
        });
        booked.is_some_and(|(verdict, turn)| {
            self.settle(book, key, turn);
            self.release(&offer.call, verdict);
            self.span(&offer.call)
                .in_scope(|| self.report(Err(error), verdict));
            true
        })
    }

    /// Calls the handler and books how it ended.
    async fn call(&self, call: Call, slot: &Slot) {
        let mut running = Running {
            lane: self,
            call: Some(&call),
        };
        let observer = self.config.observer.as_ref();
        let inside = slot.enter(Code::Report);
        let watched = observer.map(|observer| observer.started(&self.name, &call));
        drop(inside);
        async {
            let answer = slot.watch(call.kind.into(), self.bounded(&call)).await;
            let _inside = slot.enter(Code::Report);
            // Before it is booked: who sees the loop idle has been told of every call.
            if let Some(watched) = watched {
                watched.ended(&answer);
            }
            let verdict = self.finish(&call, outcome(&answer));
            running.call = None;
            self.report(answer, verdict);
        }
        .instrument(self.span(&call))
        .await;
    }

    fn span(&self, call: &Call) -> Span {
        info_span!(
            "callback",
            handler = %self.name,
            event = %call.kind,
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
    fn release(&self, call: &Call, verdict: Verdict) {
        if !matches!(verdict, Verdict::Retry(_)) {
            for stored in std::iter::once(&call.snapshot).chain(&call.handled) {
                self.context.decoder.release(stored);
            }
        }
    }

    /// Logs a failure and what becomes of it.
    fn report(&self, answer: Result<Action>, verdict: Verdict) {
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

    /// Gives the object its next turn, and tells those who wait for progress.
    fn settle(&self, book: MutexGuard<'_, Book>, key: &ObjectKey, turn: Turn) {
        self.schedule(key, turn);
        let settled = book.is_settled();
        drop(book);
        if settled {
            self.progress.notify_waiters();
        }
    }
}

fn outcome(answer: &Result<Action>) -> Outcome {
    match answer {
        Ok(action) => Outcome::Done(action.requeue()),
        Err(error) => Outcome::Failed(error.retrying()),
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
