//! Our observer of the latency contest: notes when a callback is entered, for every ConfigMap.
//!
//! `observe`, with KUBECONFIG set, prints `ready` when all that is there was handled. It prints a line
//! `NAME VERSION NANOSECONDS` for each callback once its standard input ends, so that printing delays
//! nothing.

use std::{
    io::Read as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kubehandler::{
    Action, Callbacks, CancellationToken, Event, EventHandler, EventLoop, Result, k8s::ConfigMap,
};
use kubehandler_peers::report::{say, unix_nanos};

type Calls = Arc<Mutex<Vec<(String, String, u128)>>>;

#[derive(EventHandler)]
#[handler(resource = ConfigMap)]
struct Maps {
    calls: Calls,
}

impl Callbacks for Maps {
    async fn reconcile(&self, ev: Event<Self>) -> Result<Action> {
        let now = unix_nanos();
        let call = (ev.name().to_owned(), ev.resource_version().to_owned(), now);
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(call);
        Ok(Action::DONE)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let calls = Calls::default();
    let event_loop = EventLoop::new("observe").register(Maps {
        calls: calls.clone(),
    });
    let handle = event_loop.handle();
    let stop = CancellationToken::new();
    let running = tokio::spawn(event_loop.run_until(stop.clone()));
    while !handle.has_synced() && !running.is_finished() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    say("ready");
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    stop.cancel();
    running.await??;
    for (name, version, nanos) in calls.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        say(&format!("{name} {version} {nanos}"));
    }
    Ok(())
}
