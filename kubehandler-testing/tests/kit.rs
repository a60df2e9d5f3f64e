//! What a test sees through the kit, and when it is idle.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use kubehandler::kube::{
    api::{Api, Patch, PatchParams},
    core::{ApiResource, DynamicObject, GroupVersionKind},
};
use kubehandler::{
    Action, Callbacks, DefaultHandler, Event, EventHandler, EventLoop, RunError, k8s::ConfigMap,
    prelude::*, serde_json::json,
};
use kubehandler_apiserver::{Fault, Verb, When};
use kubehandler_testing::{NotIdle, TestKit};
use tokio::time::{Instant, sleep};

/// Writes `seen: "yes"` into each map, after as many failures as it is made with.
#[derive(EventHandler)]
#[handler(resource = ConfigMap)]
struct Marker {
    failures: AtomicU32,
    requeue: Option<Duration>,
}

impl Marker {
    fn new() -> Self {
        Self::failing(0)
    }

    fn failing(failures: u32) -> Self {
        Self {
            failures: AtomicU32::new(failures),
            requeue: None,
        }
    }
}

impl Callbacks for Marker {
    async fn reconcile(&self, ev: Event<Self>) -> Result<Action> {
        let left = self.failures.load(Ordering::Relaxed);
        if left > 0 {
            self.failures.store(left - 1, Ordering::Relaxed);
            return Err("told to fail".into());
        }
        let namespace = ev.namespace().unwrap_or_default();
        let maps: Api<ConfigMap> = Api::namespaced(ev.client().clone(), namespace);
        let patch = Patch::Merge(json!({"data": {"seen": "yes"}}));
        maps.patch(ev.name(), &PatchParams::default(), &patch)
            .await?;
        Ok(Action::default()).map(|done| self.requeue.map_or(done, Action::requeue_after))
    }
}

async fn kit_with(names: &[&str]) -> TestKit {
    let kit = TestKit::new();
    for name in names {
        load(&kit, name).await;
    }
    kit
}

async fn load(kit: &TestKit, name: &str) {
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
    kit.load(&map.to_string()).await.expect("loaded");
}

fn with(handler: Marker) -> EventLoop {
    EventLoop::new("test").register(handler)
}

async fn is_seen(kit: &TestKit, key: &str) -> bool {
    let map: ConfigMap = kit.get(key).await.expect("there");
    map.data.is_some_and(|data| data["seen"] == "yes")
}

#[tokio::test(start_paused = true)]
async fn calls_requests_and_objects_show_what_a_handler_did() {
    let kit = kit_with(&["a"]).await;

    let run = kit.run(with(Marker::new()));
    run.idle().await.expect("idle");
    load(&kit, "b").await;
    run.idle().await.expect("idle");
    kit.delete::<ConfigMap>("default/a").await.expect("deleted");
    run.idle().await.expect("idle");

    assert!(is_seen(&kit, "default/b").await);
    assert!(
        kit.find::<ConfigMap>("default/a")
            .await
            .expect("asked")
            .is_none()
    );
    assert_eq!(
        run.calls_of("marker"),
        [
            "add default/a",
            "update default/a",
            "add default/b",
            "update default/b",
            "delete default/a"
        ]
    );
    let requests = run.requests().of_resource("configmaps");
    assert_eq!(requests.clone().writes().len(), 4);
    assert_eq!(requests.clone().of_verb(Verb::Patch).of_name("b").len(), 2);
    assert!(requests.refused().is_empty());
    run.stop().await.expect("drained");
}

/// Handles objects of a kind that it is given.
#[derive(EventHandler)]
#[handler(resource = DynamicObject, api_resource = self.kind, name = self.kind.plural, changed = "spec")]
struct Things {
    kind: ApiResource,
}

impl Callbacks for Things {
    async fn reconcile(&self, ev: Event<Self>) -> Result<Action> {
        match ev.object()?.data["spec"]["zone"].as_str() {
            Some(_) => Ok(Action::DONE),
            None => kubehandler::bail_terminal!("`{}` has no zone", ev.key()),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn kinds_known_at_run_time_are_handled_by_values_of_one_struct() {
    let kit = TestKit::new();
    kit.load(include_str!("sites.yaml")).await.expect("loaded");
    load(&kit, "a").await;
    let sites = ApiResource::from_gvk(&GroupVersionKind::gvk("demo.dev", "v1", "Site"));
    let maps = ApiResource::erase::<ConfigMap>(&());
    let event_loop = EventLoop::new("test")
        .register(Things {
            kind: sites.clone(),
        })
        .register(Things { kind: maps })
        .register(DefaultHandler::<DynamicObject>::with_type("copy", sites));

    let run = kit.run(event_loop);
    run.idle().await.expect("idle");
    let api: Api<DynamicObject> = Api::namespaced_with(
        kit.client(),
        "default",
        &ApiResource::from_gvk(&GroupVersionKind::gvk("demo.dev", "v1", "Site")),
    );
    for change in [
        json!({"metadata": {"labels": {"seen": "yes"}}}),
        json!({"spec": {"zone": "south"}}),
    ] {
        let patch = Patch::Merge(change);
        let patched = api.patch("home", &PatchParams::default(), &patch).await;
        patched.expect("patched");
        run.idle().await.expect("idle");
    }

    assert_eq!(
        run.calls_of("sites"),
        ["add default/home", "update default/home"]
    );
    assert!(run.calls().of("sites").failed().is_empty());
    let of_maps = run.calls().of("configmaps").failed();
    assert_eq!(of_maps[0].error(), Some("`default/a` has no zone"));
    assert_eq!(run.calls_of("copy").len(), 3, "it has no `changed`");
    assert_eq!(run.handle().informers().len(), 2, "one for each kind");
}

#[tokio::test(start_paused = true)]
async fn idle_waits_for_retries_and_takes_no_more_time_than_they_do() {
    let kit = kit_with(&["a"]).await;
    let started = Instant::now();

    let run = kit.run(with(Marker::failing(4)));
    run.idle().await.expect("idle");

    assert_eq!(started.elapsed(), Duration::from_millis(5 + 10 + 20 + 40));
    let failed = run.calls().of("marker").on("default/a").failed();
    assert_eq!(failed.len(), 4);
    assert_eq!(failed[3].attempt, 3);
    assert_eq!(failed[3].error(), Some("told to fail"));
}

#[tokio::test(start_paused = true)]
async fn idle_does_not_wait_for_requeues() {
    let kit = kit_with(&["a"]).await;
    let mut handler = Marker::new();
    handler.requeue = Some(Duration::from_secs(3600));
    let started = Instant::now();

    let run = kit.run(with(handler));
    run.idle().await.expect("idle");
    assert_eq!(started.elapsed(), Duration::ZERO);
    sleep(Duration::from_secs(3601)).await;
    run.idle().await.expect("idle");

    let calls = run.calls();
    let last = calls.last().expect("called");
    assert_eq!(last.at.duration_since(started), Duration::from_secs(3600));
}

#[tokio::test(start_paused = true)]
async fn idle_sees_what_happened_while_the_watch_was_away() {
    let kit = kit_with(&["a"]).await;
    let faults = kit.server().faults();
    let run = kit.run(with(Marker::new()));
    run.idle().await.expect("idle");

    faults.break_watches(&When::any());
    let watches = || When::any().client(run.client_name()).verb(Verb::Watch);
    faults.add(watches().times(2), Fault::Refuse);
    load(&kit, "b").await;
    run.idle().await.expect("idle");

    assert!(is_seen(&kit, "default/b").await);
}

#[tokio::test(start_paused = true)]
async fn idle_counts_a_client_that_lags_as_current_and_what_it_missed_as_due() {
    let kit = kit_with(&["a"]).await;
    let run = kit.run(with(Marker::new()));
    run.idle().await.expect("idle");
    let faults = kit.server().faults();

    faults.freeze_view(run.client_name());
    load(&kit, "b").await;
    run.idle().await.expect("idle");
    assert!(!is_seen(&kit, "default/b").await);
    faults.release_view(run.client_name());
    run.idle().await.expect("idle");

    assert!(is_seen(&kit, "default/b").await);
}

#[tokio::test(start_paused = true)]
async fn every_loop_of_the_kit_is_idle_or_none_is() {
    let kit = kit_with(&["a"]).await;

    let first = kit.run(EventLoop::new("first").register(DefaultHandler::<ConfigMap>::new("none")));
    let second = kit.run(with(Marker::failing(6)));
    first.idle().await.expect("idle");

    assert_eq!(second.calls().succeeded().len(), 2);
    assert_eq!(first.requests().writes().len(), 0);
    second.stop().await.expect("drained");
    first
        .idle()
        .await
        .expect("a loop that was stopped keeps nobody");
}

#[tokio::test(start_paused = true)]
async fn error_names_the_callback_that_always_fails_and_why() {
    let kit = kit_with(&["a"]).await;
    let run = kit.run(with(Marker::failing(u32::MAX)));

    let error = run.idle().await.expect_err("never idle").to_string();

    let start =
        "not idle after 60s:\n- add of `default/a` by `marker`, which failed and is retried in ";
    assert!(error.starts_with(start), "{error}");
    assert!(error.ends_with("; its last error: told to fail"), "{error}");
}

/// Asks for what the server lacks.
#[derive(EventHandler)]
#[handler(resource = ConfigMap)]
struct Patcher;

impl Callbacks for Patcher {
    async fn reconcile(&self, ev: Event<Self>) -> Result<Action> {
        let namespace = ev.namespace().unwrap_or_default();
        let maps: Api<ConfigMap> = Api::namespaced(ev.client().clone(), namespace);
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"seen": "yes"}});
        let params = PatchParams::default();
        let patch = Patch::Strategic(map);
        maps.patch(ev.name(), &params, &patch).await?;
        Ok(Action::DONE)
    }
}

#[tokio::test(start_paused = true)]
async fn error_says_what_the_embedded_server_lacks_and_where_that_is_listed() {
    let kit = kit_with(&["a"]).await;
    let run = kit.run(EventLoop::new("test").register(Patcher));

    let error = run.idle().await.expect_err("never idle").to_string();

    let missing = "its last error: strategic merge patch is not in the embedded server (the \
                   README of kubehandler-apiserver lists all that is missing under `What is not there`): ";
    assert!(error.contains(missing), "{error}");
}

#[tokio::test(start_paused = true)]
async fn error_names_the_watch_that_is_held_back() {
    let kit = kit_with(&["a"]).await;
    let watches = When::any().verb(Verb::Watch).resource("configmaps");
    kit.server().faults().add(watches, Fault::Freeze(2));

    let run = kit.run(with(Marker::new()));
    let error = run.idle().await.expect_err("never idle").to_string();

    assert_eq!(
        error,
        "not idle after 60s:\n- watch `/api/v1/configmaps` by `event-loop-1` has events that its client \
         has not taken, or is held back by a fault"
    );
}

#[tokio::test(start_paused = true)]
async fn error_names_the_informer_that_cannot_list() {
    let kit = TestKit::new().idle_timeout(Duration::from_secs(10));
    let status = Fault::Status {
        code: 403,
        retry_after: None,
    };
    kit.server().faults().add(When::any(), status);

    let run = kit.run(with(Marker::new()));
    let error = run.idle().await.expect_err("never idle").to_string();

    assert!(
        error.contains("- no watch of configmaps is open: cannot list configmaps: status 403"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn idle_fails_with_what_ended_the_loop() {
    let kit = TestKit::new();
    let run = kit.run(EventLoop::new("test"));

    let error = run.idle().await.expect_err("ended");

    let NotIdle::Failed(error) = error else {
        panic!("{error}");
    };
    assert!(matches!(*error, RunError::NoHandler(_)), "{error}");
    assert!(run.stop().await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_holds_on_many_threads() {
    let kit = kit_with(&[]).await;
    let run = kit.run(with(Marker::new()));

    for round in 0..50 {
        for number in 0..4 {
            load(&kit, &format!("m{round}-{number}")).await;
        }
        run.idle().await.expect("idle");
        for number in 0..4 {
            assert!(is_seen(&kit, &format!("default/m{round}-{number}")).await);
        }
    }
}
