use std::convert::Infallible;

use http::{Request, Response};
use kube::client::Body;

use super::*;
use crate::{
    informer::{InformerOptions, config::Filter},
    k8s::Pod,
};

/// Keeps what it is told, as text.
#[derive(Default)]
struct Recorder(Mutex<Vec<String>>);

impl Recorder {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock())
    }
}

impl Subscriber for Recorder {
    fn apply(&self, deltas: &[Delta]) {
        let text = |delta: &Delta| match delta {
            Delta::Upsert {
                object,
                initial: true,
            } => format!("initial {}", object.key()),
            Delta::Upsert { object, .. } => format!("upsert {}", object.key()),
            Delta::Remove { last } => format!("remove {}", last.key()),
        };
        let mut told = self.0.lock();
        told.extend(deltas.iter().map(text));
    }
}

fn shared() -> Shared {
    let silent = tower::service_fn(|_: Request<Body>| {
        std::future::pending::<Result<Response<Body>, Infallible>>()
    });
    let client = Client::new(silent, "default");
    of(client, Filter::default())
}

fn of(client: Client, filter: Filter) -> Shared {
    let options = InformerOptions::<Pod>::default().read();
    Shared::new(client, Target::new::<Pod>(&(), filter), options)
}

fn object(name: &str, version: &str) -> Stored {
    Stored::of(name, name, version, false, "{}")
}

fn list(shared: &Shared, names: &[&str]) {
    let Ok(()) = shared.change(|store| {
        store.begin_list();
        let mut deltas = Vec::new();
        for name in names {
            deltas.extend(store.list(object(name, "5"), false).expect("fits"));
        }
        for missing in store.missing() {
            deltas.extend(store.vanish(&missing));
        }
        store.commit();
        Ok::<_, Infallible>(deltas)
    });
    shared.tell();
}

#[tokio::test]
async fn subscriber_before_the_first_list_gets_it_as_initial() {
    let shared = shared();
    let recorder = Arc::new(Recorder::default());
    shared.subscribe(recorder.clone()).await;
    assert_eq!(recorder.take(), [""; 0]);

    list(&shared, &["b", "a"]);
    assert_eq!(recorder.take(), ["initial b", "initial a"]);
    assert!(shared.has_synced());

    list(&shared, &["b", "c"]);
    assert_eq!(recorder.take(), ["upsert c", "remove a"]);
}

#[tokio::test]
async fn subscriber_after_the_first_list_gets_the_store_as_initial() {
    let shared = shared();
    list(&shared, &["b", "a"]);
    let recorder = Arc::new(Recorder::default());

    shared.subscribe(recorder.clone()).await;
    let mut told = recorder.take();
    told.sort();
    assert_eq!(told, ["initial a", "initial b"]);

    shared
        .change(|store| store.upsert(object("a", "6")))
        .expect("fits");
    shared
        .change(|store| store.upsert(object("a", "6")))
        .expect("fits");
    shared
        .change(|store| store.remove(object("b", "7")))
        .expect("fits");
    shared.tell();
    assert_eq!(recorder.take(), ["upsert a", "remove b"]);
}

#[tokio::test]
async fn subscriber_that_comes_before_the_others_are_told_misses_and_doubles_nothing() {
    let shared = shared();
    list(&shared, &["a"]);
    let (first, second) = (Arc::new(Recorder::default()), Arc::new(Recorder::default()));
    shared.subscribe(first.clone()).await;
    first.take();

    let changed = shared.change(|store| store.upsert(object("a", "6")));
    changed.expect("fits");
    assert_eq!(first.take(), [""; 0], "it waits for more");
    shared.subscribe(second.clone()).await;
    shared.tell();

    assert_eq!(first.take(), ["upsert a"]);
    assert_eq!(second.take(), ["initial a"]);
}

#[tokio::test]
async fn many_changes_are_told_before_anybody_waits() {
    let shared = shared();
    list(&shared, &[]);
    let recorder = Arc::new(Recorder::default());
    shared.subscribe(recorder.clone()).await;

    for number in 0..TOLD_TOGETHER {
        let changed = shared.change(|store| store.upsert(object(&format!("o{number}"), "6")));
        changed.expect("fits");
    }

    assert_eq!(recorder.take().len(), TOLD_TOGETHER);
}

#[tokio::test]
async fn every_subscriber_is_told_until_it_unsubscribes() {
    let shared = shared();
    let (first, second) = (Arc::new(Recorder::default()), Arc::new(Recorder::default()));
    let subscribed: Arc<dyn Subscriber> = first.clone();
    shared.subscribe(subscribed.clone()).await;
    shared.subscribe(second.clone()).await;
    list(&shared, &["a"]);

    shared.unsubscribe(&subscribed);
    list(&shared, &[]);

    assert_eq!(first.take(), ["initial a"]);
    assert_eq!(second.take(), ["initial a", "remove a"]);
}

#[tokio::test]
async fn store_is_changed_before_its_subscribers_are_told_and_synced_after() {
    let shared = Arc::new(shared());
    let synced = tokio::spawn({
        let shared = shared.clone();
        async move { shared.synced().await }
    });
    assert!(!shared.has_synced());

    list(&shared, &["a"]);

    synced.await.expect("no panic");
    assert!(shared.get("a").is_some());
}

#[test]
fn equal_requests_share_one_informer() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let _entered = runtime.enter();
    let informers = crate::Informers::new(shared().client);
    let web = || Filter::default().namespace("web");

    let one = informers.informer::<Pod>(web());
    let same = informers.informer::<Pod>(web().labels(""));
    let other = informers.informer::<Pod>(Filter::default());
    let metadata = informers.informer::<kube::core::PartialObjectMeta<Pod>>(web());

    assert!(Arc::ptr_eq(one.shared(), same.shared()));
    assert!(!Arc::ptr_eq(one.shared(), other.shared()));
    assert!(!Arc::ptr_eq(one.shared(), metadata.shared()));
}

#[tokio::test]
async fn failure_is_remembered_until_something_succeeds() {
    let shared = shared();
    assert_eq!(shared.last_error(), None);

    shared.failed("list", &Failure::CutList);
    assert!(
        shared
            .last_error()
            .is_some_and(|error| error.starts_with("cannot list pods: "))
    );
    shared.recovered();

    assert_eq!(shared.last_error(), None);
}

#[tokio::test]
async fn impossible_request_is_an_error_from_the_start() {
    let filter = Filter::default().namespace("Not A Namespace");
    let shared = of(shared().client, filter);

    assert!(shared.invalid().is_some());
    assert_eq!(shared.last_error(), shared.invalid());
}
