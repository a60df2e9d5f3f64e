//! One handler's turn-taking: what is owed to each object, and the workers that pay it.
//!
//! Each handler has a lane of its own, with its own queue and its own workers, so that a
//! slow or hung handler delays no other. The queue hands out a key to one worker at a
//! time; what the key's turn is for is looked up in `owed` when the turn comes.

mod accounts;
mod backlog;
mod call;
pub(crate) mod cause;
pub(crate) mod dispatch;
pub(crate) mod gate;
pub(crate) mod observer;
pub(crate) mod owed;
pub(crate) mod source;
mod unmapped;
mod worker;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use foldhash::quality::RandomState;
use parking_lot::{Mutex, MutexGuard};
use tokio::{sync::Notify, time::Instant};

use crate::{
    event::{Context, EventType},
    informer::{Delta, Stored, Subscriber},
    lane::{
        accounts::{Accounts, PARTS},
        backlog::Backlog,
        dispatch::Dispatch,
        gate::Gate,
        observer::{LaneObserver, Untold},
        owed::{Patience, Turn},
    },
    object_key::ObjectKey,
    queue::{Priority, Queue},
    settings::Retry,
    watchdog::Bench,
};

/// How a lane runs its callbacks: [`Settings`](crate::Settings) without the predicates.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) workers: usize,
    pub(crate) timeout: Option<Duration>,
    pub(crate) retry: Retry,
    pub(crate) resync: Option<Duration>,
    pub(crate) observer: Option<Arc<dyn LaneObserver>>,
    /// None if the workers always work.
    pub(crate) gate: Option<Gate>,
}

/// The turn-taking of one handler.
pub(crate) struct Lane {
    name: Arc<str>,
    handler: Arc<dyn Dispatch>,
    config: Config,
    context: Arc<Context>,
    queue: Queue<ObjectKey>,
    book: Mutex<LaneState>,
    /// Objects wait in the backlog; changed under the book's lock.
    has_backlog: AtomicBool,
    /// Told whenever the lane may have become idle or has tried its first list.
    progress: Arc<Notify>,
    /// What the workers do, each in a slot.
    bench: Arc<Bench>,
    /// What the observer is yet to be told; empty if there is none.
    untold: Untold,
}

/// The accounts of all objects of a lane, and the calls that run.
#[derive(Default)]
struct LaneState {
    accounts: Accounts,
    /// Objects that are not queued yet. While there are any, the queue has some of their priority,
    /// or somebody who took or removed the last is about to refill it.
    backlog: Backlog,
    running: HashMap<ObjectKey, RunningCall, RandomState>,
    /// How many resyncs and restarts are under way: they have not looked at all objects yet.
    sweeps: usize,
    /// Changed objects of sources that are not mapped yet.
    unmapped: usize,
}

/// Changes the accounts of a part, and passes on the objects that need a turn; returns how many there are.
type Sweep = fn(&mut Accounts, usize, Instant, &mut dyn FnMut(Stored)) -> usize;

/// After looking at this many objects, what looks at all of them lets other tasks run.
const AT_ONCE: usize = 1024;
/// At most this often is the queue refilled from the backlog under one lock.
const REFILLS: usize = 8;

/// A callback that runs now.
#[derive(Clone, Debug)]
pub(crate) struct RunningCall {
    pub(crate) handler: Arc<str>,
    pub(crate) key: ObjectKey,
    pub(crate) event_type: EventType,
    pub(crate) since: Instant,
}

/// A callback that is due, or waits for its retry.
#[derive(Clone, Debug)]
pub(crate) struct WaitingCall {
    pub(crate) handler: Arc<str>,
    pub(crate) key: ObjectKey,
    pub(crate) event_type: EventType,
    pub(crate) failures: u32,
    /// None if it only waits for a worker.
    pub(crate) due: Option<Instant>,
}

impl Lane {
    pub(crate) fn new(
        name: Arc<str>,
        handler: Arc<dyn Dispatch>,
        config: Config,
        context: Context,
        progress: Arc<Notify>,
    ) -> Arc<Self> {
        Arc::new(Self {
            // One more, for what tells the observer.
            bench: Bench::of_handler(name.clone(), config.workers + 1),
            name,
            handler,
            config,
            context: Arc::new(context),
            queue: Queue::default(),
            book: Mutex::default(),
            has_backlog: AtomicBool::new(false),
            progress,
            untold: Untold::default(),
        })
    }

    /// Returns the handler's name.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Returns what shows which code the workers run.
    pub(crate) fn bench(&self) -> &Arc<Bench> {
        &self.bench
    }

    /// Returns true if no callback runs, is due, or waits for its retry.
    pub(crate) fn is_idle(&self) -> bool {
        self.book().is_idle()
    }

    /// Returns true once a callback of each object of the first list has been tried.
    pub(crate) fn has_tried_first_list(&self) -> bool {
        self.book().accounts.untried() == 0
    }

    /// Returns the callbacks that run now.
    pub(crate) fn running(&self) -> Vec<RunningCall> {
        self.book().running.values().cloned().collect()
    }

    /// Returns what keeps the lane from being idle, but for the callbacks that run.
    pub(crate) fn waiting(&self) -> Vec<WaitingCall> {
        let now = Instant::now();
        let waiting = (0..PARTS).flat_map(|part| {
            self.book().accounts.each(part, |key, owed| {
                let (event_type, failures, due) = owed.waiting(now)?;
                Some(WaitingCall {
                    handler: self.name.clone(),
                    key: key.clone(),
                    event_type,
                    failures,
                    due,
                })
            })
        });
        waiting.collect()
    }

    /// Makes a resync of every object in the view due, a part of them at a time.
    ///
    /// In between, the lane's lock is free and other tasks run.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the resync where it is; the lane is not idle any more.
    async fn resync(&self) {
        self.sweep(Accounts::resync).await;
    }

    /// Makes an add of every object in the view due, as after a restart of the program, a part of
    /// them at a time.
    ///
    /// Deletes that are owed are forgotten, and how a running callback ends no longer matters. It is for
    /// the time before the lane's gate opens, when another process has had the objects.
    ///
    /// # Cancel safety
    ///
    /// As [`resync`](Self::resync).
    pub(crate) async fn restart(&self) {
        self.sweep(Accounts::restart).await;
    }

    /// Changes all accounts, a part of them at a time.
    async fn sweep(&self, change: Sweep) {
        self.book().sweeps += 1;
        let mut seen = 0;
        for part in 0..PARTS {
            seen += self.sweep_part(part, change);
            if seen >= AT_ONCE {
                seen = 0;
                tokio::task::yield_now().await;
            }
        }
        let is_settled = {
            let mut book = self.book();
            book.sweeps -= 1;
            book.is_settled()
        };
        if is_settled {
            self.progress.notify_waiters();
        }
    }

    /// Changes the accounts of a part of the objects; returns how many they are.
    fn sweep_part(&self, part: usize, change: Sweep) -> usize {
        let now = Instant::now();
        let mut book = self.book();
        let LaneState {
            accounts, backlog, ..
        } = &mut *book;
        let objects = change(accounts, part, now, &mut |object| backlog.push(object));
        if !backlog.is_empty() {
            self.refill(book);
        }
        objects
    }

    /// Queues what waits in the backlog until the queue has some of its priority.
    ///
    /// Returns false if it found nothing that still wants its turn, and has not looked at all.
    fn refill(&self, mut book: MutexGuard<'_, LaneState>) -> bool {
        let now = Instant::now();
        let LaneState {
            accounts, backlog, ..
        } = &mut *book;
        // Before anything is queued: the worker that takes it must see that more is to come.
        self.has_backlog.store(true, Ordering::Relaxed);
        for _ in 0..REFILLS {
            if backlog.is_empty() || self.queue.has_ready(Priority::LOW) {
                break;
            }
            for object in backlog.take() {
                let key = object.to_key();
                // What has been handled since, or is gone, has no turn or another.
                let turn = accounts.read(&key, |owed| owed.turn(now));
                self.schedule(&key, turn.unwrap_or(Turn::Never));
            }
        }
        let Some(next) = backlog.next() else {
            self.has_backlog.store(false, Ordering::Relaxed);
            return true;
        };
        if self.queue.has_ready(Priority::LOW) {
            return true;
        }
        // The lock was held for long enough. The worker that takes this key goes on from here.
        self.queue.add_with(next.to_key(), Priority::LOW);
        false
    }

    /// Says how long failures are retried.
    fn patience(&self, book: &LaneState) -> Patience {
        let failing = book.accounts.failing_deletes();
        Patience {
            retry: self.config.retry,
            delete_deadline: self.config.retry.delete_deadline_among(failing),
        }
    }

    /// Gives the object its next turn.
    fn schedule(&self, key: &ObjectKey, turn: Turn) {
        match turn {
            Turn::Now(priority) => {
                self.note_due(key, Duration::ZERO);
                self.queue.add_with(key.clone(), priority);
            }
            Turn::At(at, priority) => {
                let delay = at.saturating_duration_since(Instant::now());
                self.note_due(key, delay);
                self.queue.add_after_with(key.clone(), delay, priority);
            }
            Turn::Never => {}
        }
    }

    /// Notes what the observer is to be told, if there is one.
    fn note_due(&self, key: &ObjectKey, delay: Duration) {
        if self.config.observer.is_some() {
            self.untold.add(key, delay);
        }
    }

    fn book(&self) -> MutexGuard<'_, LaneState> {
        self.book.lock()
    }
}

impl LaneState {
    fn is_idle(&self) -> bool {
        self.accounts.owing() == 0 && self.sweeps == 0 && self.unmapped == 0
    }

    /// Returns true if the lane may have become idle, or have tried its first list.
    fn is_settled(&self) -> bool {
        self.is_idle() || self.accounts.untried() == 0
    }
}

impl Subscriber for Lane {
    fn apply(&self, deltas: &[Delta]) {
        let now = Instant::now();
        let mut book = self.book();
        for delta in deltas {
            let (Delta::Upsert { object, .. } | Delta::Remove { last: object }) = delta;
            let key = object.to_key();
            let turn = book.accounts.change(&key, |account| {
                match delta {
                    Delta::Upsert { object, initial } => {
                        account.untried |= initial;
                        account.owed.upsert(object.clone(), *initial);
                    }
                    Delta::Remove { last } => account.owed.remove(last.clone()),
                }
                account.owed.turn(now)
            });
            match turn {
                // Or objects that come and go would pile up while the handler is stalled.
                Turn::Never => drop(self.queue.remove(&key)),
                Turn::Now(Priority::LOW) => book.backlog.push(object.clone()),
                turn => self.schedule(&key, turn),
            }
        }
        let settled = book.is_settled();
        if book.backlog.is_empty() {
            drop(book);
        } else {
            self.refill(book);
        }
        if settled {
            self.progress.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests;
