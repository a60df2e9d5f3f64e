//! Law 4 for objects that another object is made from: their last change is seen as well.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock},
};

use kubehandler::{
    __private::{Cause, Sources},
    Action, Callbacks, Event, EventHandler, Filter, Informer, Informers, ObjectKey, Result,
    k8s::Pod,
};
use kubehandler_tests::{
    pod,
    scripted::{Reply, ScriptedServer},
};
use serde_json::Value;
use tokio::time::sleep;

use super::{Random, Running, event_loop, labelled, millis, seconds, workers};

/// What a callback read of the parts of its object: their names and versions.
type Parts = Vec<String>;

/// What the callbacks of wholes did.
#[derive(Clone, Default)]
struct Calls {
    /// The parts that the last successful callback of each whole has read.
    parts: Arc<Mutex<BTreeMap<String, Parts>>>,
    /// The object and the causes of each call.
    causes: Arc<Mutex<Vec<String>>>,
}

impl Calls {
    fn parts(&self) -> BTreeMap<String, Parts> {
        self.parts.lock().expect("no panic").clone()
    }

    fn take_causes(&self) -> Vec<String> {
        std::mem::take(&mut *self.causes.lock().expect("no panic"))
    }
}

/// Handles the pods of the namespace `wholes`, each made from the pods of the namespace `parts` that
/// name it in their label `of`.
struct Wholes {
    parts: OnceLock<Informer<Pod>>,
    calls: Calls,
    dice: Mutex<Random>,
}

fn parts() -> Filter {
    Filter::default().namespace("parts")
}

fn whole_of(part: &Pod) -> Option<ObjectKey> {
    let name = part.metadata.labels.as_ref()?.get("of")?;
    Some(ObjectKey::namespaced("wholes", name))
}

fn of_wholes() -> Sources {
    Sources::default().map(parts(), |old: Option<&Pod>, new: Option<&Pod>| {
        let wholes = old.and_then(whole_of).into_iter();
        wholes.chain(new.and_then(whole_of)).collect()
    })
}

impl Wholes {
    fn new(calls: &Calls, seed: u64) -> Self {
        Self {
            parts: OnceLock::new(),
            calls: calls.clone(),
            dice: Mutex::new(Random(seed)),
        }
    }

    fn read(&self, whole: &ObjectKey) -> Result<Parts> {
        let mut read = Parts::new();
        for part in self.parts.get().expect("the loop runs").list() {
            let part = part?;
            if whole_of(&part).as_ref() == Some(whole) {
                let (name, version) =
                    (part.metadata.name.as_ref(), &part.metadata.resource_version);
                read.push(format!("{name:?}@{version:?}"));
            }
        }
        Ok(read)
    }

    fn roll(&self, bound: u64) -> u64 {
        self.dice.lock().expect("no panic").below(bound)
    }
}

impl EventHandler for Wholes {
    type Resource = Pod;

    fn name(&self) -> Cow<'_, str> {
        "wholes".into()
    }

    fn informer(&self, informers: &Informers) -> Informer<Pod> {
        let _ = self.parts.set(informers.informer(parts()));
        informers.informer(Filter::default().namespace("wholes"))
    }
}

impl Callbacks for Wholes {
    async fn reconcile(&self, ev: Event<Self>) -> Result<Action> {
        let read = self.read(ev.key())?;
        let causes = format!("{}: {}", ev.name(), ev.causes());
        self.calls.causes.lock().expect("no panic").push(causes);
        sleep(millis(self.roll(500))).await;
        if self.roll(4) == 0 {
            return Err("told to fail".into());
        }
        let mut seen = self.calls.parts.lock().expect("no panic");
        seen.insert(ev.key().to_string(), read);
        Ok(Action::DONE)
    }
}

fn part(number: u64, whole: u64) -> Value {
    labelled(&format!("parts/p{number}"), "of", &format!("w{whole}"))
}

/// What the callbacks should have read in the end.
fn expected(server: &ScriptedServer, wholes: u64) -> BTreeMap<String, Parts> {
    let mut expected: BTreeMap<String, Parts> = (0..wholes)
        .map(|whole| (format!("wholes/w{whole}"), Parts::new()))
        .collect();
    for (key, ..) in server.pods() {
        let Some(name) = key.strip_prefix("parts/") else {
            continue;
        };
        let part = server.change(|truth| truth.object("/api/v1/pods", &key));
        let metadata = &part.expect("it is there")["metadata"];
        let whole = metadata["labels"]["of"].as_str().unwrap_or_default();
        let version = metadata["resourceVersion"].as_str();
        if let Some(parts) = expected.get_mut(&format!("wholes/{whole}")) {
            parts.push(format!("{:?}@{version:?}", Some(name)));
        }
    }
    expected
}

#[tokio::test(start_paused = true)]
async fn law_4_after_the_last_change_of_a_mapped_object_a_callback_sees_it() {
    const WHOLES: u64 = 5;
    for seed in 0..8 {
        let (server, calls) = (ScriptedServer::new(), Calls::default());
        let mut random = Random(seed);
        for number in 0..10 {
            server.put(part(number, random.below(WHOLES)));
        }
        for whole in 0..WHOLES {
            server.put(pod(&format!("wholes/w{whole}")));
        }
        let event_loop = event_loop().workers(workers(2));
        let event_loop = event_loop.register_with(Wholes::new(&calls, seed), of_wholes());
        let running = Running::start(&server, event_loop);

        for _ in 0..200 {
            let number = random.below(10);
            match random.below(10) {
                0 => server.close_watches(),
                1 => server.delete_pod(&format!("parts/p{number}")),
                // It moves on faster than it can be mapped.
                2 => (0..20).for_each(|_| server.put(part(number, random.below(WHOLES)))),
                _ => server.put(part(number, random.below(WHOLES))),
            }
            if random.below(2) == 0 {
                sleep(millis(random.below(200))).await;
            }
        }
        running.settle().await;

        assert_eq!(calls.parts(), expected(&server, WHOLES), "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn law_4_each_state_of_a_mapped_object_leads_to_a_call() {
    let (server, calls) = (ScriptedServer::new(), Calls::default());
    for whole in 0..4 {
        server.put(pod(&format!("wholes/w{whole}")));
    }
    let event_loop = event_loop().register_with(Wholes::new(&calls, 0), of_wholes());
    let running = Running::start(&server, event_loop);
    running.settle().await;
    calls.take_causes();

    // In one batch: whoever was called while it named `w1` has read it so.
    for whole in 0..3 {
        server.put(part(7, whole));
    }
    running.settle().await;

    let causes = calls.take_causes();
    for whole in 0..3 {
        let call = format!("w{whole}: Pod parts/p7");
        assert!(causes.contains(&call), "{whole}: {causes:?}");
    }
    assert!(
        !causes.iter().any(|call| call.starts_with("w3")),
        "{causes:?}"
    );
    running.stop().await.expect("it stops");
}

#[tokio::test(start_paused = true)]
async fn law_4_object_that_comes_after_what_it_is_made_from_sees_it() {
    let (server, calls) = (ScriptedServer::new(), Calls::default());
    let event_loop = event_loop().register_with(Wholes::new(&calls, 0), of_wholes());
    let running = Running::start(&server, event_loop);
    server.put(part(0, 0));
    running.settle().await;
    assert_eq!(calls.take_causes(), [""; 0], "there is no whole yet");

    server.put(pod("wholes/w0"));
    running.settle().await;

    assert_eq!(calls.take_causes()[0], "w0: change");
    assert_eq!(calls.parts(), expected(&server, 1));
    running.stop().await.expect("it stops");
}

#[tokio::test(start_paused = true)]
async fn no_callback_starts_before_its_sources_have_synced() {
    let (server, calls) = (ScriptedServer::new(), Calls::default());
    server.put(pod("wholes/w0"));
    server.put(part(0, 0));
    server.rule(|asked, _| asked.path.contains("/parts/").then(Reply::never));
    let event_loop = event_loop().register_with(Wholes::new(&calls, 0), of_wholes());
    let running = Running::start(&server, event_loop);
    sleep(seconds(60)).await;
    assert_eq!(calls.take_causes(), [""; 0]);

    server.be_honest();
    running.settle().await;

    assert_eq!(calls.parts(), expected(&server, 1));
    running.stop().await.expect("it stops");
}

#[tokio::test(start_paused = true)]
async fn trigger_from_outside_is_a_cause() {
    let (server, calls) = (ScriptedServer::new(), Calls::default());
    server.put(pod("wholes/w0"));
    let event_loop = event_loop().register_with(Wholes::new(&calls, 0), of_wholes());
    let running = Running::start(&server, event_loop);
    running.settle().await;
    calls.take_causes();

    let (here, elsewhere) = (
        ObjectKey::namespaced("wholes", "w0"),
        ObjectKey::namespaced("wholes", "w1"),
    );
    assert!(running.handle.trigger("wholes", here.clone()).await);
    assert!(running.handle.trigger("wholes", elsewhere).await);
    assert!(!running.handle.trigger("parts", here).await);
    running.settle().await;

    let causes = calls.take_causes();
    assert_eq!(causes[0], format!("w0: {}", Cause::Trigger));
    assert!(
        !causes.iter().any(|call| call.starts_with("w1")),
        "{causes:?}"
    );
    running.stop().await.expect("it stops");
}
