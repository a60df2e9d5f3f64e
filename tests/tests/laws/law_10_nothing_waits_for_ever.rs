use std::time::Duration;

use kubehandler::RunError;
use kubehandler_tests::{
    pod,
    recorder::{Log, Recorder},
    scripted::{Asked, Follower, Reply, ScriptedServer, Truth},
};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use super::{Running, event_loop, revision, seconds};

#[tokio::test(start_paused = true)]
async fn law_10_server_that_never_answers_ends_the_loop_at_the_sync_timeout() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.rule(|_, _| Some(Reply::never()));
    let started = Instant::now();
    let running = Running::start(&server, event_loop().register(Recorder::new("pods", &log)));

    let result = running.task.await.expect("no panic");

    assert!(matches!(result, Err(RunError::NotSynced(_))), "{result:?}");
    assert_eq!(started.elapsed().as_secs(), 120);
    let requests = server.asked().len();
    assert!((2..=6).contains(&requests), "{requests} requests");
}

#[tokio::test(start_paused = true)]
async fn law_10_watch_that_goes_silent_is_opened_again() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    server.fault(
        1,
        |asked| !asked.is_list(),
        || Reply::stream().closing_bookmark(96).hang(),
    );
    let running = Running::start(&server, event_loop().register(Recorder::new("pods", &log)));
    sleep(seconds(10)).await;

    server.put(revision("default/a", 1));
    sleep(seconds(400)).await;
    running.settle().await;

    assert!(
        log.calls()
            .iter()
            .any(|call| call.ends_with("default/a@97")),
        "{:?}",
        log.calls()
    );
}

#[tokio::test(start_paused = true)]
async fn law_10_watches_closed_at_once_are_reopened_with_backoff() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let running = Running::start(&server, event_loop().register(Recorder::new("pods", &log)));
    running.settle().await;
    let before = server.asked().len();
    let mut watches = 0;
    server.rule(move |asked, _| {
        watches += u32::from(asked.is_watch());
        match watches {
            _ if !asked.is_watch() => None,
            0..1000 => Some(Reply::stream()),
            _ => Some(Reply::never()), // Without a backoff no time would ever pass.
        }
    });
    server.close_watches();

    sleep(seconds(600)).await;
    let requests = server.asked().len() - before;
    assert!(
        (10..200).contains(&requests),
        "{requests} requests in 10 minutes"
    );
    server.be_honest();
    server.put(revision("default/a", 1));
    running.settle().await;

    assert_eq!(
        log.calls().last().map(String::as_str),
        Some("update default/a@97")
    );
}

#[tokio::test(start_paused = true)]
async fn law_10_nobody_waits_for_a_loop_that_never_ran() {
    let event_loop = event_loop();
    let handle = event_loop.handle();
    drop(event_loop);

    let synced = timeout(seconds(3600), handle.synced()).await;

    assert_eq!(synced, Ok(false));
}

/// Runs a loop until it ends because it cannot sync; returns when, and the cause it gives.
async fn never_syncs(server: &ScriptedServer) -> (Duration, String) {
    let log = Log::new();
    let started = Instant::now();
    let running = Running::start(server, event_loop().register(Recorder::new("pods", &log)));
    let ended = timeout(seconds(86_400), running.task).await;
    let result = ended.expect("it ends within a day").expect("no panic");
    match result {
        Err(RunError::NotSynced(mut unsynced)) => {
            let cause = unsynced.remove(0).cause;
            (started.elapsed(), cause.unwrap_or_default())
        }
        other => panic!("{other:?}"),
    }
}

/// Adds text to the body, so many bytes at a time, with silence before each.
fn drip(reply: Reply, text: &str, bytes: usize, wait: Duration) -> Reply {
    let pieces = text.as_bytes().chunks(bytes);
    pieces.fold(reply, |reply, piece| {
        reply.wait(wait).text(&String::from_utf8_lossy(piece))
    })
}

#[tokio::test(start_paused = true)]
async fn law_10_page_that_drips_is_given_up_and_the_limit_is_named() {
    for wait in [1, 20, 50] {
        let server = ScriptedServer::with_three_pods();
        server.refuse_streaming();
        let body = format!(r#"{{"metadata":{{}},{}"#, " ".repeat(10_000));
        server.rule(move |asked, _| {
            let dripping = || drip(Reply::stream(), &body, 1, seconds(wait));
            asked.is_list().then(dripping)
        });

        let (ended, cause) = never_syncs(&server).await;

        assert!((120..150).contains(&ended.as_secs()), "{ended:?}");
        assert!(
            cause.contains("less than 50 bytes a second"),
            "a byte each {wait} s: {cause}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn law_10_continue_tokens_that_come_again_are_followed_no_further() {
    for tokens in [&["a"][..], &["a", "b"], &["a", "b", "c", "d", "e"]] {
        let server = ScriptedServer::with_three_pods();
        server.refuse_streaming();
        let mut times = 0;
        server.rule(move |asked, _| {
            let token = tokens[times % tokens.len()];
            times += usize::from(asked.is_list());
            let list = json!({
                "metadata": {"resourceVersion": "9", "continue": token},
                "items": [{"metadata": {"name": token, "namespace": "default", "uid": token, "resourceVersion": "1"}}],
            });
            asked.is_list().then(|| {
                if times > 5_000 {
                    return Reply::never(); // Without a backoff no time would ever pass.
                }
                Reply::json(&list)
            })
        });

        let (ended, cause) = never_syncs(&server).await;

        assert!((120..150).contains(&ended.as_secs()), "{ended:?}");
        assert!(cause.contains("does not end"), "{cause}");
        let requests = server.count(Asked::is_list);
        assert!(requests < 100, "{requests} requests for {tokens:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn law_10_pages_that_bring_nothing_new_are_followed_no_further() {
    for brings_the_same in [false, true] {
        let server = ScriptedServer::with_three_pods();
        server.refuse_streaming();
        let mut page = 0;
        server.rule(move |asked, _| {
            page += u64::from(asked.is_list());
            let item = json!({"metadata": {"name": "a", "namespace": "default", "uid": "a", "resourceVersion": "1"}});
            let list = json!({
                "metadata": {"resourceVersion": "9", "continue": page.to_string()},
                "items": if brings_the_same { vec![item] } else { vec![] },
            });
            // Without a backoff no time would ever pass.
            let answer = || if page > 50_000 { Reply::never() } else { Reply::json(&list) };
            asked.is_list().then(answer)
        });

        let (ended, cause) = never_syncs(&server).await;

        assert!((120..150).contains(&ended.as_secs()), "{ended:?}");
        assert!(cause.contains("brings nothing new"), "{cause}");
        let requests = server.count(Asked::is_list);
        assert!(requests < 2_000, "{requests} requests");
    }
}

#[tokio::test(start_paused = true)]
async fn law_10_list_that_fails_again_and_again_ends_the_loop_however_fast_it_comes() {
    for streams in [false, true] {
        let server = ScriptedServer::with_three_pods();
        if !streams {
            server.refuse_streaming();
        }
        server.rule(|asked, _| {
            // A minute of a good rate, and then nothing more of it.
            let pieces = (0..60).fold(Reply::stream().text("{\"metadata\":{"), |reply, _| {
                reply.text(&" ".repeat(1_000)).wait(seconds(1))
            });
            (asked.is_list() || asked.is_streaming_list()).then(|| pieces.cut())
        });

        let (ended, cause) = never_syncs(&server).await;

        assert!((300..1_500).contains(&ended.as_secs()), "{ended:?}");
        assert!(!cause.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn law_10_streaming_list_that_drips_or_stops_is_replaced_by_pages_and_asked_for_again() {
    for wait in [1, 20, 50, 10_000] {
        let server = ScriptedServer::with_three_pods();
        server.once(Asked::is_streaming_list, move |asked, truth| {
            let begun = truth.initial_events(asked).text("{\"type\":\"ADDED\",");
            Some(drip(begun, &" ".repeat(10_000), 1, seconds(wait)))
        });
        let started = Instant::now();
        let follower = Follower::start(&server);

        follower.synced().await;

        let waited = started.elapsed().as_secs();
        assert!((60..130).contains(&waited), "synced after {waited} s");
        server.change(Truth::compact);
        follower.converges().await;
        assert_eq!(server.count(Asked::is_streaming_list), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn law_10_event_that_drips_is_given_up_and_asked_for_again() {
    let server = ScriptedServer::with_three_pods();
    let follower = Follower::start_synced(&server).await;
    server.once(Asked::is_watch, |asked, truth| {
        let (events, _) = truth.missed(asked);
        let event = events.first()?.to_string();
        Some(drip(
            Reply::stream().wait(seconds(200)),
            &event,
            1,
            seconds(20),
        ))
    });
    server.close_watches();
    sleep(seconds(10)).await;
    server.put(revision("default/a", 1));

    // A silence between two events is none within one.
    sleep(seconds(230)).await;
    assert_eq!(follower.informer.last_error(), None);
    sleep(seconds(50)).await;

    let pods = follower.pods();
    assert_eq!(pods, server.pods(), "{:?}", follower.informer.last_error());
    follower.converges().await;
}

#[tokio::test(start_paused = true)]
async fn law_10_error_whose_body_drips_or_never_ends_is_known_by_its_status() {
    for (text, wait) in [("x".repeat(1 << 20), 0), ("x".to_owned(), 1)] {
        let server = ScriptedServer::with_three_pods();
        let text = move || Reply::code(503).repeat(&text, seconds(wait));
        server.fault(usize::MAX, |_| true, text);

        let (ended, cause) = never_syncs(&server).await;

        assert!((120..151).contains(&ended.as_secs()), "{ended:?}");
        assert!(cause.ends_with("status 503"), "{cause}");
    }
}

/// Streams pods that come into being now, without an end of the list: a plain watch.
fn plain_watch(truth: &Truth, kind: &'static str, is_new: bool, wait: Duration) -> Reply {
    let begun = Reply::stream();
    (1..5_000_u64).fold(begun, |reply, number| {
        let version = truth.version() + number;
        let name = if is_new {
            format!("new-{number}")
        } else {
            "a".to_owned()
        };
        let mut pod = pod(&format!("default/{name}"));
        pod["metadata"]["uid"] = json!(name);
        pod["metadata"]["resourceVersion"] = json!(version.to_string());
        pod["metadata"]["annotations"] = json!({"filler": "x".repeat(1_000)});
        reply.event(kind, &pod).wait(wait)
    })
}

#[tokio::test(start_paused = true)]
async fn law_10_busy_server_that_ignores_streaming_lists_is_listed_in_pages() {
    for (kind, is_new, latest) in [
        ("MODIFIED", false, 75),
        ("ADDED", false, 75),
        ("DELETED", true, 75),
        // These may be the list itself, until the server says which version it has.
        ("ADDED", true, 400),
    ] {
        let server = ScriptedServer::with_three_pods();
        server.rule(move |asked, truth| {
            let plain = || plain_watch(truth, kind, is_new, seconds(1));
            asked.is_streaming_list().then(plain)
        });
        let started = Instant::now();
        let log = Log::new();
        let running = Running::start(&server, event_loop().register(Recorder::new("pods", &log)));

        let synced = timeout(seconds(10_000), running.handle.synced()).await;

        let waited = started.elapsed().as_secs();
        assert_eq!(synced, Ok(true), "{kind}: {:?}", running.stop().await);
        assert!(waited <= latest, "{kind} {is_new}: {waited} s");
        assert_eq!(server.count(Asked::is_streaming_list), 1);
        running.stop().await.expect("no failure");
    }
}

#[tokio::test(start_paused = true)]
async fn law_10_blank_lines_are_no_progress() {
    // Slowly, at a rate that a list may have, and as fast as they come.
    for (text, wait) in [
        ("\n", 20),
        ("\n \n", 1),
        (&*"\n".repeat(1_000), 1),
        (&"\n".repeat(1 << 20), 0),
    ] {
        let server = ScriptedServer::with_three_pods();
        let text = text.to_owned();
        let endless = move |asked: &Asked, truth: &mut Truth| {
            Some(truth.initial_events(asked).repeat(&text, seconds(wait)))
        };
        server.once(Asked::is_streaming_list, endless.clone());
        server.once(Asked::is_watch, move |_, _| {
            let blank = "\n".repeat(1 << 20);
            Some(Reply::stream().repeat(&blank, seconds(0)))
        });
        let started = Instant::now();
        let follower = Follower::start(&server);

        follower.synced().await;

        let waited = started.elapsed().as_secs();
        assert!(waited <= 62, "synced after {waited} s");
        follower.converges().await;
    }
}

#[tokio::test(start_paused = true)]
async fn law_10_loop_that_ends_says_what_has_come() {
    let (server, log) = (ScriptedServer::with_three_pods(), Log::new());
    server.rule(|asked, truth| {
        let some = || truth.initial_events(asked).text("{\"type\":").hang();
        asked.is_streaming_list().then(some)
    });
    let event_loop = event_loop().sync_timeout(seconds(20));
    let running = Running::start(&server, event_loop.register(Recorder::new("pods", &log)));

    let result = running.task.await.expect("no panic");

    let error = result.expect_err("it cannot sync").to_string();
    assert!(
        error.starts_with("failed to wait for caches to sync: pods: 3 objects, "),
        "{error}"
    );
    assert!(error.ends_with(" bytes of the list have come"), "{error}");
}
