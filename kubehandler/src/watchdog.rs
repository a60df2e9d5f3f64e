//! Notices code of the user's that blocks a thread of the runtime, and names it.
//!
//! A runtime whose threads are blocked cannot say so itself. A plain thread beside it looks, twice
//! a second, at what each task does: a stretch of code that is the same each time has not returned
//! meanwhile. The tasks only count: no clock, no allocation, no wake-up.

mod ledger;
mod named;
mod pulse;
mod slot;
mod watch;

use std::{sync::Arc, thread, time::Duration};

use parking_lot::{Condvar, Mutex};
use tracing::dispatcher;

use self::{
    named::Origin,
    slot::{Stretch, Subject},
    watch::Watch,
};
pub(crate) use self::{
    pulse::Pulse,
    slot::{Code, Slot},
};
use crate::{log::warn, object_key::ObjectKey};

/// How long code has to let go of its thread, once it has nothing to wait for, before it is called blocked.
pub(crate) const LET_GO: Duration = Duration::from_millis(100);

/// How often the watchdog looks.
const TICK: Duration = Duration::from_millis(500);

/// Tasks that run code of one origin, each with a slot.
#[derive(Debug)]
pub(crate) struct Bench {
    origin: Origin,
    slots: Box<[Slot]>,
}

impl Bench {
    fn new(origin: Origin, tasks: usize) -> Arc<Self> {
        Arc::new(Self {
            origin,
            slots: (0..tasks).map(|_| Slot::default()).collect(),
        })
    }

    /// Makes a slot for each worker of a handler.
    pub(crate) fn of_handler(name: Arc<str>, workers: usize) -> Arc<Self> {
        Self::new(Origin::Handler(name), workers)
    }

    /// Makes a slot for each worker of a work queue.
    pub(crate) fn of_queue(name: &str, workers: usize) -> Arc<Self> {
        Self::new(Origin::Queue(name.into()), workers)
    }

    /// Makes the slot of an informer.
    pub(crate) fn of_informer(describe: &str) -> Arc<Self> {
        Self::new(Origin::Informer(describe.into()), 1)
    }

    /// Makes the slot of an event loop.
    pub(crate) fn of_loop(name: Arc<str>) -> Arc<Self> {
        Self::new(Origin::Loop(name), 1)
    }

    /// Returns the slot of one of the tasks, which are counted from 0.
    pub(crate) fn slot(&self, task: usize) -> &Slot {
        &self.slots[task]
    }

    /// Returns the callbacks that are on a thread right now, and do not await.
    pub(crate) fn on_thread(self: &Arc<Self>) -> OnThread {
        let calls = self.busy().filter_map(|(task, stretch)| {
            stretch.code().callback()?;
            Some((task, stretch, self.slots[task].subject_of(stretch)?))
        });
        OnThread {
            calls: calls.collect(),
            bench: self.clone(),
        }
    }

    fn busy(&self) -> impl Iterator<Item = (usize, Stretch)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(task, slot)| Some((task, slot.stretch()?)))
    }
}

/// The callbacks that were on a thread at one moment.
#[derive(Debug)]
pub(crate) struct OnThread {
    bench: Arc<Bench>,
    calls: Vec<(usize, Stretch, Subject)>,
}

impl OnThread {
    /// Returns true if that of this object was on a thread, and has not let go of it since.
    pub(crate) fn still_has(&self, kind: Option<&str>, object: &ObjectKey) -> bool {
        self.calls.iter().any(|(task, stretch, subject)| {
            subject.object == *object
                && subject.kind.as_deref() == kind
                && self.bench.slots[*task].stretch() == Some(*stretch)
        })
    }
}

/// Watches tasks from a thread of its own, until it is dropped.
#[derive(Debug)]
pub(crate) struct Watchdog {
    shared: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    benches: Mutex<Vec<Arc<Bench>>>,
    pulse: Arc<Pulse>,
    is_over: Mutex<bool>,
    ends: Condvar,
}

impl Watchdog {
    /// Starts to watch.
    pub(crate) fn start() -> Self {
        let shared = Arc::<Inner>::default();
        let watched = shared.clone();
        // A subscriber may be that of the starting thread alone.
        let logs = dispatcher::get_default(Clone::clone);
        let started = thread::Builder::new()
            .name("kubehandler-watchdog".to_owned())
            .spawn(move || Watch::new(&logs).run(&watched));
        if let Err(error) = started {
            warn!(%error, "cannot start a thread: code that blocks the runtime will not be named");
        }
        Self { shared }
    }

    /// Watches these tasks too.
    pub(crate) fn add(&self, bench: Arc<Bench>) {
        self.shared.benches.lock().push(bench);
    }

    /// Returns what a task of the runtime must answer.
    pub(crate) fn pulse(&self) -> Arc<Pulse> {
        self.shared.pulse.clone()
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        *self.shared.is_over.lock() = true;
        self.shared.ends.notify_all();
    }
}

impl Inner {
    /// Waits for the next look; false if there is none.
    fn wait(&self) -> bool {
        let mut is_over = self.is_over.lock();
        if !*is_over {
            self.ends.wait_for(&mut is_over, TICK);
        }
        !*is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thread_ends_with_the_watchdog() {
        let watchdog = Watchdog::start();
        let thread = Arc::downgrade(&watchdog.shared);

        drop(watchdog);

        let began = std::time::Instant::now();
        while thread.strong_count() > 0 {
            assert!(began.elapsed() < Duration::from_secs(60), "it goes on");
            thread::yield_now();
        }
    }

    #[test]
    fn only_a_callback_that_has_not_let_go_of_its_thread_still_has_it() {
        let bench = Bench::of_handler("pods".into(), 3);
        let key = |name: &str| ObjectKey::namespaced("default", name);
        let slots = [bench.slot(0), bench.slot(1), bench.slot(2)];
        slots[0].hold(&key("blocks"));
        slots[1].hold(&key("returns"));
        slots[2].hold(&key("asked"));
        let _blocks = slots[0].enter(Code::Add);
        let returns = slots[1].enter(Code::Add);
        let _asked = slots[2].enter(Code::Predicate);

        let on_thread = bench.on_thread();
        drop(returns);
        let _again = slots[1].enter(Code::Add);

        assert!(on_thread.still_has(None, &key("blocks")));
        assert!(!on_thread.still_has(None, &key("returns")));
        assert!(!on_thread.still_has(None, &key("asked")), "no callback");
        assert!(!on_thread.still_has(Some("pods"), &key("blocks")));
    }
}
