//! A handler that records its calls, and does in each what it is told.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kubehandler::{
    Action, Callbacks, Event, EventHandler, EventType, Filter, HandlerError, Informer, Informers,
    Result, Settings, k8s::Pod,
};
use tokio::time::{Instant, sleep};

/// What a call of a [`Recorder`] does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Does {
    /// Succeeds.
    Succeed,
    /// Succeeds, and wants to be called again after this time.
    Requeue(Duration),
    /// Fails.
    Fail,
    /// Fails, and wants to be retried after this time.
    FailFor(Duration),
    /// Fails for good.
    FailForGood,
    /// Reads the object and fails if it does not decode.
    Decode,
    /// Panics.
    Panic,
    /// Takes this long, then succeeds.
    Take(Duration),
    /// Never ends.
    Hang,
    /// Blocks its thread for this long.
    Block(Duration),
}

/// One call of a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Time since the recorder was made.
    pub at: Duration,
    /// The handler's name.
    pub handler: String,
    /// Which callback.
    pub event_type: EventType,
    /// The object, as `namespace/name`.
    pub object: String,
    /// Its uid.
    pub uid: String,
    /// Its resourceVersion.
    pub version: String,
    /// The resourceVersion of `old()`.
    pub old: Option<String>,
    /// Failures in a row before this call.
    pub attempt: u32,
    /// It came with the first list.
    pub initial: bool,
}

/// One line of a [`Log`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A callback started.
    Started(Seen),
    /// A callback ended; true if it succeeded. A callback that was dropped has no such line.
    Ended(Seen, bool),
}

/// What the callbacks of one or more recorders did, in order.
#[derive(Clone, Debug)]
pub struct Log {
    lines: Arc<Mutex<Vec<Line>>>,
    since: Instant,
}

impl Log {
    /// Makes an empty log, whose time starts now.
    #[must_use]
    pub fn new() -> Self {
        Self {
            lines: Arc::default(),
            since: Instant::now(),
        }
    }

    fn push(&self, line: Line) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(line);
    }

    /// Returns all lines.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.clone()
    }

    /// Returns the calls that started.
    #[must_use]
    pub fn started(&self) -> Vec<Seen> {
        let lines = self.lines().into_iter();
        lines
            .filter_map(|line| match line {
                Line::Started(seen) => Some(seen),
                Line::Ended(..) => None,
            })
            .collect()
    }

    /// Returns the calls that succeeded.
    #[must_use]
    pub fn succeeded(&self) -> Vec<Seen> {
        let lines = self.lines().into_iter();
        lines
            .filter_map(|line| match line {
                Line::Ended(seen, true) => Some(seen),
                _ => None,
            })
            .collect()
    }

    /// Returns the calls that started, each as `add default/web@7`.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        self.started().iter().map(ToString::to_string).collect()
    }

    /// Checks that calls of one handler for one object never overlap.
    ///
    /// # Panics
    ///
    /// If two of them do.
    pub fn assert_one_at_a_time(&self) {
        let mut running: BTreeMap<Object, Seen> = BTreeMap::new();
        for line in self.lines() {
            match line {
                Line::Started(seen) => {
                    let before = running.insert(seen.of(), seen);
                    assert!(before.is_none(), "two at once: {before:?}");
                }
                Line::Ended(seen, _) => {
                    running.remove(&seen.of());
                }
            }
        }
    }

    /// Checks that the calls that succeeded are, per life, `(add update*)? delete?`, and lives do not mix.
    ///
    /// # Panics
    ///
    /// If they are not.
    pub fn assert_order_of_life(&self) {
        let mut lives: BTreeMap<Object, Vec<Life>> = BTreeMap::new();
        for seen in self.succeeded() {
            let of_object = lives.entry(seen.of()).or_default();
            match of_object.last_mut() {
                Some((uid, calls))
                    if *uid == seen.uid && calls.last() != Some(&EventType::Delete) =>
                {
                    calls.push(seen.event_type);
                }
                _ => of_object.push((seen.uid, vec![seen.event_type])),
            }
        }
        for (object, lives) in lives {
            for (index, (uid, calls)) in lives.iter().enumerate() {
                assert!(is_a_life(calls), "{object:?} {uid}: {calls:?}");
                let is_last = index + 1 == lives.len();
                let is_closed = calls.last() == Some(&EventType::Delete);
                assert!(is_last || is_closed, "{object:?} {uid} has no delete");
            }
        }
    }
}

/// A handler and an object.
type Object = (String, String);
/// A uid and the calls of it.
type Life = (String, Vec<EventType>);

impl Default for Log {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns true for `(add update*)? delete?`.
#[must_use]
pub fn is_a_life(calls: &[EventType]) -> bool {
    let calls = match calls {
        [before @ .., EventType::Delete] => before,
        calls => calls,
    };
    match calls {
        [] => true,
        [EventType::Add, updates @ ..] => updates.iter().all(|call| *call == EventType::Update),
        _ => false,
    }
}

impl Seen {
    fn of(&self) -> Object {
        (self.handler.clone(), self.object.clone())
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}@{}", self.event_type, self.object, self.version)
    }
}

type Script = Arc<dyn Fn(&Seen) -> Does + Send + Sync>;
type Configure = Arc<dyn Fn(Settings<Recorder>) -> Settings<Recorder> + Send + Sync>;

/// A handler of pods that records its calls.
pub struct Recorder {
    name: String,
    filter: Filter,
    log: Log,
    script: Script,
    configure: Configure,
    informer: Option<Informer<Pod>>,
}

impl Recorder {
    /// Makes a handler whose calls all succeed, and that writes to `log`.
    #[must_use]
    pub fn new(name: &str, log: &Log) -> Self {
        Self {
            name: name.to_owned(),
            filter: Filter::default(),
            log: log.clone(),
            script: Arc::new(|_| Does::Succeed),
            configure: Arc::new(|settings| settings),
            informer: None,
        }
    }

    /// Does in each call what `script` says.
    #[must_use]
    pub fn does(mut self, script: impl Fn(&Seen) -> Does + Send + Sync + 'static) -> Self {
        self.script = Arc::new(script);
        self
    }

    /// Sees only the pods that match `filter`.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// Uses this informer instead of the loop's own.
    #[must_use]
    pub fn informer(mut self, informer: Informer<Pod>) -> Self {
        self.informer = Some(informer);
        self
    }

    /// Changes the settings.
    #[must_use]
    pub fn settings(
        mut self,
        configure: impl Fn(Settings<Self>) -> Settings<Self> + Send + Sync + 'static,
    ) -> Self {
        self.configure = Arc::new(configure);
        self
    }

    async fn call(&self, ev: Event<Self>) -> Result<Action> {
        let seen = Seen {
            at: self.log.since.elapsed(),
            handler: self.name.clone(),
            event_type: ev.event_type(),
            object: ev.key().to_string(),
            uid: ev.uid().to_owned(),
            version: ev.resource_version().to_owned(),
            old: ev
                .old()
                .and_then(|old| old.metadata.resource_version.clone()),
            attempt: ev.attempt(),
            initial: ev.is_initial(),
        };
        let does = (self.script)(&seen);
        self.log.push(Line::Started(seen.clone()));
        let answer = match does {
            Does::Succeed => Ok(Action::DONE),
            Does::Requeue(delay) => Ok(Action::requeue_after(delay)),
            Does::Fail => Err(HandlerError::from("told to fail")),
            Does::FailFor(delay) => Err(HandlerError::from("told to fail").retry_after(delay)),
            Does::FailForGood => Err(HandlerError::terminal("told to fail for good")),
            Does::Decode => ev.object().map(|_| Action::DONE),
            Does::Panic => {
                self.log.push(Line::Ended(seen.clone(), false));
                panic!("told to panic")
            }
            Does::Take(time) => {
                sleep(time).await;
                Ok(Action::DONE)
            }
            Does::Hang => std::future::pending().await,
            Does::Block(time) => {
                std::thread::sleep(time);
                Ok(Action::DONE)
            }
        };
        self.log.push(Line::Ended(seen, answer.is_ok()));
        answer
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl EventHandler for Recorder {
    type Resource = Pod;

    fn name(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.name)
    }

    fn informer(&self, informers: &Informers) -> Informer<Pod> {
        self.informer
            .clone()
            .unwrap_or_else(|| informers.informer(self.filter.clone()))
    }

    fn settings(&self) -> Settings<Self> {
        (self.configure)(Settings::default())
    }
}

impl Callbacks for Recorder {
    async fn reconcile(&self, ev: Event<Self>) -> Result<Action> {
        self.call(ev).await
    }

    async fn on_delete(&self, ev: Event<Self>) -> Result {
        self.call(ev).await.map(|_| ())
    }
}
