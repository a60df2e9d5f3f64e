//! Waiting until nothing goes on, and saying what still does.

use std::{fmt, sync::Arc, time::Duration};

use kubehandler::RunError;
use kubehandler_apiserver::Asked;
use tokio::time::timeout;

use crate::{
    kit::{Inner, TestKit},
    run::{Ended, Running},
};

/// Why [`Run::idle`](crate::Run::idle) gave up.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotIdle {
    /// The event loop ended by itself.
    #[error("the event loop has ended")]
    Failed(#[source] Arc<RunError>),
    /// The event loop was stopped.
    #[error("the event loop was stopped")]
    Stopped,
    /// Something still goes on.
    #[error("not idle after {after:?}:{busy}")]
    #[non_exhaustive]
    TimedOut {
        /// How long it was waited.
        after: Duration,
        /// What goes on.
        busy: Busy,
    },
}

/// All that goes on, one sentence each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Busy(Vec<String>);

impl Busy {
    /// Returns the sentences.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(" nothing goes on now, but never for a moment before");
        }
        self.0.iter().try_for_each(|line| write!(f, "\n- {line}"))
    }
}

pub(crate) async fn wait(kit: &Inner, own: &Running) -> Result<(), NotIdle> {
    let after = kit.timeout();
    let ended = match timeout(after, all_idle(kit, own)).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(ended)) => ended,
        Err(_) => {
            let busy = busy(kit);
            return Err(NotIdle::TimedOut { after, busy });
        }
    };
    Err(match ended {
        Ok(()) => NotIdle::Stopped,
        Err(error) => NotIdle::Failed(error),
    })
}

/// Waits until all loops are idle; fails if `own` has ended.
///
/// A change is on its way through the server's watches and then through the handlers, and nothing
/// moves it back but a write. So if both are at rest, and no write came between the looks at the
/// two, they were at rest at one moment.
async fn all_idle(kit: &Inner, own: &Running) -> Result<(), Ended> {
    loop {
        // Listen before looking: what happens between the two still wakes us.
        let moved = kit.server.watches_moved();
        let mut running = Vec::new();
        for one in kit.running() {
            if one.handle.idle().await {
                running.push(one);
            } else if std::ptr::eq(&raw const *one, own) {
                return Err(own.ended().await);
            }
        }

        let revision = kit.server.revision();
        let is_current = behind(kit).is_empty();
        let are_idle = running.iter().all(|one| one.handle.is_idle());
        let are_watching = running.iter().all(|one| is_watching(one));
        if is_current && are_idle && are_watching {
            if kit.server.revision() == revision {
                return Ok(());
            }
        } else if are_idle {
            tokio::select! {
                () = moved => {}
                ended = own.ended() => return Err(ended),
            }
        }
    }
}

/// Returns the watches that are not at the head, but for the test's own: nobody may be reading those.
fn behind(kit: &Inner) -> Vec<Asked> {
    let mut behind = kit.server.watches_behind();
    behind.retain(|asked| asked.client != TestKit::CLIENT);
    behind
}

fn is_watching(running: &Running) -> bool {
    let mut informers = running.handle.informers().into_iter();
    informers.all(|informer| informer.is_watching)
}

fn busy(kit: &Inner) -> Busy {
    let mut busy = Vec::new();
    for running in kit.running() {
        let informers = running.handle.informers().into_iter();
        for informer in informers.filter(|informer| !informer.is_watching) {
            let why = informer.last_error.unwrap_or_else(|| "it lists".to_owned());
            busy.push(format!("no watch of {} is open: {why}", informer.informer));
        }
        for callback in running.handle.running() {
            let time = callback.running_for();
            busy.push(format!("{callback} has been running for {time:?}"));
        }
        for callback in running.handle.waiting() {
            let last = running
                .calls
                .last_error(callback.handler(), callback.object())
                .map(|error| format!("; its last error: {error}"));
            busy.push(format!("{callback}{}", last.unwrap_or_default()));
        }
    }
    busy.extend(behind(kit).iter().map(|asked| {
        format!(
            "watch {} has events that its client has not taken, or is held back by a fault",
            address(asked)
        )
    }));
    Busy(busy)
}

/// As in `` `/api/v1/pods?labelSelector=app=web` by `event-loop-1` ``.
fn address(asked: &Asked) -> String {
    let selectors: Vec<String> = ["labelSelector", "fieldSelector"]
        .into_iter()
        .map(|name| (name, asked.parameter(name)))
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let mark = if selectors.is_empty() { "" } else { "?" };
    format!(
        "`{}{mark}{}` by `{}`",
        asked.path,
        selectors.join("&"),
        asked.client
    )
}
