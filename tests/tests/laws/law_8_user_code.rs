//! Law 8 in every place where an event loop runs code of the user's.
//!
//! Each case is one place and one deed, for the pod `bad`. The pods `a` and `z` must be handled as if
//! `bad` did not exist, by the one worker that there is.

use std::{
    borrow::Cow,
    panic::panic_any,
    sync::{Arc, Mutex},
};

use kubehandler::{
    Action, CallbackStage, Callbacks, Event, EventHandler, Fact, Filter, Index, Informer,
    InformerOptions, Informers, Result, Settings, StoreFormat,
    k8s_openapi::{NamespaceResourceScope, apimachinery::pkg::apis::meta::v1::ObjectMeta},
    kube,
};
use kubehandler_tests::{
    pod,
    scripted::{Asked, Reply, ScriptedServer},
};
use serde::{Deserialize, Deserializer};
use serde_json::json;
use tokio::{task::yield_now, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    Running, event_loop, seconds,
    traps::{DEEDS, Deed, OnDrop, Place, TouchyError, Trap, complaints},
    workers,
};

/// The traps of all cases: an object has the number of its own in a label.
static TRAPS: Mutex<Vec<Arc<Trap>>> = Mutex::new(Vec::new());

/// Sets a trap and returns its number.
fn set(place: Place, deed: Deed) -> (Arc<Trap>, usize) {
    let trap = Trap::new(place, deed);
    let mut traps = TRAPS.lock().expect("not poisoned");
    traps.push(trap.clone());
    (trap, traps.len() - 1)
}

fn trap_of(metadata: &ObjectMeta) -> Option<Arc<Trap>> {
    let number = metadata.labels.as_ref()?.get("trap")?.parse::<usize>();
    let traps = TRAPS.lock().expect("not poisoned");
    Some(traps[number.expect("a number")].clone())
}

/// A pod whose every piece of code can be a trap.
struct Touchy {
    metadata: ObjectMeta,
    trap: Option<Arc<Trap>>,
}

impl Touchy {
    fn spring(&self, place: Place) {
        self.trap.iter().for_each(|trap| trap.spring(place));
    }
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
        let trap = trap_of(&metadata);
        if let Some(trap) = &trap {
            trap.spring(Place::Deserialize);
        }
        Ok(Self { metadata, trap })
    }
}

impl Drop for Touchy {
    fn drop(&mut self) {
        self.spring(Place::DropOfObject);
    }
}

/// Makes an informer with an index of each kind.
fn informer(
    server: &ScriptedServer,
    format: StoreFormat,
) -> (Informer<Touchy>, [Index<Touchy>; 2]) {
    let of_object = Index::of_object(|object: &Touchy| {
        object.spring(Place::IndexOfObject);
        object.metadata.name.clone()
    });
    let of_metadata = Index::of_metadata(|metadata| {
        let trap = trap_of(metadata);
        if let Some(trap) = &trap {
            trap.spring(Place::IndexOfMetadata);
        }
        metadata.name.clone()
    });
    let options = InformerOptions::default()
        .format(format)
        .index(&of_object)
        .index(&of_metadata);
    let informer = Informer::with_options(server.client(), &(), Filter::default(), options);
    (informer, [of_object, of_metadata])
}

fn ask(informer: &Informer<Touchy>, indexes: &[Index<Touchy>]) {
    let keys = ["default/a", "default/bad"].map(|key| key.parse().expect("a key"));
    drop((informer.len(), informer.keys(), informer.list()));
    drop(keys.map(|key| informer.get(&key)));
    drop((informer.has_synced(), informer.last_error()));
    for index in indexes {
        drop((index.keys("bad"), index.values()));
    }
}

/// The handler of a trap.
struct Touched {
    trap: Arc<Trap>,
    informer: Informer<Touchy>,
    calls: Arc<Mutex<Vec<String>>>,
}

impl EventHandler for Touched {
    type Resource = Touchy;

    fn name(&self) -> Cow<'_, str> {
        "touched".into()
    }

    fn informer(&self, _: &Informers) -> Informer<Touchy> {
        self.informer.clone()
    }

    fn settings(&self) -> Settings<Self> {
        let on_drop = OnDrop(self.trap.clone(), Place::DropOfPredicate);
        Settings::default()
            .timeout(seconds(1))
            .when(move |object: &Touchy| {
                let _kept = &on_drop;
                object.spring(Place::When);
                true
            })
            .changed(|_: &Touchy, object: &Touchy| {
                object.spring(Place::Changed);
                true
            })
    }
}

impl Touched {
    async fn call(&self, ev: Event<Self>) -> Result<Action> {
        let trap = &self.trap;
        let call = format!("{} {}", ev.event_type(), ev.name());
        self.calls.lock().expect("not poisoned").push(call);
        if ev.name() != "bad" {
            return Ok(Action::DONE);
        }
        yield_now().await;
        trap.spring(Place::Callback);
        match trap.place {
            Place::DropOfError | Place::DisplayOfError | Place::SourceOfError => {
                Err(TouchyError(trap.clone()).into())
            }
            Place::DropOfPanic => panic_any(OnDrop(trap.clone(), Place::DropOfPanic)),
            Place::DropOfCallback => {
                let _held = OnDrop(trap.clone(), Place::DropOfCallback);
                std::future::pending().await
            }
            _ => Ok(Action::DONE),
        }
    }
}

impl Drop for Touched {
    fn drop(&mut self) {
        self.trap.spring(Place::DropOfHandler);
    }
}

impl Callbacks for Touched {
    fn reconcile(&self, ev: Event<Self>) -> impl Future<Output = Result<Action>> + Send {
        if ev.name() == "bad" {
            self.trap.spring(Place::Call);
        }
        self.call(ev)
    }

    async fn on_delete(&self, ev: Event<Self>) -> Result {
        self.call(ev).await.map(|_| ())
    }
}

/// Plays one case: the pods come, change and go. Returns what went wrong.
async fn play(place: Place, deed: Deed, format: StoreFormat) -> Vec<String> {
    let server = ScriptedServer::new();
    let (trap, number) = set(place, deed);
    let put = |name: &str, revision: u32| {
        let mut pod = pod(&format!("default/{name}"));
        pod["metadata"]["labels"] = json!({"revision": revision.to_string()});
        if name == "bad" {
            pod["metadata"]["labels"]["trap"] = json!(number.to_string());
        }
        server.put(pod);
    };
    let (informer, indexes) = informer(&server, format);
    let calls = Arc::<Mutex<Vec<String>>>::default();
    let handler = Touched {
        trap: trap.clone(),
        informer: informer.clone(),
        calls: calls.clone(),
    };
    let on_drop = OnDrop(trap.clone(), Place::DropOfObserver);
    let event_loop = event_loop()
        .workers(workers(1))
        .register(handler)
        .observe(move |fact| {
            let OnDrop(trap, _) = &on_drop;
            match fact {
                Fact::Callback(report) if report.object.name() == "bad" => match report.stage {
                    CallbackStage::Started => trap.spring(Place::ObserverOfStart),
                    _ => trap.spring(Place::ObserverOfEnd),
                },
                Fact::Due(report) if report.object.name() == "bad" => {
                    trap.spring(Place::ObserverOfDue);
                }
                Fact::ListOrWatch(_) => trap.spring(Place::ObserverOfInformer),
                _ => {}
            }
        });
    trap.asks({
        let (informer, indexes, handle) = (informer.clone(), indexes.clone(), event_loop.handle());
        move || {
            ask(&informer, &indexes);
            drop((handle.is_idle(), handle.has_synced(), handle.informers()));
            drop((handle.running(), handle.waiting()));
        }
    });

    for name in ["a", "bad", "z"] {
        put(name, 0);
    }
    // Too short for a worker or an informer to fail and to come back.
    let running = Running::start(&server, event_loop);
    sleep(seconds(4)).await;
    for name in ["bad", "a", "z", "bad"] {
        put(name, 1);
    }
    sleep(seconds(4)).await;
    for name in ["bad", "z"] {
        server.delete_pod(&format!("default/{name}"));
    }
    sleep(seconds(4)).await;
    put("a", 2);
    sleep(seconds(4)).await;

    let requests = server.asked().len();
    running.stop.cancel();
    let result = running.task.await;
    let ended_well = matches!(result, Ok(Ok(())));
    std::mem::forget(result); // It may be a bomb.
    let mut others = calls.lock().expect("not poisoned").clone();
    others.retain(|call| !call.ends_with(" bad"));
    let keys: Vec<String> = informer.keys().iter().map(ToString::to_string).collect();
    let in_index = indexes.map(|index| index.keys("a").len());
    complaints(
        &format!("{trap:?}, {format:?}"),
        [
            (
                others
                    == [
                        "add a", "add z", "update a", "update z", "delete z", "update a",
                    ],
                format!("the others' calls were {others:?}"),
            ),
            (keys == ["default/a"], format!("the store had {keys:?}")),
            (in_index == [1, 1], format!("the indexes had {in_index:?}")),
            (
                requests == 1,
                format!("the informer asked {requests} times"),
            ),
            (ended_well, "the loop panicked or failed".to_owned()),
            (!trap.was_stuck(), "nobody answered".to_owned()),
            (trap.sprung() > 0, "it never came there".to_owned()),
        ],
    )
}

async fn play_all(places: &[Place]) {
    let mut wrong = Vec::new();
    for place in places {
        for deed in DEEDS {
            for format in [StoreFormat::Compact, StoreFormat::Decoded] {
                wrong.extend(play(*place, deed, format).await);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(start_paused = true)]
async fn law_8_decoding_is_contained() {
    play_all(&[Place::Deserialize, Place::DropOfObject]).await;
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
    play_all(&[Place::Call, Place::Callback]).await;
    play_all(&[Place::DropOfCallback, Place::DropOfPanic]).await;
}

#[tokio::test(start_paused = true)]
async fn law_8_error_is_contained() {
    play_all(&[Place::DropOfError]).await;
    play_all(&[Place::DisplayOfError, Place::SourceOfError]).await;
}

#[tokio::test(start_paused = true)]
async fn law_8_observer_is_contained() {
    play_all(&[Place::ObserverOfStart, Place::ObserverOfEnd]).await;
    play_all(&[Place::ObserverOfDue, Place::ObserverOfInformer]).await;
}

#[tokio::test(start_paused = true)]
async fn law_8_handler_is_contained_when_it_is_dropped() {
    play_all(&[Place::DropOfHandler]).await;
    play_all(&[Place::DropOfPredicate, Place::DropOfObserver]).await;
}

#[tokio::test(start_paused = true)]
async fn law_8_index_of_objects_that_a_list_holds_back_is_contained() {
    let server = ScriptedServer::new();
    let (trap, number) = set(Place::IndexOfObject, Deed::Wait);
    server.put(pod("default/a"));
    let a = server.change(|truth| truth.object("/api/v1/pods", "default/a"));
    let a = a.expect("it was put");
    for name in ["bad", "worse"] {
        let mut pod = pod(&format!("default/{name}"));
        pod["metadata"]["labels"] = json!({"trap": number.to_string()});
        server.put(pod);
    }
    // Two events are lost, and an unreadable one makes it list again: the list has two objects that
    // should have been seen.
    server.once(Asked::is_streaming_list, move |_, truth| {
        let list = Reply::stream().event("ADDED", &a);
        Some(list.closing_bookmark(truth.version()).text("?\n").hang())
    });
    let (informer, indexes) = informer(&server, StoreFormat::Compact);
    trap.asks({
        let (informer, indexes) = (informer.clone(), indexes.clone());
        move || ask(&informer, &indexes)
    });
    let stop = CancellationToken::new();
    let run = tokio::spawn({
        let (informer, stop) = (informer.clone(), stop.clone());
        async move { informer.run(stop).await }
    });

    sleep(seconds(100)).await;

    assert_eq!(trap.sprung(), 2);
    assert!(!trap.was_stuck(), "nobody answered");
    assert_eq!(informer.len(), 3);
    assert_eq!(indexes[0].values().len(), 3);
    stop.cancel();
    run.await.expect("no panic");
}

/// A handler that cannot say what its informer is.
struct Undecided;

impl EventHandler for Undecided {
    type Resource = Touchy;

    fn name(&self) -> Cow<'_, str> {
        "undecided".into()
    }

    fn informer(&self, _: &Informers) -> Informer<Touchy> {
        panic!("told to panic")
    }
}

impl Callbacks for Undecided {}

#[tokio::test(start_paused = true)]
async fn law_8_handler_whose_informer_panics_is_named() {
    let running = Running::start(&ScriptedServer::new(), event_loop().register(Undecided));

    let ended = running.task.await.expect("the loop does not panic");

    let error = ended.expect_err("it cannot run").to_string();
    assert!(error.contains("undecided"), "{error}");
    assert!(error.contains("told to panic"), "{error}");
}
