//! A mapped source of a lane: another informer, whose objects make those of the lane due.
//!
//! The function that maps is the user's, so it runs in a task of its own and under no lock. What the source
//! changes waits in `unmapped`, and the lane is not idle until it is mapped. The source's store has each
//! change before the callback starts that it causes.

use std::{collections::BTreeSet, fmt, sync::Arc};

use parking_lot::Mutex;
use tokio::{
    sync::Notify,
    task::{JoinSet, yield_now},
    time::Instant,
};

use super::{AT_ONCE, Lane};
use crate::{
    Printable,
    budget::Budget,
    contained::{Contained, contained},
    informer::{Decoder, Delta, Filter, Informers, Source, Stored, Subscriber},
    lane::{
        cause::Cause,
        owed::Turn,
        unmapped::{PendingChange, Unmapped},
    },
    log::error,
    object_key::ObjectKey,
    queue::Priority,
    resource::Resource,
    watchdog::{Bench, Code, Slot},
};

/// Says which objects are due for one step of another object: its state before, and the one after.
type Map = dyn Fn(Option<&Stored>, Option<&Stored>, &Decoder) -> Vec<ObjectKey> + Send + Sync;

/// Finds the informer of a source among those of the loop.
type FindInformer = dyn FnOnce(&Informers) -> Arc<Source> + Send + Sync;

/// How the objects of one kind are mapped to those of a lane.
pub(super) struct Mapping {
    kind: Arc<str>,
    map: Contained<Box<Map>>,
}

impl Mapping {
    /// Maps with a function of the object before and after each change; there is none before it came and
    /// after it left, and in place of one that is not of the shape of its Rust type.
    pub(super) fn new<K: Resource<DynamicType: Default>>(
        map: impl Fn(Option<&K>, Option<&K>) -> Vec<ObjectKey> + Send + Sync + 'static,
    ) -> Self {
        let map = move |old: Option<&Stored>, new: Option<&Stored>, decoder: &Decoder| {
            let decode = |state: &Stored| match decoder.decode::<K>(state) {
                Ok(object) => Some(object),
                Err(error) => {
                    let object = Printable::new(state.key());
                    error!(%object, %error, "not mapped");
                    None
                }
            };
            let (old, new) = (old.and_then(decode), new.and_then(decode));
            match (old.as_deref(), new.as_deref()) {
                (None, None) => Vec::new(),
                (old, new) => map(old, new),
            }
        };
        Self {
            kind: K::kind(&K::DynamicType::default()).into(),
            map: Contained::new(Box::new(map)),
        }
    }
}

/// The mapped sources of a handler, as they are declared when it is registered.
#[derive(Default)]
pub struct Sources(Vec<DeclaredSource>);

/// A mapped source of a handler that waits for its loop to run.
pub(crate) struct DeclaredSource {
    informer: Box<FindInformer>,
    mapping: Mapping,
}

impl Sources {
    /// Adds the loop's own informer for a kind and a filter.
    ///
    /// `map` gets an object before and after each change, and returns the keys of the handler's objects
    /// that are due for it. There is no object before it came and after it left. It must depend on the
    /// object alone, and not block.
    #[must_use]
    pub fn map<K: Resource<DynamicType: Default>>(
        mut self,
        filter: Filter,
        map: impl Fn(Option<&K>, Option<&K>) -> Vec<ObjectKey> + Send + Sync + 'static,
    ) -> Self {
        self.0.push(DeclaredSource {
            informer: Box::new(|informers| informers.informer::<K>(filter).source().clone()),
            mapping: Mapping::new(map),
        });
        self
    }

    pub(crate) fn into_declared(self) -> Vec<DeclaredSource> {
        self.0
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = self.0.iter().map(|source| &source.mapping.kind);
        f.debug_list().entries(kinds).finish()
    }
}

impl DeclaredSource {
    /// Makes the source of a lane, and returns it with its informer.
    pub(crate) fn open(
        self,
        lane: &Arc<Lane>,
        informers: &Informers,
    ) -> (Arc<MappedSource>, Arc<Source>) {
        let informer = (self.informer)(informers);
        let source = MappedSource::new(lane.clone(), self.mapping, &informer);
        (source, informer)
    }
}

/// An informer whose changes are mapped to objects of a lane.
pub(crate) struct MappedSource {
    lane: Arc<Lane>,
    mapping: Mapping,
    decoder: Arc<Decoder>,
    unmapped: Mutex<Unmapped>,
    /// Notified whenever something is unmapped.
    changed: Notify,
    bench: Arc<Bench>,
}

impl MappedSource {
    pub(super) fn new(lane: Arc<Lane>, mapping: Mapping, informer: &Source) -> Arc<Self> {
        Arc::new(Self {
            bench: Bench::of_handler(lane.name().clone(), 1),
            lane,
            mapping,
            decoder: informer.cache().decoder().clone(),
            unmapped: Mutex::default(),
            changed: Notify::new(),
        })
    }

    /// Returns the lane whose objects it makes due.
    pub(crate) fn lane(&self) -> &Arc<Lane> {
        &self.lane
    }

    /// Returns what shows which code maps.
    pub(crate) fn bench(&self) -> &Arc<Bench> {
        &self.bench
    }

    /// Starts to map, until the loop is told to stop.
    pub(crate) fn spawn(self: &Arc<Self>, tasks: &mut JoinSet<()>) {
        let source = self.clone();
        tasks.spawn(async move {
            let stop = &source.lane.context.stop;
            stop.run_until_cancelled(source.run(source.bench.slot(0)))
                .await;
        });
    }

    async fn run(&self, slot: &Slot) {
        let mut budget = Budget::default();
        loop {
            let next = self.unmapped.lock().take();
            let Some((key, change)) = next else {
                self.changed.notified().await;
                continue;
            };
            slot.hold(&key);
            let due = self.map(&key, &change, slot);
            let cause = Cause::Source {
                kind: self.mapping.kind.clone(),
                key,
            };
            let priority = if change.is_initial() {
                Priority::LOW
            } else {
                Priority::NORMAL
            };
            self.lane.make_due(&due, &cause, priority).await;
            if change.is_incomplete() {
                self.lane.resync().await;
            }
            self.lane.mapped();
            let length = change.states().map(Stored::length).sum();
            budget.spend(length).await;
        }
    }

    /// Returns the objects that a change makes due, each once.
    fn map(&self, key: &ObjectKey, change: &PendingChange, slot: &Slot) -> Vec<ObjectKey> {
        let inside = slot.enter(Code::Predicate);
        let mut due = BTreeSet::new();
        for (old, new) in change.steps() {
            match contained(|| (self.mapping.map)(old, new, &self.decoder)) {
                Ok(keys) => due.extend(keys),
                Err(panic) => {
                    let (object, panic) = (Printable::new(key), Printable::new(&panic));
                    let handler = self.lane.name();
                    error!(%handler, %object, %panic, "not mapped: the function panicked");
                }
            }
        }
        drop(inside);
        for state in change.states() {
            self.decoder.release(state);
        }
        due.into_iter().collect()
    }
}

impl Lane {
    /// Makes these objects due, those of them that are in the view.
    ///
    /// In between, the lane's lock is free and other tasks run.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, a part of the objects is due.
    pub(crate) async fn make_due(&self, keys: &[ObjectKey], cause: &Cause, priority: Priority) {
        for (number, keys) in keys.chunks(AT_ONCE).enumerate() {
            if number > 0 {
                yield_now().await;
            }
            self.make_some_due(keys, cause, priority);
        }
    }

    /// Notes that this number of objects of a source changed: the lane is not idle until they are mapped.
    fn expect_mapped(&self, objects: usize) {
        self.book().unmapped += objects;
    }

    /// Notes that an object of a source is mapped, and what it is mapped to is due.
    fn mapped(&self) {
        let is_settled = {
            let mut book = self.book();
            book.unmapped -= 1;
            book.is_settled()
        };
        if is_settled {
            self.progress.notify_waiters();
        }
    }

    fn make_some_due(&self, keys: &[ObjectKey], cause: &Cause, priority: Priority) {
        let now = Instant::now();
        let mut book = self.book();
        for key in keys {
            // One that comes into the view later is due for that.
            let turn = book.accounts.change(key, |account| {
                let before = account.owed.turn(now);
                let is_due = account.owed.add_cause(cause.clone(), priority);
                let turn = account.owed.turn(now);
                (is_due && turn != before).then(|| (turn, account.owed.object().cloned()))
            });
            match turn {
                Some((Turn::Now(Priority::LOW), Some(object))) => book.backlog.push(object),
                Some((turn, _)) => self.schedule(key, turn),
                None => {}
            }
        }
        if !book.backlog.is_empty() {
            self.refill(book);
        }
    }
}

impl Subscriber for MappedSource {
    fn apply(&self, deltas: &[Delta]) {
        let mut unmapped = self.unmapped.lock();
        let begun = deltas.iter().filter(|delta| unmapped.apply(delta)).count();
        // Before the task can have mapped them.
        self.lane.expect_mapped(begun);
        drop(unmapped);
        self.changed.notify_one();
    }
}
