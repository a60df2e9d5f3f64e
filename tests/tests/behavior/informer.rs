//! An informer against an honest server: what the store holds, and how it is read.

use std::{sync::Arc, time::Duration};

use kubehandler::{
    Filter, Informer, ObjectKey, Resource,
    k8s::{Node, Pod},
    kube::{
        ResourceExt,
        core::{ApiResource, DynamicObject, PartialObjectMeta},
    },
};
use kubehandler_tests::{
    pod,
    scripted::{Asked, Follower, Reply, ScriptedServer},
};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

fn server_with(count: usize) -> ScriptedServer {
    let server = ScriptedServer::new();
    for number in 0..count {
        server.put(pod(&format!("default/pod-{number:04}")));
    }
    server
}

fn key(text: &str) -> ObjectKey {
    text.parse().expect("a key")
}

/// Runs the informer until its first list.
async fn sync<K: Resource>(informer: &Informer<K>) {
    let running = informer.run(CancellationToken::new());
    timeout(Duration::from_secs(60), async {
        tokio::select! { () = running => {}, () = informer.synced() => {} }
    })
    .await
    .expect("synced");
}

#[tokio::test(start_paused = true)]
async fn store_holds_what_the_server_has_and_follows_it() {
    let server = server_with(3);
    let follower = Follower::start(&server);
    follower.becomes_equal().await;

    server.put(pod("default/new"));
    server.put(pod("default/pod-0001"));
    server.delete_pod("default/pod-0000");

    follower.converges().await;
    assert_eq!(
        follower.keys(),
        ["default/new", "default/pod-0001", "default/pod-0002"]
    );
    assert_eq!(server.count(Asked::is_streaming_list), 1);
    assert_eq!(server.count(Asked::is_list), 0);
}

#[tokio::test(start_paused = true)]
async fn first_request_asks_for_a_consistent_streaming_list() {
    let server = server_with(1);
    let follower = Follower::start(&server);
    follower.synced().await;

    let asked = &server.asked()[0];

    assert_eq!(asked.path, "/api/v1/pods");
    for (name, value) in [
        ("watch", "true"),
        ("sendInitialEvents", "true"),
        ("resourceVersionMatch", "NotOlderThan"),
        ("allowWatchBookmarks", "true"),
        ("resourceVersion", ""),
        // A list may take long: its end is not the server's to set.
        ("timeoutSeconds", "86400"),
    ] {
        assert_eq!(asked.param(name), value, "{name}");
    }
    assert_eq!(asked.headers["accept-encoding"], "identity");
}

#[tokio::test(start_paused = true)]
async fn list_in_pages_takes_every_page_and_no_more() {
    let server = server_with(1201);
    server.fault(1, Asked::is_streaming_list, || {
        Reply::status(422, "Invalid")
    });
    let follower = Follower::start(&server);

    follower.converges().await;

    assert_eq!(follower.informer.len(), 1201);
    let lists: Vec<Asked> = server.asked().into_iter().filter(Asked::is_list).collect();
    assert_eq!(lists.len(), 3);
    assert!(lists.iter().all(|list| list.param("limit") == "500"));
    assert!(
        lists
            .iter()
            .all(|list| !list.query.contains_key("resourceVersion"))
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_has_synced_before_the_last_page() {
    let server = server_with(600);
    server.fault(1, Asked::is_streaming_list, || {
        Reply::status(422, "Invalid")
    });
    server.fault(1, |asked| !asked.param("continue").is_empty(), Reply::never);
    let follower = Follower::start(&server);

    sleep(Duration::from_secs(10)).await;

    assert!(!follower.informer.has_synced());
    assert_eq!(follower.informer.len(), 500, "what has come so far");
    follower.converges().await;
    assert!(follower.informer.has_synced());
}

#[tokio::test(start_paused = true)]
async fn quiet_watch_is_reopened_from_its_last_bookmark() {
    let server = server_with(1);
    let follower = Follower::start(&server);
    follower.synced().await;
    // Of no interest to the informer, but it moves the version, and bookmarks say so.
    server.put(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}}));

    sleep(Duration::from_secs(3600)).await;

    let watches: Vec<Asked> = server.asked().into_iter().filter(Asked::is_watch).collect();
    assert!(
        (11..=13).contains(&watches.len()),
        "{} watches in an hour",
        watches.len()
    );
    assert!(
        watches
            .iter()
            .all(|watch| watch.param("resourceVersion") == "97")
    );
    assert_eq!(server.count(Asked::is_list), 0);
}

#[tokio::test(start_paused = true)]
async fn object_is_decoded_once_while_somebody_holds_it() {
    let server = server_with(1);
    let follower = Follower::start(&server);
    follower.synced().await;
    let get = || {
        follower
            .informer
            .get(&key("default/pod-0000"))
            .expect("a pod")
    };

    let (first, second) = (get().expect("there"), get().expect("there"));

    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(first.name_any(), "pod-0000");
    let other = follower.informer.get(&key("default/other"));
    assert!(other.is_ok_and(|pod| pod.is_none()));
}

#[tokio::test(start_paused = true)]
async fn object_of_another_shape_fails_alone() {
    let server = server_with(1);
    let mut odd = pod("default/odd");
    odd["spec"] = json!("no spec");
    server.put(odd);
    let follower = Follower::start(&server);
    follower.synced().await;

    let error = follower
        .informer
        .get(&key("default/odd"))
        .expect_err("no pod");

    assert!(error.to_string().contains("not a valid `Pod`"), "{error}");
    assert_eq!(follower.keys(), ["default/odd", "default/pod-0000"]);
    assert!(follower.informer.get(&key("default/pod-0000")).is_ok());
    assert_eq!(follower.pods().len(), 1);
    server.delete_pod("default/odd");
    follower.converges().await;
}

#[tokio::test(start_paused = true)]
async fn managed_fields_are_not_kept() {
    let server = ScriptedServer::new();
    let mut managed = pod("default/web");
    managed["metadata"]["managedFields"] = json!([{"manager": "kubectl", "operation": "Update"}]);
    server.put(managed);
    let follower = Follower::start(&server);
    follower.synced().await;

    let web = follower.informer.get(&key("default/web")).expect("a pod");

    let web = web.expect("there");
    assert_eq!(web.metadata.managed_fields, None);
    assert!(web.spec.is_some());
}

#[tokio::test(start_paused = true)]
async fn dynamic_object_knows_its_kind_also_from_a_list() {
    let server = server_with(1);
    server.fault(1, Asked::is_streaming_list, || {
        Reply::status(422, "Invalid")
    });
    let kind = ApiResource::erase::<Pod>(&());
    let informer = Informer::<DynamicObject>::with_type(server.client(), &kind, Filter::default());

    sync(&informer).await;

    let object = informer.get(&key("default/pod-0000")).expect("an object");
    let object = object.expect("there");
    let types = object.types.clone().expect("types");
    assert_eq!(
        (types.api_version.as_str(), types.kind.as_str()),
        ("v1", "Pod")
    );
    assert!(object.data["spec"]["containers"].is_array());
}

#[tokio::test(start_paused = true)]
async fn metadata_only_informer_asks_for_metadata_and_reads_whole_objects_too() {
    let server = server_with(1);
    let informer = Informer::<PartialObjectMeta<Pod>>::new(server.client(), Filter::default());

    sync(&informer).await;

    let accept = server.asked()[0].headers["accept"].clone();
    let accept = accept.to_str().expect("text");
    assert!(
        accept.contains("as=PartialObjectMetadata;g=meta.k8s.io;v=v1"),
        "{accept}"
    );
    let object = informer.get(&key("default/pod-0000")).expect("an object");
    assert_eq!(object.expect("there").name_any(), "pod-0000");
}

#[tokio::test(start_paused = true)]
async fn filter_is_the_server_s_to_apply() {
    let server = server_with(1);
    let filter = Filter::default()
        .namespace("web")
        .labels("app in (a, b)")
        .fields("status.phase=Running");
    let _follower = Follower::start_with(&server, server.client(), filter);

    sleep(Duration::from_secs(1)).await;

    let asked = &server.asked()[0];
    assert_eq!(asked.path, "/api/v1/namespaces/web/pods");
    assert_eq!(asked.param("labelSelector"), "app in (a, b)");
    assert_eq!(asked.param("fieldSelector"), "status.phase=Running");
}

#[tokio::test(start_paused = true)]
async fn object_leaves_and_enters_the_store_with_its_selector() {
    let server = ScriptedServer::new();
    let labelled = |app: &str| {
        let mut web = pod("default/web");
        web["metadata"]["labels"] = json!({"app": app});
        web
    };
    server.put(labelled("a"));
    let filter = Filter::default().labels("app=a");
    let follower = Follower::start_with(&server, server.client(), filter);
    follower.synced().await;
    assert_eq!(follower.keys(), ["default/web"]);

    for (app, keys) in [("b", &[][..]), ("a", &["default/web"][..]), ("b", &[][..])] {
        server.put(labelled(app));
        sleep(Duration::from_secs(1)).await;
        assert_eq!(follower.keys(), keys, "as `{app}`");
    }
    assert_eq!(server.asked().len(), 1, "the watch shows it all");
}

#[tokio::test(start_paused = true)]
async fn namespace_that_cannot_be_is_said_and_never_asked_for() {
    let server = ScriptedServer::new();
    let filter = Filter::default().namespace("web");
    let nodes = Informer::<Node>::new(server.client(), filter);

    let ran = timeout(
        Duration::from_secs(600),
        nodes.run(CancellationToken::new()),
    )
    .await;

    assert!(ran.is_err(), "it waits to be stopped");
    assert!(
        nodes
            .last_error()
            .is_some_and(|error| error.contains("cluster-scoped"))
    );
    assert!(server.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn informer_stops_at_once_whatever_it_waits_for() {
    let waits: [fn() -> Reply; 5] = [
        Reply::never,
        || Reply::stream().hang(),
        || Reply::stream().text("{\"type\":").hang(),
        || Reply::status(503, "Unavailable"),
        || Reply::status(429, "TooManyRequests").header("retry-after", "100"),
    ];
    for wait in waits {
        let server = server_with(1);
        server.fault(usize::MAX, |_| true, wait);
        let follower = Follower::start(&server);
        sleep(Duration::from_secs(5)).await;

        assert_eq!(follower.stops().await, Duration::ZERO);
    }

    let follower = Follower::start(&server_with(1));
    follower.synced().await;
    assert_eq!(follower.stops().await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn second_runner_goes_on_where_the_first_one_stopped() {
    let server = server_with(3);
    let first = Follower::start(&server);
    first.synced().await;
    let informer = first.informer.clone();
    let stop = CancellationToken::new();
    let second = tokio::spawn({
        let (informer, stop) = (informer.clone(), stop.clone());
        async move { informer.run(stop).await }
    });
    sleep(Duration::from_secs(60)).await;
    assert_eq!(server.asked().len(), 1, "one watch for both");

    first.stops().await;
    server.put(pod("default/new"));
    sleep(Duration::from_secs(60)).await;

    assert!(informer.keys().contains(&key("default/new")));
    assert_eq!(
        server.count(Asked::is_streaming_list),
        1,
        "the second one does not list"
    );
    stop.cancel();
    second.await.expect("no panic");
}

#[tokio::test(start_paused = true)]
async fn synced_waits_for_the_first_list_and_then_no_more() {
    let server = server_with(1);
    server.fault(1, Asked::is_streaming_list, || {
        Reply::status(500, "InternalError")
    });
    server.fault(1, Asked::is_list, || Reply::status(500, "InternalError"));
    let start = Instant::now();
    let follower = Follower::start(&server);

    follower.synced().await;
    assert!(
        start.elapsed() > Duration::from_secs(2),
        "two failures were backed off"
    );
    let later = Instant::now();
    follower.synced().await;

    assert_eq!(later.elapsed(), Duration::ZERO);
}
