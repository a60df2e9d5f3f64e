//! client-go's rate-limiting work queue, typed and async.
//!
//! A queue holds items that want work, each at most once, and hands each to one
//! worker at a time. A worker [`get`](Queue::get)s a guard, works, and drops it.
//! An item that fails is put back with [`add_rate_limited`](Queue::add_rate_limited);
//! one that succeeds is [`forget`](Queue::forget)ten, so that its next failure
//! starts with the shortest delay again.
//!
//! # Examples
//!
//! ```
//! use kubehandler_queue::Queue;
//!
//! async fn work(queue: Queue<String>) {
//!     while let Some(item) = queue.get().await {
//!         match sync(&item).await {
//!             Ok(()) => queue.forget(&item),
//!             Err(error) => {
//!                 queue.add_rate_limited_with(item.clone(), &error);
//!             }
//!         }
//!     }
//! }
//! # async fn sync(_: &str) -> Result<(), std::io::Error> { Ok(()) }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let queue = Queue::default();
//! queue.add("default/web".to_owned());
//! queue.add("default/web".to_owned()); // It waits already: one delivery serves both.
//! queue.shut_down(); // What is queued is still handed out.
//! work(queue).await;
//! # }
//! ```
//!
//! # As in client-go
//!
//! - An item is held by one worker at most. One that is added while it is held is
//!   handed out once more after its guard is dropped.
//! - `shut_down` is idempotent; queued items are still handed out, later ones are ignored.
//! - `add_after` keeps the earlier of two times.
//! - The default rate limiter: 5 ms, doubled with each failure, up to 1000 s.
//!
//! # Unlike client-go
//!
//! - An item is owed at most one delivery. There, one that is added while it waits for
//!   its time is handed out twice; here `add` overtakes the waiting entry, and
//!   `add_after` adds nothing to an item that is ready. Where two adds meet, the
//!   earlier time and the higher priority count.
//! - [`Priority`]: the highest is served first, and one `get` in eight takes the oldest
//!   item of the lower ones. controller-runtime's queue, too, has priorities, but
//!   starves the lower ones for as long as the higher ones have items.
//! - A waiting entry can be [cancelled](Queue::cancel) and [replaced](Queue::replace_after),
//!   and any item can be [removed](Queue::remove).
//! - `done` cannot be forgotten: dropping the guard says it, also in a panic.
//! - A rate limiter sees the [error](RateLimiter::when), and is asked for failures only.
//! - After `shut_down`, a `get` waits for items that will come back from their holders;
//!   there, the last of them may find no worker left. [`shut_down_now`](Queue::shut_down_now)
//!   hands out nothing more.
//! - `shut_down_with_drain` waits until every queued item was handed out and is done;
//!   there, only until none is held at the moment.
//!
//! # Time
//!
//! No task and no thread belongs to a queue. Items come due when somebody looks, and one
//! of the workers that wait in `get` sleeps until the next of them is due. The clock is
//! tokio's: a queue with delayed items needs a runtime with its time driver enabled.

#[doc(hidden)]
pub mod __private;
mod contained;
mod delay;
mod held;
mod hub;
mod items;
mod link;
mod log;
mod memory;
mod printable;
mod priority;
mod queue;
mod rate_limiter;
mod ready;
mod slab;
mod state;
mod sync;
mod waiters;

pub use held::Held;
pub use printable::Printable;
pub use priority::Priority;
pub use queue::Queue;
pub use rate_limiter::{ExponentialBackoff, InvalidTokenBucket, MaxOf, RateLimiter, TokenBucket};
