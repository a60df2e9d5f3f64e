use std::convert::Infallible;

use super::*;

/// Keeps what it is given, as text.
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
        let mut seen = self.0.lock();
        seen.extend(deltas.iter().map(text));
    }
}

fn cache() -> Cache {
    Cache::new(Vec::new(), Arc::default())
}

fn object(name: &str, version: &str) -> Stored {
    Stored::of(name, name, version, false, "{}")
}

fn list(cache: &Cache, names: &[&str]) {
    let Ok(()) = cache.change(|store| {
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
    cache.deliver();
}

#[tokio::test]
async fn subscriber_before_the_first_list_gets_it_as_initial() {
    let cache = cache();
    let recorder = Arc::new(Recorder::default());
    cache.subscribe(recorder.clone()).await;
    assert_eq!(recorder.take(), [""; 0]);

    list(&cache, &["b", "a"]);
    assert_eq!(recorder.take(), ["initial b", "initial a"]);
    assert!(cache.has_synced());

    list(&cache, &["b", "c"]);
    assert_eq!(recorder.take(), ["upsert c", "remove a"]);
}

#[tokio::test]
async fn subscriber_after_the_first_list_gets_the_store_as_initial() {
    let cache = cache();
    list(&cache, &["b", "a"]);
    let recorder = Arc::new(Recorder::default());

    cache.subscribe(recorder.clone()).await;
    let mut seen = recorder.take();
    seen.sort();
    assert_eq!(seen, ["initial a", "initial b"]);

    cache
        .change(|store| store.upsert(object("a", "6")))
        .expect("fits");
    cache
        .change(|store| store.upsert(object("a", "6")))
        .expect("fits");
    cache
        .change(|store| store.remove(object("b", "7")))
        .expect("fits");
    cache.deliver();
    assert_eq!(recorder.take(), ["upsert a", "remove b"]);
}

#[tokio::test]
async fn subscriber_that_comes_before_others_hear_of_changes_misses_and_doubles_nothing() {
    let cache = cache();
    list(&cache, &["a"]);
    let (first, second) = (Arc::new(Recorder::default()), Arc::new(Recorder::default()));
    cache.subscribe(first.clone()).await;
    first.take();

    let changed = cache.change(|store| store.upsert(object("a", "6")));
    changed.expect("fits");
    assert_eq!(first.take(), [""; 0], "it waits for more");
    cache.subscribe(second.clone()).await;
    cache.deliver();

    assert_eq!(first.take(), ["upsert a"]);
    assert_eq!(second.take(), ["initial a"]);
}

#[tokio::test]
async fn many_changes_are_delivered_before_anybody_waits() {
    let cache = cache();
    list(&cache, &[]);
    let recorder = Arc::new(Recorder::default());
    cache.subscribe(recorder.clone()).await;

    for number in 0..BATCH {
        let changed = cache.change(|store| store.upsert(object(&format!("o{number}"), "6")));
        changed.expect("fits");
    }

    assert_eq!(recorder.take().len(), BATCH);
}

#[tokio::test]
async fn every_subscriber_hears_of_changes_until_it_unsubscribes() {
    let cache = cache();
    let (first, second) = (Arc::new(Recorder::default()), Arc::new(Recorder::default()));
    let subscribed: Arc<dyn Subscriber> = first.clone();
    cache.subscribe(subscribed.clone()).await;
    cache.subscribe(second.clone()).await;
    list(&cache, &["a"]);

    cache.unsubscribe(&subscribed);
    list(&cache, &[]);

    assert_eq!(first.take(), ["initial a"]);
    assert_eq!(second.take(), ["initial a", "remove a"]);
}

#[tokio::test]
async fn store_is_changed_before_its_subscribers_hear_of_it_and_synced_after() {
    let cache = Arc::new(cache());
    let synced = tokio::spawn({
        let cache = cache.clone();
        async move { cache.synced().await }
    });
    assert!(!cache.has_synced());

    list(&cache, &["a"]);

    synced.await.expect("no panic");
    assert!(cache.get("a").is_some());
}
