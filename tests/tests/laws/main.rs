//! Each of the ten laws of `ARCHITECTURE.md`, on the whole: a server, an event loop, handlers.
//!
//! The server's first version is 96, so that versions grow a digit on the way.
//! The clock is paused: a sleep lets everything happen that can happen by then, and takes no time.

mod law_10_no_thread_is_kept;
mod law_10_nothing_waits_for_ever;
mod law_10_progress_is_not_cut_off;
mod law_10_sizes_are_bounded;
mod law_1_one_at_a_time;
mod law_2_in_order_of_life;
mod law_3_answers_one_by_one;
mod law_3_no_delete_is_lost;
mod law_4_mapped_sources;
mod law_4_no_change_is_lost;
mod law_5_quiet;
mod law_6_failures_come_back;
mod law_7_fair;
mod law_8_broken_logging;
mod law_8_contained;
mod law_8_user_code;
mod law_8_work_queue;
mod law_9_drained;
mod traps;

use std::{num::NonZeroUsize, time::Duration};

use kubehandler::{EventLoop, EventLoopHandle, RunError, kube::Client};
use kubehandler_tests::{pod, recorder::Seen, scripted::ScriptedServer};
use serde_json::{Value, json};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// An event loop that runs against a server.
struct Running {
    handle: EventLoopHandle,
    stop: CancellationToken,
    task: JoinHandle<Result<(), RunError>>,
}

impl Running {
    /// Starts the loop with a client of the server.
    fn start(server: &ScriptedServer, event_loop: EventLoop) -> Self {
        Self::start_with(server.client(), event_loop)
    }

    /// Starts the loop with this client.
    fn start_with(client: Client, event_loop: EventLoop) -> Self {
        let event_loop = event_loop.client(client);
        let stop = CancellationToken::new();
        Self {
            handle: event_loop.handle(),
            task: tokio::spawn(event_loop.run_until(stop.clone())),
            stop,
        }
    }

    /// Lets everything happen that happens by itself: changes arrive, callbacks and retries run.
    async fn settle(&self) {
        sleep(seconds(100)).await;
        let idle = timeout(seconds(100_000), self.handle.idle()).await;
        assert_eq!(idle, Ok(true), "the loop is not idle, or has ended");
    }

    /// Tells the loop to stop and returns how it ended.
    async fn stop(self) -> Result<(), RunError> {
        self.stop.cancel();
        self.task.await.expect("the loop does not panic")
    }
}

fn event_loop() -> EventLoop {
    EventLoop::new("test")
}

fn workers(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).expect("not zero")
}

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

fn millis(number: u64) -> Duration {
    Duration::from_millis(number)
}

/// A pod with one label.
fn labelled(key: &str, label: &str, value: &str) -> Value {
    let mut pod = pod(key);
    pod["metadata"]["labels"] = json!({ label: value });
    pod
}

/// A pod that differs from others of its name in this number.
fn revision(key: &str, number: usize) -> Value {
    labelled(key, "revision", &number.to_string())
}

/// A small deterministic random number generator (`SplitMix64`).
struct Random(u64);

impl Random {
    /// The dice of one call: the same for the same seed, time and attempt.
    fn of(seed: u64, call: &Seen) -> Self {
        let moment = u64::try_from(call.at.as_micros()).unwrap_or(u64::MAX);
        Self(seed ^ moment ^ (u64::from(call.attempt) << 48))
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % bound
    }
}
