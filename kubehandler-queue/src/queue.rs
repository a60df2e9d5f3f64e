//! The handle of a queue: its clock, its rate limiter, and the wait for items.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::hash::Hash;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use parking_lot::ReentrantMutex;
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, sleep_until};
use tracing::error;

use crate::contained::{Contained, contained, dropped};
use crate::held::{Held, Release};
use crate::hub::{Hub, Polled};
use crate::items::Hold;
use crate::log::logged;
use crate::state::State;
use crate::{ExponentialBackoff, Printable, Priority, RateLimiter};

/// Hands out each item to one worker at a time; cheap to clone and to share.
///
/// All clones are the same queue. The documentation of the [crate] says what it promises.
/// The memory of a queue is that of the items in it: of one item, it keeps a copy
/// or two and at most one owed delivery, whatever was added how often.
///
/// The `Hash`, `Eq` and `Clone` of an item run under a lock of the queue, since they decide which
/// item is which: they must not call the queue. If one of them panics, so does the method that was
/// called, and the queue is as it was before, except that a panic of `Clone` in [`get`](Self::get)
/// loses the delivery. The `Drop` of an item may do what it likes: it runs outside of the lock, and
/// its panic is logged.
pub struct Queue<T> {
    shared: Arc<Inner<T>>,
}

struct Inner<T> {
    hub: Hub<T>,
    /// Asked by one thread at a time. A limiter that comes back to its queue meanwhile is not asked
    /// again.
    limiter: ReentrantMutex<RefCell<Contained<Box<dyn RateLimiter<T>>>>>,
    /// The zero of the state's clock.
    epoch: Instant,
    /// How many threads run getters: those of the runtime on which the first `get` was called.
    threads: OnceLock<usize>,
    /// How many items were asked for, more or less.
    gets: AtomicU32,
}

/// After this many items other tasks have a turn. It is tokio's own budget of a task.
const BURST: u32 = 128;

/// The delay of an item for which the rate limiter says none.
const NO_ANSWER: Duration = Duration::from_secs(1);

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ready, shutting_down) = self
            .shared
            .hub
            .change(|state| (state.len(), state.is_shutting_down()));
        f.debug_struct("Queue")
            .field("len", &ready)
            .field("shutting_down", &shutting_down)
            .finish_non_exhaustive()
    }
}

/// A queue with client-go's default limiter, [`ExponentialBackoff::default`].
impl<T: Clone + Eq + Hash + Send + 'static> Default for Queue<T> {
    fn default() -> Self {
        Self::new(ExponentialBackoff::default())
    }
}

/// Making one, adding to it, and looking at it.
impl<T: Clone + Eq + Hash + Send + 'static> Queue<T> {
    /// Returns an empty queue whose failed items wait as `limiter` says.
    #[must_use]
    pub fn new(limiter: impl RateLimiter<T> + 'static) -> Self {
        let limiter = Contained::new(Box::new(limiter) as Box<dyn RateLimiter<T>>);
        let shared = Inner {
            hub: Hub::default(),
            limiter: ReentrantMutex::new(RefCell::new(limiter)),
            epoch: Instant::now(),
            threads: OnceLock::new(),
            gets: AtomicU32::new(0),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Adds an item at [`Priority::NORMAL`], as [`add_with`](Self::add_with) does.
    pub fn add(&self, item: T) {
        self.add_with(item, Priority::NORMAL);
    }

    /// Adds an item, to be handed out when its turn comes.
    ///
    /// One that is ready already stays where it is, or moves up to the higher priority,
    /// among whose items it then has the place that its age gives it.
    /// One that waits for its time is ready now.
    /// One that is held is ready when its guard is dropped.
    /// Ignored after a shutdown.
    pub fn add_with(&self, item: T, priority: Priority) {
        let mut item = Contained::new(item);
        self.change(|state| state.add(&mut item, priority));
    }

    /// Adds an item after `delay` at [`Priority::NORMAL`], as
    /// [`add_after_with`](Self::add_after_with) does.
    pub fn add_after(&self, item: T, delay: Duration) {
        self.add_after_with(item, delay, Priority::NORMAL);
    }

    /// Adds an item once `delay` has passed.
    ///
    /// Of two times, the earlier one counts, and so nothing is put off by it: an item that
    /// is ready stays ready, one that waits for an earlier time goes on waiting for that.
    /// Either is raised to the higher of the two priorities.
    /// A delay of zero is a plain add.
    /// Ignored after a shutdown.
    pub fn add_after_with(&self, item: T, delay: Duration, priority: Priority) {
        let now = self.shared.epoch.elapsed();
        let mut item = Contained::new(item);
        self.shared.hub.change(|state| {
            state.advance(now);
            state.add_after(&mut item, delay, priority);
        });
    }

    /// Replaces an item's waiting entry, as [`replace_after_with`](Self::replace_after_with)
    /// does, with one at [`Priority::NORMAL`].
    pub fn replace_after(&self, item: T, delay: Duration) {
        self.replace_after_with(item, delay, Priority::NORMAL);
    }

    /// Adds an item once `delay` has passed, whatever time and priority it waited for before.
    ///
    /// This brings a waiting entry forward or puts it off, and raises or lowers it.
    /// What is ready stays ready: that was promised when it was added.
    /// Ignored after a shutdown.
    pub fn replace_after_with(&self, item: T, delay: Duration, priority: Priority) {
        let now = self.shared.epoch.elapsed();
        let mut item = Contained::new(item);
        self.shared.hub.change(|state| {
            state.advance(now);
            state.replace_after(&mut item, delay, priority);
        });
    }

    /// Adds a failed item after the delay that the rate limiter gives it.
    ///
    /// Counts a failure of the item, and returns the delay.
    pub fn add_rate_limited(&self, item: T) -> Duration {
        let delay = self.backoff(&item, None);
        self.add_after(item, delay);
        delay
    }

    /// Adds a failed item after the delay that the rate limiter gives it for this error.
    ///
    /// Counts a failure of the item, and returns the delay.
    pub fn add_rate_limited_with(&self, item: T, error: &(dyn Error + 'static)) -> Duration {
        let delay = self.backoff(&item, Some(error));
        self.add_after(item, delay);
        delay
    }

    /// Counts a failure of the item and returns how long it should wait, without adding it.
    ///
    /// With [`add_after_with`](Self::add_after_with), this is a rate-limited add at
    /// another priority, or with a delay of the caller's making.
    pub fn backoff(&self, item: &T, error: Option<&(dyn Error + 'static)>) -> Duration {
        self.ask(NO_ANSWER, |limiter| limiter.when(item, error))
    }

    /// Removes an item that waits for its time; returns whether there was one.
    ///
    /// An item that is ready or held is not touched, nor are its failures forgotten.
    pub fn cancel(&self, item: &T) -> bool {
        let removed = self.change(|state| state.cancel(item));
        removed.is_some()
    }

    /// Removes the delivery that an item is owed; returns whether there was one.
    ///
    /// As [`cancel`](Self::cancel), but also for an item that is ready, or that was added
    /// again while held: nothing is to be done for it any more.
    /// A hold goes on, and the failures are not forgotten.
    pub fn remove(&self, item: &T) -> bool {
        let removed = self.change(|state| state.remove(item));
        removed.is_some()
    }

    /// Forgets the failures of an item, which succeeded or is given up.
    ///
    /// The next failure gets the shortest delay. The item stays queued if it is.
    pub fn forget(&self, item: &T) {
        self.ask((), |limiter| limiter.forget(item));
    }

    /// Returns how often an item failed since it was last forgotten.
    #[must_use]
    pub fn num_requeues(&self, item: &T) -> usize {
        self.ask(0, |limiter| limiter.num_requeues(item))
    }

    /// Says whether an item of this priority can be handed out now.
    #[doc(hidden)]
    #[must_use]
    pub fn has_ready(&self, priority: Priority) -> bool {
        self.change(|state| state.has_ready(priority))
    }

    /// Returns how many items can be handed out now.
    ///
    /// Delayed items count once they are due. Held ones do not count.
    #[must_use]
    pub fn len(&self) -> usize {
        self.change(|state| state.len())
    }

    /// Says whether nothing can be handed out now.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Changes the state as it is now.
    fn change<R>(&self, change: impl FnOnce(&mut State<T>) -> R) -> R {
        self.shared.change(change)
    }

    /// Asks the rate limiter; if it panics, or asks this itself, the answer is `otherwise`.
    fn ask<R>(&self, otherwise: R, question: impl FnOnce(&mut dyn RateLimiter<T>) -> R) -> R {
        let answer = {
            let limiter = self.shared.limiter.lock();
            let Ok(mut limiter) = limiter.try_borrow_mut() else {
                return otherwise;
            };
            contained(|| question(&mut ***limiter))
        };
        answer.unwrap_or_else(|panic| {
            let panic = Printable::new(&panic);
            logged(|| error!(%panic, "the rate limiter of a queue panicked"));
            otherwise
        })
    }
}

/// Taking items out.
impl<T: Clone + Eq + Hash + Send + 'static> Queue<T> {
    /// Waits for the item whose turn it is, and hands it out.
    ///
    /// The highest priority comes first, and within one the item that became ready first;
    /// one turn in eight goes to the oldest item of the lower priorities.
    /// The item is held until the guard is dropped: no other getter gets an equal one before.
    ///
    /// Returns `None` once the queue is shut down and nothing will come any more. An item
    /// that was added again while somebody holds it will come, so do not wait for the last
    /// one while holding another.
    ///
    /// One get in 128 of the queue lets other tasks run first, so that a worker whose items
    /// never run out does not keep its thread to itself.
    ///
    /// # Panics
    ///
    /// Panics if items wait for their time and the tokio runtime has no time driver.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no item; a wake-up that it had received is passed on.
    pub async fn get(&self) -> Option<Held<T>> {
        // Lets other tasks run now and then when items never run out.
        if self.shared.is_others_turn() {
            tokio::task::yield_now().await;
        }
        let now = || self.shared.epoch.elapsed();
        let (item, hold) = match self.shared.hub.take(now) {
            Some(taken) => taken,
            None => self.wait().await?,
        };
        let holder = Arc::clone(&self.shared) as Arc<dyn Release<T>>;
        Some(Held::new(item, hold, holder))
    }

    /// Waits until there is an item for the caller.
    async fn wait(&self) -> Option<(T, Hold)> {
        let threads = *self.shared.threads.get_or_init(threads);
        let mut getter = self.shared.hub.getter(threads);
        let mut timer = pin!(None::<Sleep>);
        poll_fn(|cx| {
            loop {
                let due = match getter.poll(|| self.shared.epoch.elapsed(), cx.waker()) {
                    Polled::Item(item, hold) => return Poll::Ready(Some((item, hold))),
                    Polled::Closed => return Poll::Ready(None),
                    Polled::Wait(due) => due,
                };
                let due = due.map(|due| self.shared.instant(due));
                // To set a timer anew costs more than to take an item.
                if timer.as_ref().as_pin_ref().map(|timer| timer.deadline()) != due {
                    timer.set(due.map(sleep_until));
                }
                match timer.as_mut().as_pin_mut() {
                    Some(timer) => std::task::ready!(timer.poll(cx)),
                    None => return Poll::Pending,
                }
            }
        })
        .await
    }
}

/// Returns how many threads the current runtime runs tasks on.
#[must_use]
pub fn threads() -> usize {
    Handle::try_current().map_or(1, |runtime| runtime.metrics().num_workers())
}

/// Ending it.
impl<T: Clone + Eq + Hash + Send + 'static> Queue<T> {
    /// Says whether the queue was shut down, and ignores what is added.
    #[must_use]
    pub fn is_shutting_down(&self) -> bool {
        self.change(|state| state.is_shutting_down())
    }

    /// Takes no more items; those that are ready are still handed out.
    ///
    /// Items that wait for their time are dropped. One that was added again while held is
    /// handed out once more. Then every `get` returns `None`.
    /// Has no effect on a queue that was shut down before.
    pub fn shut_down(&self) {
        drop(self.change(State::shut_down));
    }

    /// Shuts down, then waits until all items were handed out and their guards dropped.
    ///
    /// This needs somebody to get them: without workers it waits for ever, unless the queue
    /// is empty, or [`shut_down_now`](Self::shut_down_now) empties it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the queue shut down; call it again to wait again.
    pub async fn shut_down_with_drain(&self) {
        self.shut_down();
        let mut drainer = self.shared.hub.drainer();
        poll_fn(|cx: &mut Context<'_>| drainer.poll(cx)).await;
    }

    /// Shuts down and drops all that is queued: nothing is handed out any more.
    ///
    /// Every `get` returns `None` at once. Guards that are out stay valid, and
    /// [`shut_down_with_drain`](Self::shut_down_with_drain) waits for them.
    pub fn shut_down_now(&self) {
        drop(self.change(State::stop));
    }
}

impl<T> Inner<T> {
    /// Says whether the caller, who asks for an item, should let other tasks run first.
    fn is_others_turn(&self) -> bool {
        // Not one step: two who ask at once may count as one, which is close enough and costs less.
        let gets = self.gets.load(Ordering::Relaxed).wrapping_add(1);
        self.gets.store(gets, Ordering::Relaxed);
        gets.is_multiple_of(BURST)
    }

    /// Returns the instant of a time of the state's clock, or one that never comes.
    fn instant(&self, due: Duration) -> Instant {
        const NEVER: Duration = Duration::from_secs(60 * 60 * 24 * 365);

        self.epoch
            .checked_add(due)
            .unwrap_or_else(|| Instant::now() + NEVER)
    }
}

impl<T: Eq + Hash> Inner<T> {
    /// Changes the state as it is now. The clock is read only if an item waits for its time.
    fn change<R>(&self, change: impl FnOnce(&mut State<T>) -> R) -> R {
        self.hub.change(|state| {
            if state.next_due().is_some() {
                state.advance(self.epoch.elapsed());
            }
            change(state)
        })
    }
}

impl<T: Clone + Eq + Hash + Send + 'static> Release<T> for Inner<T> {
    fn release(&self, hold: Hold, item: &T) {
        // Only an item that is ready again needs its age.
        let done = self.hub.change(|state| {
            if state.has_dirty() && state.next_due().is_some() {
                state.advance(self.epoch.elapsed());
            }
            state.done(hold, item)
        });
        dropped(done);
    }
}

#[cfg(all(test, not(kubehandler_loom)))]
mod tests;
