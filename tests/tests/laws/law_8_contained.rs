use std::{
    borrow::Cow,
    fmt, io,
    sync::{Arc, Mutex},
};

use kubehandler::{
    Action, Callbacks, DefaultHandler, Event, EventHandler, EventType, Filter, Informer,
    InformerOptions, Informers, Resource, Result, RunError,
    k8s::{Pod, Service},
    kube::{
        self,
        api::{ApiResource, DynamicObject, NotUsed, Object},
    },
};
use kubehandler_tests::{
    pod,
    recorder::{Does, Log, Recorder},
    scripted::{Reply, ScriptedServer},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{Running, event_loop, millis, revision, seconds, workers};

#[tokio::test(start_paused = true)]
async fn law_8_panic_is_a_failure_of_its_callback() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    server.put(pod("default/b"));
    let handler = Recorder::new("panics", &log).does(|seen| match (&*seen.object, seen.attempt) {
        ("default/a", 0..3) => Does::Panic,
        _ => Does::Succeed,
    });
    // A second worker would hide that the first has ended.
    let event_loop = event_loop().workers(workers(1)).register(handler);
    let running = Running::start(&server, event_loop);

    running.settle().await;

    let succeeded: Vec<_> = log
        .succeeded()
        .into_iter()
        .map(|s| (s.object, s.attempt))
        .collect();
    assert!(
        succeeded.contains(&("default/a".to_owned(), 3)),
        "{succeeded:?}"
    );
    assert!(
        succeeded.contains(&("default/b".to_owned(), 0)),
        "{succeeded:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn law_8_panic_in_a_predicate_is_a_failure_of_its_object() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    server.put(pod("default/b"));
    let handler = Recorder::new("panics", &log).settings(|settings| {
        settings.when(|pod| {
            assert_ne!(pod.metadata.name.as_deref(), Some("a"), "told to panic");
            true
        })
    });
    let event_loop = event_loop().workers(workers(1)).register(handler);
    let running = Running::start(&server, event_loop);

    sleep(seconds(10)).await;

    assert_eq!(log.calls(), ["add default/b@97"]);
    assert!(!running.handle.is_idle(), "the other waits for its retry");
}

#[tokio::test(start_paused = true)]
async fn law_8_timeout_is_a_failure_of_its_callback() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let handler = Recorder::new("slow", &log)
        .does(|seen| match seen.attempt {
            0 => Does::Hang,
            _ => Does::Succeed,
        })
        .settings(|settings| settings.timeout(seconds(30)));
    let running = Running::start(&server, event_loop().register(handler));

    running.settle().await;

    let calls = log.started();
    assert_eq!(calls.len(), 2);
    let gap = calls[1].at.saturating_sub(calls[0].at);
    assert_eq!(gap, seconds(30) + millis(5));
    assert_eq!(log.succeeded().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn law_8_object_that_does_not_decode_fails_its_own_callbacks_only() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/good"));
    let mut bad = pod("default/bad");
    bad["spec"]["containers"] = json!("not a list");
    server.put(bad);
    let handler = Recorder::new("decodes", &log).does(|_| Does::Decode);
    let running = Running::start(&server, event_loop().register(handler));
    running.settle().await;

    // Callbacks that only use the key still run, once per version; deletes too.
    server.delete_pod("default/bad");
    running.settle().await;

    let of_bad = log
        .started()
        .into_iter()
        .filter(|seen| seen.object == "default/bad");
    let kinds: Vec<EventType> = of_bad.map(|seen| seen.event_type).collect();
    assert_eq!(kinds, [EventType::Add, EventType::Delete]);
    let succeeded = log.succeeded();
    assert_eq!(succeeded.len(), 1, "{succeeded:?}");
    assert_eq!(succeeded[0].object, "default/good");
}

#[tokio::test(start_paused = true)]
async fn law_8_hung_handler_delays_no_other() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    for number in 0..100 {
        server.put(pod(&format!("default/p{number}")));
    }
    let hung = Recorder::new("hung", &log).does(|_| Does::Hang);
    let event_loop = event_loop()
        .register(hung)
        .register(Recorder::new("well", &log));
    let _running = Running::start(&server, event_loop);
    sleep(seconds(1)).await;
    server.put(revision("default/p7", 1));
    sleep(seconds(1)).await;

    let well = log
        .succeeded()
        .into_iter()
        .filter(|seen| seen.handler == "well");
    assert_eq!(well.count(), 101);
}

#[tokio::test(start_paused = true)]
async fn law_8_informers_that_cannot_sync_are_all_named_with_their_causes() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    server.rule(|asked, _| {
        let forbidden = asked.path == "/api/v1/services";
        forbidden.then(|| Reply::status(403, "Forbidden"))
    });
    server.rule(|asked, _| {
        let silent = asked.path.contains("/namespaces/silent/");
        silent.then(Reply::never)
    });
    let event_loop = event_loop()
        .register(Recorder::new("pods", &log))
        .register(DefaultHandler::<Service>::new("services"))
        .register(Recorder::new("silent", &log).filter(Filter::default().namespace("silent")));
    let running = Running::start(&server, event_loop);

    let error = running
        .task
        .await
        .expect("no panic")
        .expect_err("not synced");

    let RunError::NotSynced(unsynced) = &error else {
        panic!("{error}");
    };
    assert_eq!(unsynced.len(), 2, "{error}");
    let text = error.to_string();
    for part in ["services", "list", "watch", "silent"] {
        assert!(text.contains(part), "`{part}` is missing: {text}");
    }
    assert_eq!(log.succeeded().len(), 1, "the handler that could sync ran");
}

/// Fails for the pod `bad`, at first, with an error that cannot be printed.
struct Unprintable {
    called: Arc<Mutex<Vec<String>>>,
}

impl EventHandler for Unprintable {
    type Resource = Pod;

    fn name(&self) -> Cow<'_, str> {
        "unprintable".into()
    }

    fn informer(&self, informers: &Informers) -> Informer<Pod> {
        informers.informer(Filter::default())
    }
}

impl Callbacks for Unprintable {
    async fn on_add(&self, ev: Event<Self>) -> Result<Action> {
        let mut called = self.called.lock().expect("not poisoned");
        called.push(ev.name().to_owned());
        if ev.name() == "bad" && ev.attempt() == 0 {
            return Err(Bomb.into());
        }
        Ok(Action::DONE)
    }
}

#[derive(Debug)]
struct Bomb;

impl fmt::Display for Bomb {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("told to panic")
    }
}

impl std::error::Error for Bomb {}

#[tokio::test(start_paused = true)]
async fn law_8_error_that_panics_when_it_is_printed_costs_no_worker() {
    // Somebody must want to print it.
    let _ = tracing_subscriber::fmt().with_writer(io::sink).try_init();
    let server = ScriptedServer::new();
    server.put(pod("default/bad"));
    server.put(pod("default/good"));
    let called = Arc::default();
    let handler = Unprintable {
        called: Arc::clone(&called),
    };
    let event_loop = event_loop().workers(workers(1)).register(handler);
    let running = Running::start(&server, event_loop);

    running.settle().await;

    let called = called.lock().expect("not poisoned").clone();
    assert_eq!(called, ["bad", "good", "bad"]);
}

/// A subscriber that panics at each event, as one does that cannot write its log.
struct LogPanics;

impl tracing::Subscriber for LogPanics {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let is_ours = event.metadata().target().starts_with("kubehandler");
        assert!(!is_ours, "told to panic");
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test(start_paused = true)]
async fn law_8_log_that_panics_ends_neither_worker_nor_informer_nor_loop() {
    let _logs = tracing::subscriber::set_default(LogPanics);
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/bad"));
    server.put(pod("default/good"));
    let handler = Recorder::new("pods", &log)
        .does(|seen| match (&*seen.object, seen.attempt) {
            ("default/bad", 0) => Does::Fail,
            _ => Does::Succeed,
        })
        .settings(|settings| settings.when(|pod| pod.metadata.name.as_deref() != Some("dropped")));
    let running = Running::start(&server, event_loop().workers(workers(1)).register(handler));
    running.settle().await;
    server.put(pod("default/dropped"));
    server.close_watches();
    server.put(pod("default/later"));

    running.settle().await;
    let result = running.stop().await;

    assert!(result.is_ok(), "{result:?}");
    let succeeded = log.succeeded().into_iter().map(|seen| seen.object);
    let succeeded: Vec<String> = succeeded.collect();
    assert_eq!(succeeded, ["default/good", "default/bad", "default/later"]);
}

/// Calls code that blocks, and that panics at the first attempt.
struct Blocks {
    called: Arc<Mutex<Vec<String>>>,
}

impl EventHandler for Blocks {
    type Resource = Pod;

    fn name(&self) -> Cow<'_, str> {
        "blocks".into()
    }

    fn informer(&self, informers: &Informers) -> Informer<Pod> {
        informers.informer(Filter::default())
    }
}

impl Callbacks for Blocks {
    async fn on_add(&self, ev: Event<Self>) -> Result<Action> {
        let (called, event) = (Arc::clone(&self.called), ev.clone());
        let length = ev
            .blocking(move || {
                assert_ne!(event.attempt(), 0, "told to panic");
                called
                    .lock()
                    .expect("not poisoned")
                    .push(event.name().to_owned());
                event.name().len()
            })
            .await?;
        assert_eq!(length, ev.name().len());
        Ok(Action::DONE)
    }
}

#[tokio::test(start_paused = true)]
async fn law_8_panic_of_code_that_may_block_is_a_failure_of_its_callback() {
    let server = ScriptedServer::new();
    server.put(pod("default/a"));
    let called = Arc::default();
    let handler = Blocks {
        called: Arc::clone(&called),
    };
    let running = Running::start(&server, event_loop().register(handler));

    running.settle().await;

    assert_eq!(*called.lock().expect("not poisoned"), ["a"]);
}

/// A handler that reads each object, and notes what came of it.
struct Reads<K: Resource> {
    informer: Informer<K>,
    read: Arc<Mutex<Vec<String>>>,
}

impl<K: Resource> EventHandler for Reads<K> {
    type Resource = K;

    fn name(&self) -> Cow<'_, str> {
        "reads".into()
    }

    fn informer(&self, _: &Informers) -> Informer<K> {
        self.informer.clone()
    }
}

impl<K: Resource> Callbacks for Reads<K> {
    async fn reconcile(&self, ev: Event<Self>) -> Result<Action> {
        let object = ev.object();
        let read = match &object {
            Ok(_) => format!("{}: read", ev.name()),
            Err(error) => format!("{}: {error}", ev.name()),
        };
        self.read.lock().expect("not poisoned").push(read);
        object.map(|_| Action::DONE)
    }
}

/// A list of pods with these objects in `spec.x`, and what came of reading each.
async fn read_with<K>(list: String) -> Vec<String>
where
    K: Resource + kube::Resource<DynamicType = ApiResource>,
{
    let server = ScriptedServer::new();
    server.refuse_streaming();
    server.rule(move |asked, _| asked.is_list().then(|| Reply::stream().text(&list)));
    let options = InformerOptions::default().without("spec.x.unused");
    let kind = ApiResource::erase::<Pod>(&());
    let informer = Informer::<K>::with_options(server.client(), &kind, Filter::default(), options);
    let read = Arc::default();
    let handler = Reads {
        informer,
        read: Arc::clone(&read),
    };
    let running = Running::start(&server, event_loop().register(handler));

    running.settle().await;

    let mut read = read.lock().expect("not poisoned").clone();
    read.sort_unstable();
    read
}

#[derive(Clone, Debug, Deserialize)]
struct Spec {
    #[expect(dead_code, reason = "it is only decoded")]
    x: Value,
}

/// A list of objects, each with what its `spec.x` is.
fn list_of(specs: &[(&str, String)]) -> String {
    let object = |(name, x): &(&str, String)| {
        format!(
            r#"{{"metadata":{{"name":"{name}","namespace":"default","uid":"{name}","resourceVersion":"7"}},"spec":{{"x":{x}}}}}"#
        )
    };
    let items: Vec<String> = specs.iter().map(object).collect();
    format!(
        r#"{{"metadata":{{"resourceVersion":"9"}},"items":[{}]}}"#,
        items.join(",")
    )
}

fn nested(open: &str, depth: usize, close: &str) -> String {
    format!("{}1{}", open.repeat(depth), close.repeat(depth))
}

#[tokio::test(start_paused = true)]
async fn law_8_deeply_nested_object_is_handed_to_its_handler() {
    let list = list_of(&[
        ("arrays", nested("[", 700, "]")),
        ("mixed", nested("{\"a\":[", 300, "]}")),
        ("objects", nested("{\"a\":", 200, "}")),
    ]);

    for read in [
        read_with::<DynamicObject>(list.clone()).await,
        read_with::<Object<Spec, NotUsed>>(list).await,
    ] {
        assert_eq!(read, ["arrays: read", "mixed: read", "objects: read"]);
    }
}

#[tokio::test(start_paused = true)]
async fn law_8_object_nested_too_deep_fails_alone_and_in_few_words() {
    let list = list_of(&[
        ("arrays", nested("[", 200_000, "]")),
        ("flat", "1".to_owned()),
        (
            "objects",
            nested("{\"unused\":1,\"a-long-name\":", 10_000, "}"),
        ),
    ]);

    let read = read_with::<DynamicObject>(list).await;

    assert_eq!(read.len(), 3);
    assert_eq!(read[1], "flat: read");
    for (failed, depth) in [(&read[0], "200002"), (&read[2], "10002")] {
        assert!(
            failed.contains(&format!("nested {depth} levels deep")),
            "{failed}"
        );
        assert!(failed.contains("768"), "{failed}");
        assert!(failed.len() < 200, "{failed}");
    }
}

#[tokio::test(start_paused = true)]
async fn law_8_metadata_nested_without_end_is_no_overflow() {
    let deep = nested("[", 200_000, "]");
    let good = list_of(&[("good", "1".to_owned())]);
    let bad =
        format!(r#""items":[{{"metadata":{deep}}},{{"metadata":{{"name":"a","labels":{deep}}}}},"#);
    let list = good.replace("\"items\":[", &bad);

    let read = read_with::<DynamicObject>(list).await;

    assert_eq!(read.len(), 2, "{read:.200?}");
    assert!(
        read[0].starts_with("a: ") && read[0].contains("768"),
        "{read:.200?}"
    );
    assert_eq!(read[1], "good: read");
}

/// serde refuses both, and Go's decoder reads them.
#[tokio::test(start_paused = true)]
async fn law_8_text_that_go_reads_is_handed_to_its_handler() {
    let surrogate = r#""\ud800""#.to_owned();
    let twice = r#"1},"spec":{"x":2,"x":3"#.to_owned();
    let metadata = r#"1},"metadata":{"labels":{"a":"b"}},"other":{"x":2"#.to_owned();
    let list = list_of(&[
        ("metadata", metadata),
        ("surrogate", surrogate),
        ("twice", twice),
    ]);

    for read in [
        read_with::<DynamicObject>(list.clone()).await,
        read_with::<Object<Spec, NotUsed>>(list).await,
    ] {
        assert_eq!(read, ["metadata: read", "surrogate: read", "twice: read"]);
    }
}
