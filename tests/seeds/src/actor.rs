//! Handlers that write down their calls, and do in each what the dice or a script say.

use std::{
    borrow::Cow,
    collections::HashMap,
    num::NonZeroUsize,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use http::{Request, header};
use kubehandler::{
    Action, Callbacks, Event, EventHandler, EventType, Filter, HandlerError, Informer, Informers,
    Result, Retry, Settings,
};
use kubehandler_testing::kubehandler_apiserver::ApiServer;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    applies::Applies,
    dice::Dice,
    log::{Call, CallId, Log, Outcome},
    thing::Thing,
    truth::State,
};

/// The first delay of every handler's retries.
pub(crate) const BASE: Duration = Duration::from_millis(100);
/// The last delay of every handler's retries.
pub(crate) const CAP: Duration = Duration::from_secs(20);
/// In random runs nothing fails more often in a row, but where that is a handler's maximum.
const FAILURES: u32 = 4;
/// What every deliberate panic says.
pub(crate) const PANIC: &str = "told to panic";

/// What a handler is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spec {
    pub(crate) name: &'static str,
    pub(crate) view: View,
    pub(crate) workers: usize,
    pub(crate) timeout: Option<Duration>,
    /// The failures after which it gives up.
    pub(crate) max: Option<u32>,
    /// Only the label `revision` counts as a change, and a predicate panics now and then.
    pub(crate) has_predicates: bool,
}

/// Which pods a handler sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    All,
    Web,
    Running,
    Side,
}

impl View {
    pub(crate) fn filter(self) -> Filter {
        match self {
            Self::All => Filter::default(),
            Self::Web => Filter::default().labels("app in (web, api)"),
            Self::Running => Filter::default().fields("status.phase=Running"),
            Self::Side => Filter::default().namespace("side"),
        }
    }

    pub(crate) fn has(self, key: &str, state: &State) -> bool {
        match self {
            Self::All => true,
            Self::Web => matches!(&*state.app, "web" | "api"),
            Self::Running => state.phase == "Running",
            Self::Side => key.starts_with("side/"),
        }
    }
}

impl Spec {
    /// A handler without limits.
    pub(crate) const fn new(name: &'static str, view: View) -> Self {
        Self {
            name,
            view,
            workers: 16,
            timeout: None,
            max: None,
            has_predicates: false,
        }
    }

    /// Returns the delay after so many failures in a row.
    pub(crate) fn delay(failures: u32) -> Duration {
        (BASE * (1 << (failures.min(20) - 1))).min(CAP)
    }
}

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Does {
    Succeed,
    Requeue(Duration),
    Fail,
    FailFor(Duration),
    FailForGood,
    Panic,
    Decode,
    /// Takes a while, then succeeds.
    Take(Duration),
    /// Takes a while, then fails.
    TakeAndFail(Duration),
    Hang,
    /// Writes to its own object.
    Write,
    /// Applies a child, and a condition of its own object.
    Apply,
    /// Overwrites what the handler of that name has applied.
    Meddle(&'static str),
}

/// Decides what a call does.
pub(crate) type Script = Arc<dyn Fn(&Call) -> Does + Send + Sync>;

/// What all handlers of a run share.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) server: ApiServer,
    pub(crate) log: Log,
    pub(crate) applies: Applies,
    started: Instant,
    seed: u64,
    script: Arc<Mutex<Option<Script>>>,
}

impl Stage {
    pub(crate) fn new(server: ApiServer, seed: u64) -> Self {
        Self {
            server,
            log: Log::default(),
            applies: Applies::default(),
            started: Instant::now(),
            seed,
            script: Arc::default(),
        }
    }

    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Lets calls do what `script` says; before, the dice decide.
    pub(crate) fn follow(&self, script: impl Fn(&Call) -> Does + Send + Sync + 'static) {
        *self.script.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(script));
    }

    fn does(&self, spec: &Spec, call: &Call) -> Does {
        let script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        let script = script.clone();
        script.map_or_else(|| self.random(spec, call), |script| script(call))
    }

    fn is_random(&self) -> bool {
        let script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.is_none()
    }

    fn random(&self, spec: &Spec, call: &Call) -> Does {
        let Call {
            handler,
            key,
            version,
            attempt,
            at,
            ..
        } = call;
        let text = format!("{handler} {key} {version} {attempt} {}", at.as_millis());
        let mut dice = Dice::of(self.seed, &text);
        let may_fail = *attempt < FAILURES;
        // Some states of an object are never dealt with, where the handler gives up by itself.
        let is_hopeless = Dice::of(self.seed, &format!("{handler} {key} {version}")).one_in(12);
        let is_delete = call.event_type == Some(EventType::Delete);
        let millis = |dice: &mut Dice, most| Duration::from_millis(dice.below(most));
        match dice.below(24) {
            _ if spec.max.is_some() && is_hopeless => Does::Fail,
            0..4 if may_fail => Does::Fail,
            4 | 5 if may_fail => Does::FailFor(millis(&mut dice, 30_000)),
            6 => Does::FailForGood,
            7 if may_fail => Does::Panic,
            8..11 => Does::Take(millis(&mut dice, 20_000)),
            11 if may_fail => Does::TakeAndFail(millis(&mut dice, 20_000)),
            12 if may_fail && spec.timeout.is_some() => Does::Hang,
            // Never at once: it would be asked for again and again, and the clock stands still meanwhile.
            13 if !is_delete => Does::Requeue(Duration::from_millis(1) + millis(&mut dice, 60_000)),
            14 if !is_delete => Does::Write,
            15 | 16 => Does::Decode,
            17 | 18 if !is_delete => Does::Apply,
            19 if !is_delete => Does::Meddle(dice.pick(&["web", "running", "twin"])),
            _ => Does::Succeed,
        }
    }
}

/// A handler.
pub(crate) struct Actor {
    pub(crate) spec: Spec,
    pub(crate) stage: Stage,
    /// Where the informer is left for who wants to look into its store.
    informer: Arc<OnceLock<Informer<Thing>>>,
}

impl Actor {
    pub(crate) fn new(spec: Spec, stage: &Stage) -> Self {
        Self {
            spec,
            stage: stage.clone(),
            informer: Arc::default(),
        }
    }

    /// Returns where the informer will be.
    pub(crate) fn informer(&self) -> Arc<OnceLock<Informer<Thing>>> {
        Arc::clone(&self.informer)
    }

    async fn call(&self, ev: Event<Self>) -> Result<Action> {
        let stage = &self.stage;
        let call = Call {
            handler: self.spec.name,
            key: ev.key().to_string(),
            event_type: Some(ev.event_type()),
            uid: ev.uid().to_owned(),
            version: ev.resource_version().parse().expect("a number"),
            old: ev.old().map(|old| old.version()),
            attempt: ev.attempt(),
            at: stage.now(),
            head: stage.server.revision(),
            end: None,
        };
        let does = stage.does(&self.spec, &call);
        let id = stage.log.start(call);
        let mut end = End {
            stage,
            handler: self.spec.name,
            id,
            timeout: self.spec.timeout.map(|timeout| stage.now() + timeout),
            outcome: None,
        };
        let answer = act(does, &ev, &mut end).await;
        end.outcome = Some(match &answer {
            Ok(action) => Outcome::Done(action.requeue()),
            // An object that does not decode does not next time either.
            Err(_) if matches!(does, Does::FailForGood | Does::Decode) => Outcome::FailedForGood,
            Err(_) => match does {
                Does::FailFor(delay) => Outcome::FailedFor(delay),
                _ => Outcome::Failed,
            },
        });
        answer
    }
}

async fn act(does: Does, ev: &Event<Actor>, end: &mut End<'_>) -> Result<Action> {
    let failed = || HandlerError::from("told to fail");
    match does {
        Does::Succeed => Ok(Action::DONE),
        Does::Requeue(delay) => Ok(Action::requeue_after(delay)),
        Does::Fail => Err(failed()),
        Does::FailFor(delay) => Err(failed().retry_after(delay)),
        Does::FailForGood => Err(HandlerError::terminal("told to fail for good")),
        Does::Decode => ev.object().map(|_| Action::DONE),
        Does::Panic => {
            end.outcome = Some(Outcome::Failed);
            panic!("{PANIC}")
        }
        Does::Take(time) => {
            sleep(time).await;
            Ok(Action::DONE)
        }
        Does::TakeAndFail(time) => {
            sleep(time).await;
            Err(failed())
        }
        Does::Hang => std::future::pending().await,
        Does::Apply => end.stage.applies.apply(ev, end.handler).await,
        Does::Meddle(handler) => end.stage.applies.meddle(ev, handler).await,
        Does::Write => {
            let body = json!({"metadata": {"annotations": {"seen": ev.resource_version()}}});
            let namespace = ev.namespace().unwrap_or_default();
            let request =
                Request::patch(format!("/api/v1/namespaces/{namespace}/pods/{}", ev.name()))
                    .header(header::CONTENT_TYPE, "application/merge-patch+json")
                    .body(body.to_string().into_bytes())?;
            let write = ev.client().request::<Value>(request);
            match tokio::time::timeout(Duration::from_secs(10), write).await {
                Ok(Ok(_)) => Ok(Action::DONE),
                // What is gone needs no mark.
                Ok(Err(kube::Error::Api(status))) if status.code == 404 => Ok(Action::DONE),
                _ => Err(failed()),
            }
        }
    }
}

/// Writes down the end of a call, however it ends.
struct End<'a> {
    stage: &'a Stage,
    handler: &'static str,
    id: CallId,
    timeout: Option<Duration>,
    outcome: Option<Outcome>,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        let now = self.stage.now();
        // Dropped before its end: at its timeout, or at a shutdown.
        let timed_out = self.timeout.is_some_and(|timeout| now >= timeout);
        let outcome = self.outcome.or(timed_out.then_some(Outcome::Failed));
        if let Some(outcome) = outcome {
            self.stage.log.end(self.id, now, outcome);
        }
    }
}

impl EventHandler for Actor {
    type Resource = Thing;

    fn name(&self) -> Cow<'_, str> {
        self.spec.name.into()
    }

    fn informer(&self, informers: &Informers) -> Informer<Thing> {
        let informer = informers.informer(self.spec.view.filter());
        self.informer.get_or_init(|| informer.clone());
        informer
    }

    fn settings(&self) -> Settings<Self> {
        let mut retry = Retry::default().base(BASE).cap(CAP);
        if let Some(max) = self.spec.max {
            retry = retry.max(max);
        }
        let workers = NonZeroUsize::new(self.spec.workers).expect("some");
        let mut settings = Settings::default().retry(retry).workers(workers);
        if let Some(timeout) = self.spec.timeout {
            settings = settings.timeout(timeout);
        }
        if self.spec.has_predicates {
            let panics = Panics::new(self.spec, &self.stage);
            settings = settings
                .when(move |thing| panics.look(thing))
                .changed(|old: &Thing, new: &Thing| old.label("revision") != new.label("revision"));
        }
        settings
    }
}

impl Callbacks for Actor {
    async fn reconcile(&self, ev: Event<Self>) -> Result<Action> {
        self.call(ev).await
    }

    async fn on_delete(&self, ev: Event<Self>) -> Result {
        self.call(ev).await.map(|_| ())
    }
}

/// A predicate that panics now and then, a few times for each version at most.
struct Panics {
    spec: Spec,
    stage: Stage,
    looks: Mutex<HashMap<u64, u64>>,
}

impl Panics {
    fn new(spec: Spec, stage: &Stage) -> Self {
        Self {
            spec,
            stage: stage.clone(),
            looks: Mutex::default(),
        }
    }

    fn look(&self, thing: &Thing) -> bool {
        let version = thing.version();
        let look = {
            let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
            let look = looks.entry(version).or_default();
            *look += 1;
            *look
        };
        let mut dice = Dice::of(self.stage.seed, &format!("look {version} {look}"));
        if look > 2 || !self.stage.is_random() || !dice.one_in(8) {
            return true;
        }
        let meta = kube::Resource::meta(thing);
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let now = self.stage.now();
        self.stage.log.refuse(Call {
            handler: self.spec.name,
            key: format!("{}/{}", text(&meta.namespace), text(&meta.name)),
            event_type: None,
            uid: text(&meta.uid),
            version,
            old: None,
            attempt: 0,
            at: now,
            head: self.stage.server.revision(),
            end: Some((now, Outcome::Failed)),
        });
        panic!("{PANIC}")
    }
}
