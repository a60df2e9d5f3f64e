//! An informer whose server fails, hangs or hangs up: it backs off, says why, and recovers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::Request;
use kubehandler::{
    Filter,
    kube::{Client, client::Body},
};
use kubehandler_tests::scripted::{Asked, Follower, Reply, ScriptedServer, Truth, View};
use serde_json::json;
use tokio::time::{Instant, sleep};

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

#[tokio::test(start_paused = true)]
async fn compacted_server_loses_no_delete_while_the_watch_was_away() {
    let server = ScriptedServer::with_three_pods();
    let follower = Follower::start_synced(&server).await;
    let away = minutes(3);
    let until = Instant::now() + away;
    server.rule(move |_, _| {
        (Instant::now() < until).then(|| Reply::unreachable("connection refused"))
    });
    server.close_watches();
    server.change_all();
    server.change(Truth::compact);

    sleep(away).await;
    assert_eq!(
        follower.keys(),
        ["default/a", "default/b", "default/c"],
        "nothing is deleted unseen"
    );
    let error = follower.informer.last_error().expect("in trouble");
    assert!(error.contains("connection refused"), "{error}");
    follower.converges().await;
}

#[tokio::test(start_paused = true)]
async fn watches_closed_at_once_for_ten_minutes_take_few_requests() {
    let server = ScriptedServer::with_three_pods();
    let follower = Follower::start_synced(&server).await;
    let until = Instant::now() + minutes(10);
    server.rule(move |asked, truth| {
        if asked.is_list() || Instant::now() >= until {
            return None;
        }
        let version = truth.version();
        let whole = || truth.initial_events(asked).closing_bookmark(version);
        Some(if asked.is_watch() {
            Reply::stream()
        } else {
            whole()
        })
    });
    server.close_watches();
    server.change_all();

    sleep(minutes(10)).await;

    assert!(
        server.asked().len() < 200,
        "{} requests",
        server.asked().len()
    );
    follower.converges().await;
}

#[tokio::test(start_paused = true)]
async fn every_request_closed_at_once_for_ten_minutes_takes_few_requests() {
    for event in [false, true] {
        let server = ScriptedServer::with_three_pods();
        let until = Instant::now() + minutes(10);
        server.rule(move |asked, truth| {
            if asked.is_list() || Instant::now() >= until {
                return None;
            }
            let pod = truth.objects(&View::of(asked)).pop()?;
            let reply = Reply::stream();
            Some(if event {
                reply.event("ADDED", &pod)
            } else {
                reply
            })
        });
        let follower = Follower::start(&server);

        sleep(minutes(10)).await;

        assert!(
            server.asked().len() < 200,
            "{} requests",
            server.asked().len()
        );
        follower.converges().await;
    }
}

#[tokio::test(start_paused = true)]
async fn list_that_never_answers_is_given_up_and_asked_for_again() {
    let server = ScriptedServer::with_three_pods();
    let until = Instant::now() + minutes(5);
    server.rule(move |_, _| (Instant::now() < until).then(Reply::never));
    let follower = Follower::start(&server);

    sleep(minutes(5)).await;

    let asked = server.asked().len();
    assert!((5..=9).contains(&asked), "{asked} requests in five minutes");
    let error = follower.informer.last_error().expect("in trouble");
    assert!(error.contains("did not answer within 30s"), "{error}");
    follower.converges().await;
}

#[tokio::test(start_paused = true)]
async fn list_that_stops_coming_is_given_up_and_asked_for_again() {
    let server = ScriptedServer::with_three_pods();
    server.refuse_streaming();
    server.fault(1, Asked::is_list, || {
        Reply::stream().text("{\"metadata\":{").hang()
    });
    let start = Instant::now();
    let follower = Follower::start(&server);

    follower.synced().await;

    let waited = start.elapsed().as_secs();
    assert!((60..=62).contains(&waited), "synced after {waited} s");
    follower.converges().await;
}

#[tokio::test(start_paused = true)]
async fn slow_list_that_keeps_coming_is_waited_for() {
    let server = ScriptedServer::with_three_pods();
    server.refuse_streaming();
    server.rule(|asked, truth| {
        let body = json!({
            "metadata": {"resourceVersion": truth.version().to_string()},
            "items": truth.objects(&View::of(asked)),
        });
        asked.is_list().then(|| {
            let body = body.to_string();
            let (first, last) = body.split_at(body.len() / 2);
            Reply::stream()
                .wait(minutes(1) / 2)
                .text(first)
                .wait(minutes(1) / 2)
                .text(last)
        })
    });
    let follower = Follower::start(&server);

    follower.converges().await;

    assert_eq!(server.count(Asked::is_list), 1);
}

#[tokio::test(start_paused = true)]
async fn error_statuses_are_retried_with_growing_delays_and_explained() {
    for (code, reason, advice) in [
        (401, "Unauthorized", "credentials"),
        (403, "Forbidden", "grant `list` and `watch` on `pods`"),
        (404, "NotFound", "the server has no `pods` in `v1`"),
        (429, "TooManyRequests", "overloaded"),
        (500, "InternalError", "status 500"),
        (503, "ServiceUnavailable", "status 503"),
        (504, "Timeout", "status 504"),
    ] {
        // At the start, and then under a watch.
        let server = ScriptedServer::with_three_pods();
        let failing = Arc::new(AtomicU64::new(1));
        server.rule({
            let failing = failing.clone();
            move |_, _| (failing.load(Ordering::SeqCst) == 1).then(|| Reply::status(code, reason))
        });
        let follower = Follower::start(&server);
        for round in ["at the start", "under a watch"] {
            sleep(minutes(10)).await;
            let asked = server.asked().len();
            assert!(
                (20..60).contains(&asked),
                "{code} {round}: {asked} requests"
            );
            let error = follower.informer.last_error().expect("in trouble");
            assert!(error.contains(advice), "{code} {round}: {error}");
            assert_eq!(follower.informer.has_synced(), round == "under a watch");

            failing.store(0, Ordering::SeqCst);
            follower.converges().await;
            failing.store(1, Ordering::SeqCst);
            server.forget_asked();
            server.close_watches();
            server.change_all();
        }
        failing.store(0, Ordering::SeqCst);
        follower.converges().await;
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_honoured() {
    let server = ScriptedServer::with_three_pods();
    server.fault(
        1,
        |_| true,
        || Reply::status(429, "TooManyRequests").header("retry-after", "17"),
    );
    server.fault(
        1,
        |_| true,
        || Reply::status(503, "Unavailable").header("retry-after", "86400"),
    );
    let follower = Follower::start(&server);

    follower.synced().await;

    let times: Vec<Instant> = server.asked().iter().map(|asked| asked.at).collect();
    assert_eq!((times[1] - times[0]).as_secs(), 17);
    assert_eq!(
        (times[2] - times[1]).as_secs(),
        120,
        "no server may ask for a day"
    );
    follower.converges().await;
}

#[tokio::test(start_paused = true)]
async fn permission_to_list_only_follows_in_lists_and_says_what_is_missing() {
    let server = ScriptedServer::with_three_pods();
    server.rule(|asked, _| (!asked.is_list()).then(|| Reply::status(403, "Forbidden")));
    let follower = Follower::start(&server);

    follower.synced().await;
    sleep(minutes(10)).await;

    let error = follower.informer.last_error().expect("in trouble");
    assert!(
        error.starts_with("cannot watch pods: status 403 Forbidden"),
        "{error}"
    );
    assert!(server.asked().len() < 60);
    server.change_all();
    follower.becomes_equal().await;
    server.be_honest();
    server.change_all();
    follower.converges().await;
}

#[tokio::test(start_paused = true)]
async fn client_that_panics_is_asked_again() {
    let server = ScriptedServer::with_three_pods();
    let mut is_first = true;
    let honest = server.client();
    let service = tower::service_fn(move |request: Request<Body>| {
        let panics = std::mem::take(&mut is_first);
        let honest = honest.clone();
        async move {
            assert!(!panics, "told to panic");
            honest.send(request).await
        }
    });
    let client = Client::new(service, "default");

    let follower = Follower::start_with(&server, client, Filter::default());

    follower.converges().await;
}
