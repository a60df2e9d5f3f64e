use kubehandler::Limits;
use kubehandler_tests::{
    pod,
    recorder::{Log, Recorder},
    scripted::{Asked, Follower, Reply, ScriptedServer},
};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::{Running, event_loop, millis, seconds};

/// A pod whose JSON has more than so many bytes.
fn large(key: &str, bytes: usize, number: usize) -> Value {
    let mut pod = pod(key);
    pod["metadata"]["labels"] = json!({"number": number.to_string()});
    pod["metadata"]["annotations"] = json!({"filler": "x".repeat(bytes)});
    pod
}

fn loop_with(limits: Limits, log: &Log) -> kubehandler::EventLoop {
    event_loop()
        .limits(limits)
        .register(Recorder::new("pods", log))
}

#[tokio::test(start_paused = true)]
async fn law_10_event_that_is_too_long_is_lost_to_no_handler() {
    for streams in [true, false] {
        let (server, log) = (ScriptedServer::with_three_pods(), Log::new());
        if !streams {
            server.refuse_streaming();
        }
        let limits = Limits::default().max_event(10_000);
        let running = Running::start(&server, loop_with(limits, &log));
        running.settle().await;

        server.put(large("default/a", 20_000, 1));
        sleep(seconds(60)).await;
        server.put(pod("default/b"));
        running.settle().await;

        let versions: Vec<String> = server.pods().into_iter().map(|pod| pod.2).collect();
        for (name, version) in ["a", "b", "c"].iter().zip(versions) {
            let seen = format!("default/{name}@{version}");
            let calls = log.calls();
            assert!(
                calls.iter().any(|call| call.ends_with(&seen)),
                "{seen}: {calls:?}"
            );
        }
        assert!(server.asked().len() < 20, "{}", server.asked().len());
        running.stop().await.expect("no failure");
    }
}

#[tokio::test(start_paused = true)]
async fn law_10_object_that_is_always_too_long_for_a_watch_is_listed_with_backoff() {
    let (server, log) = (ScriptedServer::with_three_pods(), Log::new());
    let limits = Limits::default().max_event(10_000);
    let running = Running::start(&server, loop_with(limits, &log));
    running.settle().await;
    server.forget_asked();

    for number in 0..600 {
        server.put(large("default/a", 20_000, number));
        sleep(seconds(1)).await;
    }

    let requests = server.asked().len();
    assert!((10..150).contains(&requests), "{requests} in 10 minutes");
    let error = running.handle.informers()[0].last_error.clone();
    let error = error.expect("in trouble");
    assert!(
        error.contains(
            "an event of the watch is longer than 10000 bytes; `Limits::max_event` allows more"
        ),
        "{error}"
    );
    running.settle().await;
    let version = &server.pods()[0].2;
    let last = format!("update default/a@{version}");
    assert_eq!(log.calls().last(), Some(&last));
}

#[tokio::test(start_paused = true)]
async fn law_10_object_that_is_too_long_for_a_streaming_list_comes_in_pages() {
    let (server, log) = (ScriptedServer::with_three_pods(), Log::new());
    server.put(large("default/z", 20_000, 1));
    let limits = Limits::default().max_event(10_000);

    let running = Running::start(&server, loop_with(limits, &log));
    running.settle().await;

    assert_eq!(log.calls().len(), 4);
    assert_eq!(server.count(Asked::is_list), 1);
    assert_eq!(running.handle.informers()[0].last_error, None);
}

#[tokio::test(start_paused = true)]
async fn law_10_text_without_an_end_is_a_failure_that_names_its_limit() {
    let limits = Limits::default().max_event(1 << 20).max_page(2 << 20);
    let piece = "x".repeat(64 << 10);
    for (begins, limit) in [
        (r#"{"metadata":{"resourceVersion":""#, "`Limits::max_page`"),
        (
            r#"{"type":"ADDED","object":{"metadata":{"name":""#,
            "`Limits::max_event`",
        ),
    ] {
        let (server, log) = (ScriptedServer::with_three_pods(), Log::new());
        let is_stream = begins.contains("ADDED");
        if !is_stream {
            server.refuse_streaming();
        }
        let piece = piece.clone();
        server.rule(move |asked, _| {
            let endless = || Reply::stream().text(begins).repeat(&piece, seconds(0));
            let other = || Reply::status(503, "Unavailable");
            match asked.is_streaming_list() {
                true if is_stream => Some(endless()),
                false if !is_stream => Some(endless()),
                _ => Some(other()),
            }
        });
        let running = Running::start(&server, loop_with(limits, &log));

        let errors = errors_of(|| running.handle.informers()[0].last_error.clone()).await;
        let ended = timeout(seconds(1_000), running.task).await;

        assert!(errors.contains(limit), "{errors}");
        assert!(ended.expect("it ends").expect("no panic").is_err());
    }
}

/// Returns all that the last error is within a minute.
async fn errors_of(last_error: impl Fn() -> Option<String>) -> String {
    let mut errors: Vec<String> = Vec::new();
    for _ in 0..600 {
        sleep(millis(100)).await;
        let error = last_error().filter(|error| Some(error) != errors.last());
        errors.extend(error);
    }
    errors.join("\n")
}

#[tokio::test(start_paused = true)]
async fn law_10_event_of_17_mib_and_token_of_17_kib_are_too_long_by_default() {
    let server = ScriptedServer::with_three_pods();
    server.refuse_streaming();
    server.fault(1, Asked::is_list, || {
        let token = "x".repeat(17 << 10);
        Reply::json(&json!({"metadata": {"continue": token}, "items": []}))
    });
    server.fault(1, Asked::is_watch, || {
        Reply::stream().text("{").text(&" ".repeat(17 << 20)).hang()
    });
    let follower = Follower::start(&server);
    let informer = &follower.informer;

    let errors = errors_of(|| informer.last_error()).await;

    for error in [
        "the continue token is longer than 16384 bytes",
        "an event of the watch is longer than 16777216 bytes",
    ] {
        assert!(errors.contains(error), "{errors}");
    }
    assert_eq!(informer.last_error(), None);
    assert_eq!(informer.len(), 3);
}
