use kubehandler::RunError;
use kubehandler_tests::{
    pod,
    recorder::{Log, Recorder},
    scripted::{Reply, ScriptedServer},
};
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
        watches += u32::from(!asked.is_list());
        match watches {
            _ if asked.is_list() => None,
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
