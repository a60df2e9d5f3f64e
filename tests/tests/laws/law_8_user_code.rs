//! Law 8 in every place where code of the user's runs: there it panics, asks back, or waits for
//! another thread that asks.
//!
//! Each case is one place and one deed, for the pod `bad`. The pods `a` and `z` must be handled as if
//! `bad` did not exist, by the one worker that there is.

use std::{
    borrow::Cow,
    cell::Cell,
    fmt,
    panic::panic_any,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use kubehandler::{
    Action, CallbackStage, Callbacks, Event, EventHandler, EventLoopHandle, Filter, Index,
    Informer, InformerOptions, Informers, Result, Settings, StoreFormat,
    k8s_openapi::{NamespaceResourceScope, apimachinery::pkg::apis::meta::v1::ObjectMeta},
    kube,
};
use kubehandler_tests::{pod, scripted::ScriptedServer};
use serde::{Deserialize, Deserializer};
use serde_json::json;
use tokio::{task::yield_now, time::sleep};

use super::{Running, event_loop, seconds, workers};

/// Where code of the user's runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    IndexOfObject,
    IndexOfMetadata,
    When,
    Changed,
    Callback,
    ObserverOfStart,
    ObserverOfEnd,
    DropOfCallback,
    DropOfPanic,
    DropOfError,
    DisplayOfError,
    SourceOfError,
}

/// What it does there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Panic,
    /// Panics with something that panics when it is dropped.
    PanicWithBomb,
    /// Asks the informer, its indexes and the event loop.
    Ask,
    /// Waits until another thread has asked.
    Wait,
}

/// One case, and what happened in it.
struct Trap {
    place: Place,
    deed: Deed,
    informer: OnceLock<Informer<Touchy>>,
    indexes: Vec<Index<Touchy>>,
    handle: OnceLock<EventLoopHandle>,
    sprung: AtomicUsize,
    stuck: AtomicBool,
    calls: Mutex<Vec<String>>,
}

/// The traps of all cases: an object has the number of its own in a label.
static TRAPS: Mutex<Vec<Arc<Trap>>> = Mutex::new(Vec::new());

thread_local! {
    /// The thread asks: what it comes by does not ask again.
    static ASKS: Cell<bool> = const { Cell::new(false) };
}

/// Panics with another of its kind each time that one is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic_any(Self);
    }
}

impl Trap {
    /// Makes a trap and returns its number.
    fn set(place: Place, deed: Deed) -> (Arc<Self>, usize) {
        let of_object = Index::of_object(|object: &Touchy| {
            spring(object.trap.as_ref(), Place::IndexOfObject);
            object.metadata.name.clone()
        });
        let of_metadata = Index::of_metadata(|metadata| {
            spring(Self::of(metadata).as_ref(), Place::IndexOfMetadata);
            metadata.name.clone()
        });
        let trap = Arc::new(Self {
            place,
            deed,
            informer: OnceLock::new(),
            indexes: vec![of_object, of_metadata],
            handle: OnceLock::new(),
            sprung: AtomicUsize::new(0),
            stuck: AtomicBool::new(false),
            calls: Mutex::default(),
        });
        let mut traps = TRAPS.lock().expect("not poisoned");
        traps.push(trap.clone());
        (trap, traps.len() - 1)
    }

    fn of(metadata: &ObjectMeta) -> Option<Arc<Self>> {
        let number = metadata.labels.as_ref()?.get("trap")?.parse::<usize>();
        let traps = TRAPS.lock().expect("not poisoned");
        Some(traps[number.expect("a number")].clone())
    }

    fn spring(self: &Arc<Self>) {
        self.sprung.fetch_add(1, Ordering::Relaxed);
        match self.deed {
            Deed::Panic => panic!("told to panic"),
            Deed::PanicWithBomb => panic_any(Bomb),
            Deed::Ask if self.is_answered() => self.ask(),
            Deed::Ask => {} // It would wait for ever.
            Deed::Wait => {
                self.is_answered();
            }
        }
    }

    /// Waits until another thread has asked; returns false if nobody answers it.
    fn is_answered(self: &Arc<Self>) -> bool {
        let (tell, told) = mpsc::channel();
        let trap = self.clone();
        thread::spawn(move || {
            trap.ask();
            let _ = tell.send(());
        });
        let answered = told.recv_timeout(seconds(10)).is_ok();
        self.stuck.fetch_or(!answered, Ordering::Relaxed);
        answered
    }

    fn ask(&self) {
        ASKS.set(true);
        let informer = self.informer.get().expect("set at the start");
        let keys = ["default/a", "default/bad"].map(|key| key.parse().expect("a key"));
        drop((informer.len(), informer.keys(), informer.list()));
        drop(keys.map(|key| informer.get(&key)));
        drop((informer.has_synced(), informer.last_error()));
        for index in &self.indexes {
            drop((index.keys("bad"), index.values()));
        }
        let handle = self.handle.get().expect("set at the start");
        drop((handle.is_idle(), handle.has_synced(), handle.informers()));
        drop((handle.running(), handle.waiting()));
        ASKS.set(false);
    }

    fn note(&self, call: String) {
        self.calls.lock().expect("not poisoned").push(call);
    }

    fn called(&self) -> Vec<String> {
        self.calls.lock().expect("not poisoned").clone()
    }
}

/// Springs the trap if this is its place.
fn spring(trap: Option<&Arc<Trap>>, place: Place) {
    if let Some(trap) = trap.filter(|trap| trap.place == place && !ASKS.get()) {
        trap.spring();
    }
}

/// A pod whose every piece of code can be a trap.
struct Touchy {
    metadata: ObjectMeta,
    trap: Option<Arc<Trap>>,
}

impl kube::Resource for Touchy {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "Pod".into()
    }

    fn group((): &()) -> Cow<'_, str> {
        "".into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "pods".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl<'de> Deserialize<'de> for Touchy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Plain {
            metadata: ObjectMeta,
        }

        let Plain { metadata } = Plain::deserialize(deserializer)?;
        let trap = Trap::of(&metadata);
        Ok(Self { metadata, trap })
    }
}

/// An error whose every piece of code can be a trap.
#[derive(Debug)]
struct TouchyError(Arc<Trap>);

impl fmt::Display for TouchyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        spring(Some(&self.0), Place::DisplayOfError);
        f.write_str("told to fail")
    }
}

impl std::error::Error for TouchyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        spring(Some(&self.0), Place::SourceOfError);
        None
    }
}

impl Drop for TouchyError {
    fn drop(&mut self) {
        spring(Some(&self.0), Place::DropOfError);
    }
}

/// Springs a trap when it is dropped.
struct OnDrop(Arc<Trap>, Place);

impl Drop for OnDrop {
    fn drop(&mut self) {
        spring(Some(&self.0), self.1);
    }
}

impl fmt::Debug for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} in {:?}", self.deed, self.place)
    }
}

/// The handler of a trap.
struct Touched(Arc<Trap>);

impl EventHandler for Touched {
    type Resource = Touchy;

    fn name(&self) -> Cow<'_, str> {
        "touched".into()
    }

    fn informer(&self, _: &Informers) -> Informer<Touchy> {
        self.0.informer.get().expect("set at the start").clone()
    }

    fn settings(&self) -> Settings<Self> {
        Settings::default()
            .timeout(seconds(1))
            .when(|object: &Touchy| {
                spring(object.trap.as_ref(), Place::When);
                true
            })
            .changed(|_: &Touchy, object: &Touchy| {
                spring(object.trap.as_ref(), Place::Changed);
                true
            })
    }
}

impl Touched {
    async fn call(&self, ev: Event<Self>) -> Result<Action> {
        let trap = &self.0;
        trap.note(format!("{} {}", ev.kind(), ev.name()));
        if ev.name() != "bad" {
            return Ok(Action::DONE);
        }
        spring(Some(trap), Place::Callback);
        yield_now().await;
        match trap.place {
            Place::DropOfError | Place::DisplayOfError | Place::SourceOfError => {
                return Err(TouchyError(trap.clone()).into());
            }
            Place::DropOfPanic => panic_any(OnDrop(trap.clone(), Place::DropOfPanic)),
            Place::DropOfCallback => {
                let _held = OnDrop(trap.clone(), Place::DropOfCallback);
                std::future::pending::<()>().await;
            }
            _ => {
                spring(Some(trap), Place::Callback);
            }
        }
        Ok(Action::DONE)
    }
}

impl Callbacks for Touched {
    async fn reconcile(&self, ev: Event<Self>) -> Result<Action> {
        self.call(ev).await
    }

    async fn on_delete(&self, ev: Event<Self>) -> Result {
        self.call(ev).await.map(|_| ())
    }
}

/// Plays one case: the pods come, change and go. Returns what went wrong.
async fn play(place: Place, deed: Deed, format: StoreFormat) -> Vec<String> {
    let server = ScriptedServer::new();
    let (trap, number) = Trap::set(place, deed);
    let put = |name: &str, revision: u32| {
        let mut pod = pod(&format!("default/{name}"));
        pod["metadata"]["labels"] = json!({"revision": revision.to_string()});
        if name == "bad" {
            pod["metadata"]["labels"]["trap"] = json!(number.to_string());
        }
        server.put(pod);
    };
    let options = InformerOptions::default().format(format);
    let options = trap.indexes.iter().fold(options, InformerOptions::index);
    let informer = Informer::with_options(server.client(), &(), Filter::default(), options);
    let _ = trap.informer.set(informer);
    let watched = trap.clone();
    let event_loop = event_loop()
        .workers(workers(1))
        .register(Touched(trap.clone()))
        .observe(move |report| {
            if report.object.name() == "bad" {
                let place = match report.stage {
                    CallbackStage::Started => Place::ObserverOfStart,
                    _ => Place::ObserverOfEnd,
                };
                spring(Some(&watched), place);
            }
        });
    let _ = trap.handle.set(event_loop.handle());

    for name in ["a", "bad", "z"] {
        put(name, 0);
    }
    let running = Running::start(&server, event_loop);
    sleep(seconds(100)).await;
    for name in ["bad", "a", "z", "bad"] {
        put(name, 1);
    }
    sleep(seconds(100)).await;
    for name in ["bad", "z"] {
        server.delete_pod(&format!("default/{name}"));
    }
    sleep(seconds(100)).await;
    put("a", 2);
    sleep(seconds(100)).await;

    let informer = trap.informer.get().expect("set at the start");
    let names: Vec<String> = informer
        .keys()
        .iter()
        .map(|key| key.name().to_owned())
        .collect();
    let indexed: Vec<usize> = trap
        .indexes
        .iter()
        .map(|index| index.keys("a").len())
        .collect();
    running.stop.cancel();
    let ended = running.task.await;
    let ended_well = matches!(ended, Ok(Ok(())));
    std::mem::forget(ended); // It may be a bomb.
    let mut others = trap.called();
    others.retain(|call| !call.ends_with(" bad"));
    let wanted = [
        "add a", "add z", "update a", "update z", "delete z", "update a",
    ];
    let sprung = trap.sprung.load(Ordering::Relaxed);
    let checks = [
        (
            others == wanted,
            format!("the others' calls were {others:?}"),
        ),
        (names == ["a"], format!("the store had {names:?}")),
        (indexed == [1, 1], format!("the indexes had {indexed:?}")),
        (ended_well, "the loop panicked or failed".to_owned()),
        (
            !trap.stuck.load(Ordering::Relaxed),
            "nobody answered".to_owned(),
        ),
        (sprung > 0, "it never came there".to_owned()),
    ];
    let wrong = checks.into_iter().filter(|(is_right, _)| !is_right);
    wrong
        .map(|(_, what)| format!("{deed:?} in {place:?}, {format:?}: {what}"))
        .collect()
}

async fn play_all(places: &[Place]) {
    let mut wrong = Vec::new();
    for place in places {
        for deed in [Deed::Panic, Deed::PanicWithBomb, Deed::Ask, Deed::Wait] {
            for format in [StoreFormat::Compact, StoreFormat::Decoded] {
                wrong.extend(play(*place, deed, format).await);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(start_paused = true)]
async fn law_8_index_is_contained() {
    play_all(&[Place::IndexOfObject, Place::IndexOfMetadata]).await;
}

#[tokio::test(start_paused = true)]
async fn law_8_predicate_is_contained() {
    play_all(&[Place::When, Place::Changed]).await;
}

#[tokio::test(start_paused = true)]
async fn law_8_callback_is_contained() {
    play_all(&[Place::Callback, Place::DropOfCallback, Place::DropOfPanic]).await;
}

#[tokio::test(start_paused = true)]
async fn law_8_error_is_contained() {
    play_all(&[
        Place::DropOfError,
        Place::DisplayOfError,
        Place::SourceOfError,
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn law_8_observer_is_contained() {
    play_all(&[Place::ObserverOfStart, Place::ObserverOfEnd]).await;
}
