//! Where the objects come from, and how listing and watching them goes.

use std::{
    collections::HashSet,
    mem::Discriminant,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kube::Client;
use parking_lot::{Mutex, MutexGuard};
use tokio::{sync::watch, time::Instant};

use crate::{
    informer::{
        reflector::{
            arrived::Arrived,
            news::{InformerObserver, InformerStage},
        },
        wire::{failure::Failure, fields::Fields, limits::Limits, target::Target},
    },
    log::{debug, info, warn},
};

/// What is listed and watched, by which client, and how that goes.
pub(crate) struct Upstream {
    pub(crate) target: Target,
    pub(crate) client: Client,
    pub(crate) limits: Limits,
    /// What is dropped of each object before it is stored.
    pub(crate) dropped: Fields,
    /// How much has come of the current list.
    pub(crate) arrived: Arrived,
    /// Why no server can answer.
    invalid: Option<String>,
    /// True while a watch is open that continues a complete list.
    watching: AtomicBool,
    /// True once such a watch was open.
    watched: watch::Sender<bool>,
    trouble: Mutex<Trouble>,
    observers: Mutex<Vec<Arc<dyn InformerObserver>>>,
}

/// What went wrong since the last success.
#[derive(Default)]
struct Trouble {
    last: Option<String>,
    /// The request that failed last: `list` or `watch`.
    verb: &'static str,
    /// What was logged as a warning already.
    warned: HashSet<(&'static str, Discriminant<Failure>, Option<u16>)>,
    /// When the first failure came after the last watch that worked.
    since: Option<Instant>,
    /// How long after `since` the next warning is due that says how long it has lasted.
    next_warning: Duration,
}

impl Upstream {
    /// Makes an upstream; `invalid` says what is wrong with the options, if anything is.
    pub(crate) fn new(
        client: Client,
        target: Target,
        limits: Limits,
        dropped: Fields,
        invalid: Option<String>,
    ) -> Self {
        let invalid = target.invalid().or(invalid);
        Self {
            target,
            client,
            limits,
            dropped,
            arrived: Arrived::new(limits.pace()),
            watching: AtomicBool::new(false),
            watched: watch::Sender::new(false),
            trouble: Mutex::new(Trouble {
                last: invalid.clone(),
                ..Trouble::default()
            }),
            observers: Mutex::default(),
            invalid,
        }
    }

    /// Returns what is listed and watched, for messages: ``pods in namespace `web` ``.
    pub(crate) fn describe(&self) -> String {
        self.target.to_string()
    }

    /// Tells `observer` what happens from here on.
    pub(crate) fn add_observer(&self, observer: Arc<dyn InformerObserver>) {
        self.observers.lock().push(observer);
    }

    /// Tells `observer` nothing more.
    pub(crate) fn remove_observer(&self, observer: &Arc<dyn InformerObserver>) {
        let is_it = |other: &mut Arc<dyn InformerObserver>| Arc::ptr_eq(other, observer);
        let removed: Vec<_> = self.observers.lock().extract_if(.., is_it).collect();
        drop(removed); // Outside of the lock.
    }

    /// Tells the observers what happens now.
    pub(crate) fn tell(&self, stage: impl Fn() -> InformerStage) {
        let observers = self.observers.lock().clone();
        if !observers.is_empty() {
            let informer = self.describe();
            for observer in observers {
                observer.informer_is(&informer, stage());
            }
        }
    }

    /// Returns why no server can answer, such as a namespace on a kind that has none.
    pub(crate) fn invalid(&self) -> Option<String> {
        self.invalid.clone()
    }

    /// Returns true while a watch is open that continues a complete list.
    pub(crate) fn is_watching(&self) -> bool {
        self.watching.load(Ordering::Acquire)
    }

    /// Returns true once a watch was open that continues a complete list.
    pub(crate) fn has_watched(&self) -> bool {
        *self.watched.borrow()
    }

    /// Waits until a watch was open that continues a complete list.
    pub(crate) async fn watched(&self) {
        // The sender lives as long as `self`, so that waiting cannot fail.
        let _ = self.watched.subscribe().wait_for(|watched| *watched).await;
    }

    /// Notes that such a watch is open, until the guard is dropped.
    pub(crate) fn watching(&self) -> Watching<'_> {
        self.watching.store(true, Ordering::Release);
        self.watched
            .send_if_modified(|watched| !std::mem::replace(watched, true));
        self.tell(|| InformerStage::Watching);
        Watching {
            upstream: self,
            since: Instant::now(),
        }
    }

    /// Notes that bytes of a list came, and logs each minute how far it is.
    pub(crate) fn list_came(&self, bytes: usize, objects: impl FnOnce() -> usize) {
        let now = Instant::now();
        self.arrived.came(bytes, now);
        if self.arrived.wants_a_report(now) {
            let (objects, bytes) = (objects(), self.arrived.bytes());
            info!(informer = %self.target, objects, bytes, "the list is still coming");
        }
    }

    /// Returns the last failure to list or watch, with what to do about it; `None` once it is overcome.
    pub(crate) fn last_error(&self) -> Option<String> {
        self.trouble().last.clone()
    }

    /// Notes and logs a failure: as a warning when it is new, and again at growing intervals
    /// while the informer cannot watch.
    pub(crate) fn failed(&self, verb: &'static str, failure: &Failure) {
        let report = self.target.report(verb, failure);
        let (class, code) = failure.class();
        let now = Instant::now();
        let (is_new, lasted) = {
            let mut trouble = self.trouble();
            trouble.last = Some(report.clone());
            trouble.verb = verb;
            let lasted = now.duration_since(*trouble.since.get_or_insert(now));
            trouble.next_warning = trouble.next_warning.max(self.limits.unwatched);
            let is_due = lasted >= trouble.next_warning;
            if is_due {
                trouble.next_warning = lasted.saturating_mul(2);
            }
            let is_new = !failure.is_routine() && trouble.warned.insert((verb, class, code));
            (is_new, is_due.then_some(lasted))
        };
        // Outside the lock: a log may come back to ask for the last error.
        self.tell(|| InformerStage::Failed {
            error: report.clone(),
        });
        if let Some(lasted) = lasted {
            let seconds = lasted.as_secs();
            warn!("{report}; for {seconds} s no watch has worked, and changes are not seen");
        } else if is_new {
            warn!("{report}; trying again, with growing delays");
        } else {
            debug!("{report}");
        }
    }

    /// Notes that a list is complete; whether a watch works is yet to be seen.
    pub(crate) fn listed(&self) {
        let mut trouble = self.trouble();
        if trouble.verb == "list" {
            trouble.last = None;
        }
    }

    /// Notes that a watch works.
    pub(crate) fn recovered(&self) {
        let had_warned = {
            let mut trouble = self.trouble();
            trouble.last = None;
            trouble.since = None;
            trouble.next_warning = Duration::ZERO;
            !std::mem::take(&mut trouble.warned).is_empty()
        };
        if had_warned {
            info!(informer = %self.target, "listing and watching again");
        }
    }

    /// Returns false once no watch has worked for longer than its limit.
    pub(crate) fn is_healthy(&self) -> bool {
        self.unwatched_for()
            .is_none_or(|lasted| lasted < self.limits.unwatched)
    }

    /// Returns how long no watch has worked, if requests fail.
    pub(crate) fn unwatched_for(&self) -> Option<Duration> {
        let since = self.trouble().since?;
        Some(since.elapsed())
    }

    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        self.trouble.lock()
    }
}

/// A watch is open until this is dropped.
pub(crate) struct Watching<'a> {
    upstream: &'a Upstream,
    since: Instant,
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        self.upstream.watching.store(false, Ordering::Release);
        let lived = self.since.elapsed();
        self.upstream.tell(|| InformerStage::WatchEnded { lived });
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::{Request, Response};
    use kube::client::Body;

    use super::*;
    use crate::{informer::wire::filter::Filter, k8s::Pod};

    fn upstream(filter: Filter) -> Upstream {
        let silent = tower::service_fn(|_: Request<Body>| {
            std::future::pending::<Result<Response<Body>, Infallible>>()
        });
        let client = Client::new(silent, "default");
        let target = Target::new::<Pod>(&(), filter);
        Upstream::new(client, target, Limits::default(), Fields::default(), None)
    }

    #[tokio::test]
    async fn failure_is_remembered_until_something_succeeds() {
        let upstream = upstream(Filter::default());
        assert_eq!(upstream.last_error(), None);

        upstream.failed("list", &Failure::CutList);
        assert!(
            upstream
                .last_error()
                .is_some_and(|error| error.starts_with("cannot list pods: "))
        );
        upstream.recovered();

        assert_eq!(upstream.last_error(), None);
    }

    #[tokio::test]
    async fn impossible_request_is_an_error_from_the_start() {
        let filter = Filter::default().namespace("Not A Namespace");
        let upstream = upstream(filter);

        assert!(upstream.invalid().is_some());
        assert_eq!(upstream.last_error(), upstream.invalid());
    }
}
