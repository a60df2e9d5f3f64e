use std::time::Duration;

use kubehandler::{EventKind, Retry};
use kubehandler_tests::{
    pod,
    recorder::{Does, Log, Recorder, Seen},
    scripted::ScriptedServer,
};
use tokio::time::sleep;

use super::{Running, event_loop, millis, revision, seconds};

/// The times between the calls.
fn gaps(calls: &[Seen]) -> Vec<Duration> {
    let pairs = calls.windows(2);
    pairs
        .map(|pair| pair[1].at.saturating_sub(pair[0].at))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn law_6_handler_that_fails_five_times_is_called_six_times_with_the_documented_delays() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let handler = Recorder::new("fails", &log).does(|seen| match seen.attempt {
        0..5 => Does::Fail,
        _ => Does::Succeed,
    });
    let running = Running::start(&server, event_loop().register(handler));

    running.settle().await;

    let calls = log.started();
    assert_eq!(gaps(&calls), [5, 10, 20, 40, 80].map(millis));
    let attempts: Vec<u32> = calls.iter().map(|seen| seen.attempt).collect();
    assert_eq!(attempts, [0, 1, 2, 3, 4, 5]);
}

#[tokio::test(start_paused = true)]
async fn law_6_first_delivery_is_never_rate_limited() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    for number in 0..10_000 {
        server.put(pod(&format!("default/p{number}")));
    }
    let running = Running::start(&server, event_loop().register(Recorder::new("pods", &log)));

    assert!(running.handle.synced().await);

    let calls = log.succeeded();
    assert_eq!(calls.len(), 10_000);
    let last = calls.iter().map(|seen| seen.at).max();
    assert!(last < Some(millis(10)), "the last add came after {last:?}");
}

#[tokio::test(start_paused = true)]
async fn law_6_newer_change_is_not_held_back_by_a_delay() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let handler = Recorder::new("later", &log).does(|seen| match seen.attempt {
        0 if seen.kind == EventKind::Add => Does::FailFor(seconds(3600)),
        _ => Does::Succeed,
    });
    let running = Running::start(&server, event_loop().register(handler));
    sleep(seconds(10)).await;

    server.put(revision("default/a", 1));
    running.settle().await;
    let at = log.started()[1].at;
    sleep(seconds(7200)).await;

    assert_eq!(log.calls(), ["add default/a@96", "add default/a@97"]);
    assert!(at < seconds(11), "it waited {at:?}");
}

#[tokio::test(start_paused = true)]
async fn law_6_retry_after_sets_the_delay() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let handler = Recorder::new("later", &log).does(|seen| match seen.attempt {
        0 => Does::FailFor(seconds(30)),
        _ => Does::Succeed,
    });
    let running = Running::start(&server, event_loop().register(handler));

    running.settle().await;

    assert_eq!(gaps(&log.started()), [seconds(30)]);
}

#[tokio::test(start_paused = true)]
async fn law_6_terminal_failure_waits_for_a_change() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let handler = Recorder::new("final", &log).does(|seen| match &*seen.version {
        "96" => Does::FailForGood,
        _ => Does::Succeed,
    });
    let running = Running::start(&server, event_loop().register(handler));
    sleep(seconds(5000)).await;
    assert_eq!(log.calls(), ["add default/a@96"]);

    server.put(revision("default/a", 1));
    running.settle().await;

    assert_eq!(log.calls(), ["add default/a@96", "add default/a@97"]);
}

#[tokio::test(start_paused = true)]
async fn law_6_reaching_the_maximum_is_terminal() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let handler = Recorder::new("bounded", &log)
        .does(|_| Does::Fail)
        .settings(|settings| settings.retry(Retry::default().max(3)));
    let running = Running::start(&server, event_loop().register(handler));

    running.settle().await;

    assert_eq!(log.calls().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn law_6_delete_that_always_fails_lets_the_recreated_object_through() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let handler = Recorder::new("stuck", &log).does(|seen| match seen.kind {
        EventKind::Delete => Does::Fail,
        _ => Does::Succeed,
    });
    let running = Running::start(&server, event_loop().register(handler));
    sleep(seconds(1)).await;
    server.delete_pod("default/a");
    sleep(seconds(1)).await;
    let before = log.calls().len();
    assert!(before > 5, "it is retried while the object is gone");

    server.put(pod("default/a"));
    running.settle().await;

    let after: Vec<EventKind> = log.started()[before..]
        .iter()
        .map(|seen| seen.kind)
        .collect();
    let mut expected = vec![EventKind::Delete; 5];
    expected.push(EventKind::Add);
    assert_eq!(after, expected);
}

#[tokio::test(start_paused = true)]
async fn law_6_recreation_makes_the_owed_delete_due_at_once() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let handler = Recorder::new("later", &log).does(|seen| match (seen.kind, seen.attempt) {
        (EventKind::Delete, 0) => Does::FailFor(seconds(3600)),
        _ => Does::Succeed,
    });
    let _running = Running::start(&server, event_loop().register(handler));
    sleep(seconds(1)).await;
    server.delete_pod("default/a");
    sleep(seconds(1)).await;

    server.put(pod("default/a"));
    sleep(seconds(1)).await;

    let kinds: Vec<EventKind> = log.succeeded().iter().map(|seen| seen.kind).collect();
    assert_eq!(kinds, [EventKind::Add, EventKind::Delete, EventKind::Add]);
}
