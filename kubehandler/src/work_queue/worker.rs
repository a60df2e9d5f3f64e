//! Takes names from the queue and calls what is registered for them.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info_span};

use super::Inner;
use super::book::{AfterCall, WorkCall, WorkKey};
use super::context::WorkContext;
use crate::Printable;
use crate::contained::{Contained, contained, dropped, printed};
use crate::log::{debug, error, warn};
use crate::outcome::{HandlerError, Result, panicked};
use crate::watchdog::{Code, Slot};

/// A worker that panicked takes no name for this long.
const RESTART: Duration = Duration::from_secs(5);

/// Works until the queue is told to stop, also after a panic that nothing has contained, such as one
/// of the program's tracing: no worker is ever lost.
pub(super) async fn keep_working(shared: Arc<Inner>, stop: CancellationToken, slot: &Slot) {
    while let Err(panic) = Contained::new(pin!(work(&shared, &stop, slot))).await {
        let (queue, panic) = (Printable::new(&shared.name), Printable::new(&panic));
        error!(%queue, %panic, "a worker panicked; it goes on");
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(RESTART) => {}
        }
    }
}

/// Works until the queue is told to stop; nothing starts after that.
async fn work(shared: &Inner, stop: &CancellationToken, slot: &Slot) {
    while let Some(key) = shared.book.queue().get().await {
        // The queue is closed only when `run` has heard of it.
        if stop.is_cancelled() {
            return;
        }
        let Some(call) = shared.book.start(&key) else {
            continue;
        };
        let mut running = InProgress {
            shared,
            key: Some(&key),
        };
        let span = info_span!(
            "handle",
            queue = %Printable::new(&shared.name),
            kind = %Printable::new(&key.kind),
            event_type = %call.event_type,
            object = %Printable::new(&key.object),
            attempt = call.attempt,
        );
        slot.hold_of(Some(&key.kind), &key.object);
        async {
            let run = run(shared, &key, call, stop);
            let result = slot.watch(call.event_type.into(), run).await;
            let _inside = slot.enter(Code::Report);
            let ended = shared.book.finish(&key, &result);
            running.key = None;
            match result {
                Ok(()) => debug!("callback succeeded"),
                Err(error) => log(error, ended),
            }
        }
        .instrument(span)
        .await;
    }
}

/// The call that runs, until it is dropped.
struct InProgress<'a> {
    shared: &'a Inner,
    /// None once its end is booked.
    key: Option<&'a WorkKey>,
}

impl Drop for InProgress<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key
            && std::thread::panicking()
        {
            // Nothing has contained it. Without an end, the name would never have a turn again.
            let failed = Err(HandlerError::from("its worker panicked"));
            self.shared.book.finish(key, &failed);
        }
    }
}

/// Calls the callback; its panic is its failure.
async fn run(shared: &Inner, key: &WorkKey, call: WorkCall, stop: &CancellationToken) -> Result {
    let Some((_, handler)) = shared.registry().get(&key.kind, call.event_type) else {
        // Nothing is queued that was not registered before, and nothing is unregistered.
        return Ok(());
    };
    let context = WorkContext::new(call.event_type, call.attempt, stop.clone());
    let namespace = key.object.namespace().unwrap_or_default().to_owned();
    let name = key.object.name().to_owned();
    let answer = match contained(|| handler(context, namespace, name)) {
        Ok(callback) => Contained::new(callback).await,
        Err(panic) => Err(panic),
    };
    answer.unwrap_or_else(|panic| Err(panicked(panic)))
}

/// Logs a failure and what becomes of it.
fn log(error: HandlerError, ended: AfterCall) {
    let text = printed(&error);
    dropped(error);
    match ended {
        AfterCall::Retry(delay) => {
            warn!(error = %text, ?delay, "callback failed; retrying after backoff");
        }
        AfterCall::Overtaken => {
            warn!(error = %text, "callback failed; the object is deleted meanwhile");
        }
        AfterCall::GivenUp => {
            error!(error = %text, "callback failed; given up, as the object exists again");
        }
        AfterCall::Expired(time) => {
            let seconds = time.as_secs();
            error!(error = %text, seconds, "delete has failed for too long; it is given up");
        }
        AfterCall::Closed => {
            warn!(error = %text, "callback failed; not retried, as the work queue stops");
        }
        AfterCall::Done | AfterCall::Terminal => {
            error!(error = %text, "callback failed; not retried");
        }
    }
}
