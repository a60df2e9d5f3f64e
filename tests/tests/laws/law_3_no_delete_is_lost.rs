use kubehandler::EventType;
use kubehandler_tests::{
    pod,
    recorder::{Log, Recorder},
    scripted::{Asked, Reply, ScriptedServer, Truth},
};
use serde_json::json;
use tokio::time::sleep;

use super::{Running, event_loop, seconds};

#[tokio::test(start_paused = true)]
async fn law_3_object_that_vanished_while_the_watch_was_away_gets_its_delete() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/gone"));
    server.put(pod("default/stays"));
    let running = Running::start(&server, event_loop().register(Recorder::new("pods", &log)));
    running.settle().await;

    // Away long enough that the server has forgotten the event.
    server.fault(3, |_| true, || Reply::unreachable("no route to host"));
    server.close_watches();
    server.delete_pod("default/gone");
    server.change(Truth::compact);
    running.settle().await;

    let deletes = log.succeeded().into_iter();
    let deletes: Vec<_> = deletes
        .filter(|seen| seen.event_type == EventType::Delete)
        .collect();
    assert_eq!(deletes.len(), 1, "{deletes:?}");
    assert_eq!(deletes[0].object, "default/gone");
    assert_eq!(deletes[0].version, "96", "the last state known");
    assert_eq!(deletes[0].old.as_deref(), Some("96"));
}

#[tokio::test(start_paused = true)]
async fn law_3_replaced_object_gets_a_delete_and_an_add() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let running = Running::start(&server, event_loop().register(Recorder::new("pods", &log)));
    running.settle().await;

    server.fault(1, |_| true, || Reply::unreachable("no route to host"));
    server.close_watches();
    server.delete_pod("default/a");
    server.put(pod("default/a"));
    server.change(Truth::compact);
    running.settle().await;

    let calls: Vec<_> = log
        .succeeded()
        .iter()
        .map(|seen| (seen.event_type, seen.uid.clone()))
        .collect();
    assert_eq!(calls.len(), 3, "{calls:?}");
    assert_eq!(calls[1], (EventType::Delete, calls[0].1.clone()));
    assert_eq!(calls[2].0, EventType::Add);
    assert_ne!(calls[2].1, calls[0].1);
}

#[tokio::test(start_paused = true)]
async fn law_3_aborted_list_deletes_nothing() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    server.put(pod("default/b"));
    let running = Running::start(&server, event_loop().register(Recorder::new("pods", &log)));
    running.settle().await;

    let first_page = || {
        let metadata = json!({"resourceVersion": "97", "continue": "more"});
        Reply::json(
            &json!({"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": []}),
        )
    };
    server.fault(
        9,
        |asked| !asked.is_list(),
        || Reply::status(410, "Expired"),
    );
    server.fault(
        1,
        |asked| asked.is_list() && asked.param("continue").is_empty(),
        first_page,
    );
    server.fault(1, Asked::is_list, || Reply::unreachable("reset by peer"));
    server.close_watches();
    running.settle().await;

    assert!(server.count(Asked::is_list) >= 2, "the list was aborted");
    let deletes = log
        .started()
        .into_iter()
        .filter(|seen| seen.event_type == EventType::Delete);
    assert_eq!(deletes.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn law_3_list_of_a_lagging_server_is_refused() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    for name in ["default/a", "default/b"] {
        server.put(pod(name));
    }
    let running = Running::start(&server, event_loop().register(Recorder::new("pods", &log)));
    running.settle().await;

    // A server that has not heard of the newest pod answers the relist, as a stream and in pages.
    server.put(pod("default/newest"));
    running.settle().await;
    let behind = |asked: &Asked| !asked.param("resourceVersion").is_empty();
    server.fault(1, Asked::is_watch, || Reply::stream().text("garbage\n"));
    server.rule(move |asked, _| {
        let metadata = json!({"resourceVersion": "96"});
        let list =
            json!({"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": []});
        match () {
            () if !behind(asked) || asked.is_watch() => None,
            () if asked.is_list() => Some(Reply::json(&list)),
            () => Some(Reply::stream().closing_bookmark(96)),
        }
    });
    server.close_watches();
    sleep(seconds(20)).await;
    assert!(
        server.count(Asked::is_list) > 0,
        "it asked the server that lags behind"
    );
    server.be_honest();
    running.settle().await;

    let deletes = log
        .started()
        .into_iter()
        .filter(|seen| seen.event_type == EventType::Delete);
    assert_eq!(deletes.count(), 0);
}
