//! The workers of a lane: they take keys from its queue and call the handler.

use std::{
    pin::pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use parking_lot::MutexGuard;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{Lane, LaneState, RunningCall};
use crate::{
    Printable,
    budget::Budget,
    contained::Contained,
    informer::Source,
    lane::{
        gate::Gate,
        owed::{Next, Offer, Skip, Turn, Verdict},
    },
    log::{debug, error},
    object_key::ObjectKey,
    outcome::HandlerError,
    queue::{Held, Priority},
    watchdog::{Code, Slot},
};

/// A worker that panicked takes no key for this long.
const RESTART: Duration = Duration::from_secs(5);

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
    /// The gate has closed: the object waits until it opens.
    Closed,
    /// The loop is told to stop: nothing starts any more.
    Stopped,
}

impl Lane {
    /// Starts the lane's tasks: its workers, once all `informers` have synced, and its resync timer.
    ///
    /// The informers are its own and those of its sources, whose objects its callbacks may read.
    pub(crate) fn spawn(self: &Arc<Self>, informers: &[Arc<Source>], tasks: &mut JoinSet<()>) {
        let informers: Arc<[Arc<Source>]> = informers.into();
        for worker in 0..self.config.workers {
            let (lane, informers) = (self.clone(), informers.clone());
            tasks.spawn(async move {
                tokio::select! {
                    () = all_synced(&informers) => lane.keep_working(lane.bench.slot(worker)).await,
                    () = lane.context.stop.cancelled() => {}
                }
            });
        }
        if let Some(interval) = self.config.resync {
            let lane = self.clone();
            tasks.spawn(async move {
                tokio::select! {
                    () = async {
                        all_synced(&informers).await;
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

    /// Tells the observer, if there is one, which objects are due, until the tasks are dropped.
    pub(crate) fn spawn_teller(self: &Arc<Self>, tasks: &mut JoinSet<()>) {
        if let Some(observer) = self.config.observer.clone() {
            let lane = self.clone();
            tasks.spawn(async move {
                let slot = lane.bench.slot(lane.config.workers);
                lane.untold.tell(&lane.name, &*observer, slot).await;
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
            let Some(key) = self.next_key().await else {
                return;
            };
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

    /// Waits for the key whose turn it is, while the gate is open; none once the loop is told to stop.
    async fn next_key(&self) -> Option<Held<ObjectKey>> {
        let Some(gate) = &self.config.gate else {
            return tokio::select! {
                biased;
                () = self.context.stop.cancelled() => None,
                key = self.queue.get() => key,
            };
        };
        loop {
            tokio::select! {
                biased;
                () = self.context.stop.cancelled() => return None,
                () = gate.until_open() => {}
            }
            tokio::select! {
                biased;
                () = self.context.stop.cancelled() => return None,
                () = gate.until_closed() => {}
                key = self.queue.get() => return key,
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
        let mut offer = match next {
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
            Ok(None) => match self.start(&mut offer) {
                Start::Started => return Turned::Call(offer),
                Start::Stopped => return Turned::Nothing,
                Start::OutOfDate | Start::Closed => false,
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

    /// Books the start of a call, unless it is out of date, the gate has closed or the loop is told to stop.
    fn start(&self, offer: &mut Offer) -> Start {
        let now = Instant::now();
        let mut book = self.book();
        // Looked at here, as a predicate has run since the key was taken, for any length of time.
        if self.context.stop.is_cancelled() {
            return Start::Stopped;
        }
        // Kept until the call is booked: when the gate has closed, all calls that run are known.
        let pass = self.config.gate.as_ref().map(Gate::pass);
        if matches!(pass, Some(None)) {
            return Start::Closed;
        }
        let started = book.accounts.change(&offer.call.key, |account| {
            let started = account.owed.start(offer, now);
            started.then(|| account.owed.causes())
        });
        let Some(causes) = started else {
            return Start::OutOfDate;
        };
        offer.call.causes = causes;
        let key = &offer.call.key;
        book.running.insert(
            key.clone(),
            RunningCall {
                handler: self.name.clone(),
                key: key.clone(),
                event_type: offer.call.event_type,
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

    /// Gives the object its next turn, and notifies what waits for progress.
    pub(super) fn settle(&self, book: MutexGuard<'_, LaneState>, key: &ObjectKey, turn: Turn) {
        self.schedule(key, turn);
        let settled = book.is_settled();
        drop(book);
        if settled {
            self.progress.notify_waiters();
        }
    }
}

async fn all_synced(informers: &[Arc<Source>]) {
    for informer in informers {
        informer.cache().synced().await;
    }
}
