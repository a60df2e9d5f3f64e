//! The event loop: what it refuses, what handlers share, and what its handle shows.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use kubehandler::{
    Callbacks, DefaultHandler, EventHandler, EventLoop, EventType, Filter, HandlerState, Informer,
    Informers, Retry, RunError, Settings,
    k8s::{ConfigMap, Node, Pod},
    kube::core::{ApiResource, DynamicObject, PartialObjectMeta},
    prelude::{Action, Event},
};
use kubehandler_tests::{
    pod,
    recorder::{Does, Log, Recorder},
    scripted::{Asked, Reply, ScriptedServer},
};
use serde_json::json;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

const MOMENT: Duration = Duration::from_secs(10);

fn start(server: &ScriptedServer, event_loop: EventLoop) -> JoinHandle<Result<(), RunError>> {
    start_until(server, event_loop, &CancellationToken::new())
}

fn start_until(
    server: &ScriptedServer,
    event_loop: EventLoop,
    stop: &CancellationToken,
) -> JoinHandle<Result<(), RunError>> {
    tokio::spawn(event_loop.client(server.client()).run_until(stop.clone()))
}

/// Runs a loop that should refuse to start, and returns why.
async fn refusal(event_loop: EventLoop) -> String {
    let server = ScriptedServer::new();
    let error = event_loop
        .client(server.client())
        .run_until(CancellationToken::new())
        .await
        .expect_err("it is refused");
    assert!(
        server.asked().is_empty(),
        "nothing is asked before the checks"
    );
    error.to_string()
}

fn is_of_nodes(asked: &Asked) -> bool {
    asked.path == "/api/v1/nodes"
}

fn pods(name: &str) -> DefaultHandler<Pod> {
    DefaultHandler::new(name)
}

#[tokio::test(start_paused = true)]
async fn loop_without_a_handler_is_refused() {
    let text = refusal(EventLoop::new("empty")).await;

    assert!(text.contains("`empty` has no handler"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn two_handlers_of_one_name_are_refused() {
    let event_loop = EventLoop::new("test").register(pods("pods"));

    let text = refusal(event_loop.register(DefaultHandler::<Node>::new("pods"))).await;

    assert!(text.contains("`pods` is registered twice"), "{text}");
    assert!(
        text.contains("::Pod>` and as `") && text.contains("::Node>`"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn handler_name_that_is_no_dns_label_is_refused() {
    for name in ["", "My_Pods", "-pods", "pods-", &"p".repeat(64)] {
        let text = refusal(EventLoop::new("test").register(pods(name))).await;

        assert!(
            text.contains(&format!("has the name `{name}`, which is not a DNS label")),
            "{text}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn settings_that_contradict_themselves_are_refused() {
    type Configure = fn(Settings<Recorder>) -> Settings<Recorder>;
    let wrong: [(Configure, &str); 5] = [
        (|s| s.timeout(Duration::ZERO), "timeout"),
        (|s| s.resync(Duration::ZERO), "resync"),
        (|s| s.retry(Retry::default().max(0)), "max"),
        (|s| s.retry(Retry::default().base(Duration::ZERO)), "base"),
        (
            |s| s.retry(Retry::default().cap(Duration::from_millis(1))),
            "cap",
        ),
    ];
    for (configure, part) in wrong {
        let handler = Recorder::new("pods", &Log::new()).settings(configure);

        let text = refusal(EventLoop::new("test").register(handler)).await;

        assert!(text.contains("`pods` has invalid settings"), "{text}");
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn namespace_of_a_cluster_scoped_kind_is_refused() {
    let nodes = DefaultHandler::<Node>::new("nodes").filter(Filter::default().namespace("web"));

    let text = refusal(EventLoop::new("test").register(nodes)).await;

    assert!(text.contains("`nodes` has an invalid informer"), "{text}");
    assert!(
        text.contains("web") && text.contains("cluster-scoped"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn handlers_of_equal_filters_share_one_watch() {
    let server = ScriptedServer::new();
    let web = || Filter::default().labels("app=web");
    let event_loop = EventLoop::new("test")
        .register(pods("one"))
        .register(pods("two"))
        .register(pods("web").filter(web()))
        .register(pods("web-too").filter(web()))
        .register(pods("elsewhere").filter(Filter::default().namespace("elsewhere")));

    let _running = start(&server, event_loop);
    sleep(MOMENT).await;

    assert_eq!(server.asked().len(), 3, "all, app=web, namespace elsewhere");
}

#[tokio::test(start_paused = true)]
async fn informer_that_a_handler_brings_serves_two_loops_and_outlives_one() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let informer: Informer<Pod> = Informer::new(server.client(), Filter::default());
    let handler = |name| Recorder::new(name, &log).informer(informer.clone());
    let first_stop = CancellationToken::new();
    let first = EventLoop::new("first").register(handler("first"));
    let first = start_until(&server, first, &first_stop);
    let _second = start(
        &server,
        EventLoop::new("second").register(handler("second")),
    );
    sleep(MOMENT).await;
    assert_eq!(server.asked().len(), 1, "one list for both");

    first_stop.cancel();
    first.await.expect("no panic").expect("drained");
    server.put(pod("default/b"));
    sleep(Duration::from_secs(60)).await;

    let seen = |name: &str| -> Vec<String> {
        let calls = log
            .started()
            .into_iter()
            .filter(|seen| seen.handler == name);
        calls.map(|seen| seen.object).collect()
    };
    assert_eq!(seen("first"), ["default/a"]);
    assert_eq!(seen("second"), ["default/a", "default/b"]);
}

/// A handler of kinds that are not known before the program runs.
struct Dynamic {
    kind: ApiResource,
    seen: Arc<Mutex<Vec<String>>>,
}

impl EventHandler for Dynamic {
    type Resource = DynamicObject;

    fn name(&self) -> Cow<'_, str> {
        "dynamic".into()
    }

    fn informer(&self, informers: &Informers) -> Informer<DynamicObject> {
        informers.informer_with_type(&self.kind, Filter::default())
    }
}

impl Callbacks for Dynamic {
    async fn reconcile(&self, ev: Event<Self>) -> kubehandler::Result<Action> {
        let object = ev.object()?;
        let kind = object.types.as_ref().map(|types| types.kind.clone());
        let line = format!("{:?} {} {}", kind, ev.key(), object.data["spec"]["zone"]);
        self.seen.lock().expect("not poisoned").push(line);
        Ok(Action::DONE)
    }
}

#[tokio::test(start_paused = true)]
async fn kind_known_at_run_time_is_handled() {
    let server = ScriptedServer::new();
    server.put(json!({
        "apiVersion": "demo.dev/v1",
        "kind": "Site",
        "metadata": {"namespace": "web", "name": "home"},
        "spec": {"zone": "a"},
    }));
    let sites = ApiResource {
        group: "demo.dev".to_owned(),
        version: "v1".to_owned(),
        api_version: "demo.dev/v1".to_owned(),
        kind: "Site".to_owned(),
        plural: "sites".to_owned(),
    };
    let seen = Arc::default();
    let handler = Dynamic {
        kind: sites.clone(),
        seen: Arc::clone(&seen),
    };
    let event_loop = EventLoop::new("test")
        .register(handler)
        .register(DefaultHandler::<DynamicObject>::with_type("sites", sites));
    let handle = event_loop.handle();

    let _running = start(&server, event_loop);
    sleep(MOMENT).await;

    assert_eq!(handle.informers().len(), 1, "shared by both handlers");
    assert_eq!(
        *seen.lock().expect("not poisoned"),
        [r#"Some("Site") web/home "a""#]
    );
}

#[tokio::test(start_paused = true)]
async fn kind_known_at_run_time_without_a_plural_is_refused() {
    let mut kind = ApiResource::erase::<Pod>(&());
    kind.plural = String::new();

    let handler = DefaultHandler::<DynamicObject>::with_type("things", kind);
    let text = refusal(EventLoop::new("test").register(handler)).await;

    assert_eq!(
        text,
        "handler `things` has an invalid informer: `` in `v1` is no kind: an `ApiResource` has an \
         `api_version`, such as `apps/v1`, and a `plural`, such as `deployments`"
    );
}

#[tokio::test(start_paused = true)]
async fn metadata_only_asks_for_metadata_only() {
    let server = ScriptedServer::new();
    server.put(pod("default/a"));
    let handler = DefaultHandler::<PartialObjectMeta<Pod>>::new("metadata");

    let _running = start(&server, EventLoop::new("test").register(handler));
    sleep(MOMENT).await;

    let asked = server.asked();
    assert_eq!(asked[0].path, "/api/v1/pods");
    let accept = asked[0].headers["accept"].to_str().expect("text");
    assert!(accept.contains("as=PartialObjectMetadata"), "{accept}");
}

#[tokio::test(start_paused = true)]
async fn when_gates_adds_and_updates_and_ends_no_life() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    let is_on = |pod: &Pod| {
        let labels = pod.metadata.labels.as_ref();
        labels.is_some_and(|labels| labels.contains_key("on"))
    };
    let handler = Recorder::new("gated", &log).settings(move |settings| settings.when(is_on));
    let _running = start(&server, EventLoop::new("test").register(handler));
    sleep(MOMENT).await;

    for labels in [
        json!({}),
        json!({"on": "1"}),
        json!({}),
        json!({"on": "2"}),
        json!({}),
    ] {
        let mut pod = pod("default/a");
        pod["metadata"]["labels"] = labels;
        server.put(pod);
        sleep(MOMENT).await;
    }
    server.delete_pod("default/a");
    sleep(MOMENT).await;

    let calls: Vec<_> = log
        .started()
        .into_iter()
        .map(|seen| (seen.event_type, seen.version))
        .collect();
    assert_eq!(
        calls,
        [
            (EventType::Add, "97".to_owned()),
            (EventType::Update, "99".to_owned()),
            (EventType::Delete, "102".to_owned()),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn changed_gates_updates_against_what_was_last_handled() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    let image = |pod: &Pod| {
        pod.spec
            .as_ref()
            .and_then(|spec| spec.containers[0].image.clone())
    };
    let handler = Recorder::new("images", &log)
        .settings(move |settings| settings.changed(move |old, new| image(old) != image(new)));
    let _running = start(&server, EventLoop::new("test").register(handler));
    sleep(MOMENT).await;

    for (image, label) in [("one", "a"), ("one", "b"), ("two", "b"), ("two", "c")] {
        let mut pod = pod("default/a");
        pod["spec"]["containers"][0]["image"] = json!(image);
        pod["metadata"]["labels"] = json!({ "label": label });
        server.put(pod);
        sleep(MOMENT).await;
    }

    let calls = log
        .started()
        .into_iter()
        .map(|seen| (seen.version, seen.old));
    assert_eq!(
        calls.collect::<Vec<_>>(),
        [
            ("96".to_owned(), None),
            ("98".to_owned(), Some("97".to_owned())),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn handle_has_synced_once_each_object_of_the_first_list_was_tried() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/fails"));
    server.put(pod("default/slow"));
    let handler = Recorder::new("pods", &log).does(|seen| match &*seen.object {
        "default/slow" => Does::Take(MOMENT),
        _ => Does::FailFor(10 * MOMENT),
    });
    let event_loop = EventLoop::new("test").register(handler);
    let handle = event_loop.handle();
    assert!(!handle.has_synced() && !handle.is_idle());
    let _running = start(&server, event_loop);

    sleep(MOMENT / 2).await;
    let running: Vec<String> = handle.running().iter().map(ToString::to_string).collect();
    assert_eq!(running, ["add of `default/slow` by `pods`"]);
    assert!(!handle.has_synced(), "one has not ended");
    sleep(MOMENT).await;

    assert!(handle.has_synced(), "one failed, one succeeded");
    assert!(!handle.is_idle(), "one waits for its retry");
}

#[tokio::test(start_paused = true)]
async fn handle_shows_which_handlers_have_synced() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let slow = Recorder::new("slow", &log).does(|_| Does::Take(MOMENT));
    server.fault(usize::MAX, is_of_nodes, Reply::never);
    let event_loop = EventLoop::new("test")
        .register(slow)
        .register(pods("quick"))
        .register(DefaultHandler::<Node>::new("nodes"));
    let handle = event_loop.handle();
    assert!(handle.handlers().is_empty(), "it does not run yet");
    let states = || -> Vec<String> {
        let states = handle.handlers().into_iter();
        let describe = |state: HandlerState| {
            let HandlerState {
                handler,
                informer,
                has_synced,
                ..
            } = state;
            format!("{handler} of {informer}: {has_synced}")
        };
        states.map(describe).collect()
    };
    let _running = start(&server, event_loop);

    sleep(MOMENT / 2).await;
    let early = states();
    sleep(MOMENT).await;
    let late = states();

    assert_eq!(
        early,
        [
            "slow of pods: false",
            "quick of pods: true",
            "nodes of nodes: false"
        ]
    );
    assert_eq!(
        late,
        [
            "slow of pods: true",
            "quick of pods: true",
            "nodes of nodes: false"
        ]
    );
}

/// Notes what it finds in the store of an informer that another handler brings.
struct Placements {
    nodes: Informer<Node>,
    found: Arc<Mutex<Vec<(bool, bool)>>>,
}

impl EventHandler for Placements {
    type Resource = Pod;

    fn name(&self) -> Cow<'_, str> {
        "placements".into()
    }

    fn informer(&self, informers: &Informers) -> Informer<Pod> {
        informers.informer(Filter::default())
    }
}

impl Callbacks for Placements {
    async fn reconcile(&self, _: Event<Self>) -> kubehandler::Result<Action> {
        let has_synced = self.nodes.has_synced();
        let node = self.nodes.get(&"a".parse()?)?;
        let found = (has_synced, node.is_some());
        self.found.lock().expect("not poisoned").push(found);
        if has_synced {
            Ok(Action::DONE)
        } else {
            Ok(Action::requeue_after(MOMENT))
        }
    }
}

#[tokio::test(start_paused = true)]
async fn callback_sees_whether_the_informer_of_another_handler_has_synced() {
    let server = ScriptedServer::new();
    server.put(pod("default/a"));
    server.put(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}}));
    server.fault(1, is_of_nodes, || Reply::code(503));
    let nodes = Informer::<Node>::new(server.client(), Filter::default());
    let found = Arc::default();
    let event_loop = EventLoop::new("test")
        .register(DefaultHandler::<Node>::new("nodes").with_informer(nodes.clone()))
        .register(Placements {
            nodes,
            found: Arc::clone(&found),
        });

    let _running = start(&server, event_loop);
    sleep(100 * MOMENT).await;

    let found = found.lock().expect("not poisoned");
    assert_eq!(*found, [(false, false), (true, true)]);
}

#[tokio::test(start_paused = true)]
async fn requeue_that_is_not_due_leaves_the_loop_idle() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let handler = Recorder::new("pods", &log).does(|_| Does::Requeue(100 * MOMENT));
    let event_loop = EventLoop::new("test").register(handler);
    let handle = event_loop.handle();
    let _running = start(&server, event_loop);

    assert!(handle.idle().await);

    assert_eq!(log.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn waiting_on_a_handle_ends_with_the_loop() {
    let event_loop = EventLoop::new("empty");
    let handle = event_loop.handle();
    let waiting = tokio::spawn(async move { (handle.synced().await, handle.idle().await) });
    sleep(MOMENT).await;

    refusal(event_loop).await;

    assert_eq!(waiting.await.expect("no panic"), (false, false));
}

#[tokio::test(start_paused = true)]
async fn handle_keeps_no_handler_alive_after_its_loop() {
    let (server, stop) = (ScriptedServer::new(), CancellationToken::new());
    let owned = Arc::new(());
    let held = Arc::clone(&owned);
    let handler = Recorder::new("pods", &Log::new()).does(move |_| {
        let _ = &held;
        Does::Succeed
    });
    let event_loop = EventLoop::new("test").register(handler);
    let handle = event_loop.handle();
    let running = start_until(&server, event_loop, &stop);
    assert!(handle.synced().await);

    stop.cancel();
    running.await.expect("no panic").expect("drained");

    assert_eq!(Arc::strong_count(&owned), 1);
    assert!(!handle.is_idle(), "there is no loop any more");
}

#[tokio::test(start_paused = true)]
async fn workers_bound_the_callbacks_of_each_handler_alone() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    for number in 0..30 {
        server.put(pod(&format!("default/p{number}")));
    }
    let slow = |name| Recorder::new(name, &log).does(|_| Does::Take(MOMENT));
    let three = slow("three").settings(|settings| settings.workers(3));
    let event_loop = EventLoop::new("test")
        .register(slow("default"))
        .register(three);
    let _running = start(&server, event_loop);

    sleep(MOMENT / 2).await;

    let mut running: BTreeMap<String, usize> = BTreeMap::new();
    for seen in log.started() {
        *running.entry(seen.handler).or_default() += 1;
    }
    assert_eq!(running["default"], 16);
    assert_eq!(running["three"], 3);
}

#[tokio::test]
async fn kubeconfig_that_cannot_be_used_is_the_cause() {
    let event_loop = EventLoop::new("test")
        .register(DefaultHandler::<ConfigMap>::new("maps"))
        .config_from(async { Err::<kubehandler::kube::Config, _>("no such context `prod`") });

    let error = event_loop.run_until(CancellationToken::new()).await;

    let error = error.expect_err("there is no configuration");
    let cause = std::error::Error::source(&error)
        .expect("a cause")
        .to_string();
    assert_eq!(cause, "no such context `prod`");
}

/// Only that it compiles: an event loop can be run from any task.
#[test]
fn running_a_loop_is_a_task_of_its_own() {
    fn is_send<T: Send>(_: &T) {}

    is_send(&EventLoop::new("test").run());
}

#[tokio::test(start_paused = true)]
async fn informer_that_may_list_but_not_watch_ends_the_loop_at_the_sync_timeout() {
    let (server, log) = (ScriptedServer::with_three_pods(), Log::new());
    server.fault(
        usize::MAX,
        |asked: &Asked| !asked.is_list(),
        || Reply::status(403, "Forbidden"),
    );
    let event_loop = EventLoop::new("test")
        .client(server.client())
        .register(Recorder::new("pods", &log));
    let started = Instant::now();

    let error = event_loop.run_until(CancellationToken::new()).await;

    let error = error.expect_err("it cannot watch").to_string();
    assert_eq!(started.elapsed().as_secs(), 120);
    for part in ["cannot watch pods", "403", "`watch`", "grant"] {
        assert!(error.contains(part), "`{part}` is missing: {error}");
    }
    assert_eq!(log.calls().len(), 3, "what could be listed was handled");
}

#[tokio::test(start_paused = true)]
async fn informer_that_cannot_watch_any_more_is_not_healthy() {
    let (server, log) = (ScriptedServer::with_three_pods(), Log::new());
    let event_loop = EventLoop::new("test")
        .client(server.client())
        .register(Recorder::new("pods", &log));
    let handle = event_loop.handle();
    let stop = CancellationToken::new();
    let task = tokio::spawn(event_loop.run_until(stop.clone()));
    handle.synced().await;
    assert!(handle.informers()[0].is_healthy);
    assert_eq!(handle.informers()[0].unwatched_for, None);
    server.fault(
        usize::MAX,
        |asked: &Asked| !asked.is_list(),
        || Reply::status(403, "Forbidden"),
    );
    server.close_watches();

    sleep(Duration::from_secs(600)).await;

    let state = handle.informers().remove(0);
    assert!(
        state.has_synced && !state.is_watching && !state.is_healthy,
        "{state:?}"
    );
    assert!(
        state.unwatched_for > Some(Duration::from_secs(590)),
        "{state:?}"
    );
    let error = state.last_error.expect("it is known");
    assert!(
        error.contains("cannot watch pods") && error.contains("grant"),
        "{error}"
    );

    server.be_honest();
    sleep(Duration::from_secs(60)).await;
    let state = handle.informers().remove(0);
    assert!(state.is_watching && state.is_healthy, "{state:?}");
    assert_eq!((state.unwatched_for, state.last_error), (None, None));
    stop.cancel();
    task.await.expect("no panic").expect("it ends well");
}
