use std::time::Duration;

use kubehandler::{EventType, Retry, k8s::Pod};
use kubehandler_tests::{
    pod,
    recorder::{Does, Log, Recorder, Seen},
    scripted::ScriptedServer,
};
use tokio::time::sleep;

use super::{Running, event_loop, labelled, millis, revision, seconds};

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
        0 if seen.event_type == EventType::Add => Does::FailFor(seconds(3600)),
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
    let handler = Recorder::new("stuck", &log).does(|seen| match seen.event_type {
        EventType::Delete => Does::Fail,
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

    let after: Vec<EventType> = log.started()[before..]
        .iter()
        .map(|seen| seen.event_type)
        .collect();
    let mut expected = vec![EventType::Delete; 5];
    expected.push(EventType::Add);
    assert_eq!(after, expected);
}

#[tokio::test(start_paused = true)]
async fn law_6_recreation_makes_the_owed_delete_due_at_once() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let handler = Recorder::new("later", &log).does(|seen| match (seen.event_type, seen.attempt) {
        (EventType::Delete, 0) => Does::FailFor(seconds(3600)),
        _ => Does::Succeed,
    });
    let _running = Running::start(&server, event_loop().register(handler));
    sleep(seconds(1)).await;
    server.delete_pod("default/a");
    sleep(seconds(1)).await;

    server.put(pod("default/a"));
    sleep(seconds(1)).await;

    let kinds: Vec<EventType> = log.succeeded().iter().map(|seen| seen.event_type).collect();
    assert_eq!(kinds, [EventType::Add, EventType::Delete, EventType::Add]);
}

/// When each call started, and with which attempt.
fn tries(calls: &[Seen]) -> Vec<(u64, u32)> {
    let millis = |at: Duration| u64::try_from(at.as_millis()).expect("short");
    calls
        .iter()
        .map(|seen| (millis(seen.at), seen.attempt))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn law_6_stream_of_changes_during_an_outage_uses_up_no_retries() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let handler = Recorder::new("outage", &log)
        .does(|seen| match seen.at {
            at if at < seconds(4) => Does::Fail,
            _ => Does::Succeed,
        })
        .settings(|settings| settings.retry(Retry::default().max(12)));
    let running = Running::start(&server, event_loop().register(handler));

    for number in 0..200 {
        sleep(millis(3)).await;
        server.put(revision("default/a", number));
    }
    running.settle().await;

    let calls = log.started();
    assert!(
        calls.len() > 200,
        "each change has its call: {}",
        calls.len()
    );
    // 5 ms after the first, then 10 ms, 20 ms and so on after the one before, whatever changes.
    let mut due = 0;
    for failures in 0..10_u32 {
        let is_try = |seen: &&Seen| tries(&[(*seen).clone()]) == [(due, failures)];
        assert!(
            calls.iter().any(|seen| is_try(&seen)),
            "try {failures} at {due} ms"
        );
        due += 5 << failures;
    }
    assert_eq!(log.succeeded().len(), 1, "{:?}", tries(&calls[200..]));
}

#[tokio::test(start_paused = true)]
async fn law_6_failed_call_for_a_change_neither_counts_nor_moves_the_retry() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let handler = Recorder::new("later", &log).does(|seen| match seen.at {
        at if at < seconds(10) => Does::FailFor(seconds(60)),
        at if at < seconds(70) => Does::Fail,
        _ => Does::Succeed,
    });
    let running = Running::start(&server, event_loop().register(handler));
    for number in 1..=3 {
        sleep(seconds(15)).await;
        server.put(revision("default/a", number));
    }

    running.settle().await;

    let mut expected = vec![(0, 0), (15_000, 1), (30_000, 1), (45_000, 1), (60_000, 1)];
    // The second retry failed at 60 s: from here on the backoff of two failures, and more.
    let mut due = 60_000;
    for failures in 2_u32.. {
        due += 5 << (failures - 1);
        expected.push((due, failures));
        if due >= 70_000 {
            break;
        }
    }
    assert_eq!(tries(&log.started()), expected);
}

#[tokio::test(start_paused = true)]
async fn law_6_call_for_a_change_that_asks_for_an_earlier_retry_gets_it_and_for_a_later_one_not() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let handler = Recorder::new("later", &log).does(|seen| match seen.at.as_secs() {
        0..10 => Does::FailFor(seconds(100)),
        10..20 => Does::FailFor(seconds(20)),
        20..30 => Does::FailFor(seconds(500)),
        _ => Does::Succeed,
    });
    let running = Running::start(&server, event_loop().register(handler));
    for number in 1..=2 {
        sleep(seconds(10)).await;
        server.put(revision("default/a", number));
    }

    running.settle().await;

    let expected = [(0, 0), (10_000, 1), (20_000, 1), (30_000, 1)];
    assert_eq!(tries(&log.started()), expected);
}

#[tokio::test(start_paused = true)]
async fn law_6_call_for_a_change_that_succeeds_ends_the_retries() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let handler = Recorder::new("later", &log).does(|seen| match &*seen.version {
        "96" | "98" => Does::FailFor(seconds(60)),
        _ => Does::Succeed,
    });
    let running = Running::start(&server, event_loop().register(handler));
    for number in 1..=2 {
        sleep(seconds(10)).await;
        server.put(revision("default/a", number));
    }
    sleep(seconds(65)).await;
    server.put(revision("default/a", 3));

    running.settle().await;

    // The third starts anew: it is the first that fails after a success, and its retry is due at 80 s.
    let expected = [(0, 0), (10_000, 1), (20_000, 0), (80_000, 1), (85_000, 2)];
    assert_eq!(tries(&log.started()), expected);
}

#[tokio::test(start_paused = true)]
async fn law_6_call_for_a_change_that_fails_for_good_ends_the_retries_of_the_object() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let handler = Recorder::new("final", &log).does(|seen| match &*seen.version {
        "96" => Does::FailFor(seconds(60)),
        "97" => Does::FailForGood,
        _ => Does::Succeed,
    });
    let running = Running::start(&server, event_loop().register(handler));
    sleep(seconds(10)).await;
    server.put(revision("default/a", 1));
    sleep(seconds(1000)).await;
    server.put(revision("default/a", 2));

    running.settle().await;

    let expected = [(0, 0), (10_000, 1), (1_010_000, 0)];
    assert_eq!(tries(&log.started()), expected);
}

#[tokio::test(start_paused = true)]
async fn law_6_change_that_comes_while_a_retry_runs_does_not_count() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    // Each call takes a second, and times out.
    let handler = Recorder::new("slow", &log)
        .does(|seen| match seen.attempt {
            0..4 => Does::Hang,
            _ => Does::Succeed,
        })
        .settings(|settings| {
            let retry = Retry::default().base(seconds(10)).max(5);
            settings.timeout(seconds(1)).retry(retry)
        });
    let running = Running::start(&server, event_loop().register(handler));
    sleep(millis(500)).await;

    // At 0.5 s, while the first try runs; at 11.5 s, while the first retry does.
    server.put(revision("default/a", 1));
    sleep(seconds(11)).await;
    server.put(revision("default/a", 2));
    running.settle().await;

    // Retries: 10 s after 1 s, 20 s after 12 s, 40 s after 33 s, 80 s after 74 s.
    let expected = [
        (0, 0),
        (1_000, 1),
        (11_000, 1),
        (12_000, 2),
        (32_000, 2),
        (73_000, 3),
        (154_000, 4),
    ];
    assert_eq!(tries(&log.started()), expected);
}

#[tokio::test(start_paused = true)]
async fn law_6_resync_during_an_outage_uses_up_no_retries() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let handler = Recorder::new("outage", &log)
        .does(|seen| match seen.at {
            at if at < seconds(100) => Does::Fail,
            _ => Does::Succeed,
        })
        .settings(|settings| {
            let retry = Retry::default().base(seconds(60)).max(3);
            settings.resync(seconds(7)).retry(retry)
        });
    let running = Running::start(&server, event_loop().register(handler));

    sleep(seconds(110)).await;

    let tries = tries(&log.started());
    assert!(tries.contains(&(60_000, 1)), "{tries:?}");
    assert!(tries.contains(&(98_000, 2)), "{tries:?}");
    assert_eq!(
        tries.last(),
        Some(&(105_000, 2)),
        "the first resync after it"
    );
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn law_6_states_that_a_predicate_drops_in_between_use_up_no_retries() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(labelled("default/a", "on", "0"));
    let handler = Recorder::new("outage", &log)
        .does(|seen| match seen.at {
            at if at < seconds(4) => Does::Fail,
            _ => Does::Succeed,
        })
        .settings(|settings| {
            let is_on = |pod: &Pod| {
                pod.metadata
                    .labels
                    .as_ref()
                    .is_some_and(|l| l.contains_key("on"))
            };
            settings.retry(Retry::default().max(12)).when(is_on)
        });
    let running = Running::start(&server, event_loop().register(handler));

    for number in 0..100 {
        sleep(millis(1)).await;
        let label = if number % 2 == 0 { "off" } else { "on" };
        server.put(labelled("default/a", label, &number.to_string()));
    }
    running.settle().await;

    let calls = log.started();
    let attempts = calls.iter().map(|seen| seen.attempt).max();
    assert_eq!(log.succeeded().len(), 1, "{:?}", tries(&calls));
    assert_eq!(
        attempts,
        Some(10),
        "5 ms, 10 ms and so on, up to 4 s: {:?}",
        tries(&calls)
    );
}

#[tokio::test(start_paused = true)]
async fn law_6_recreations_do_not_use_up_the_retries_of_a_delete() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let handler = Recorder::new("outage", &log).does(|seen| match (seen.event_type, seen.at) {
        (EventType::Delete, at) if at < seconds(30) => Does::Fail,
        _ => Does::Succeed,
    });
    let retry = Retry::default().base(seconds(8)).max(20);
    let handler = handler.settings(move |settings| settings.retry(retry));
    let running = Running::start(&server, event_loop().register(handler));
    sleep(seconds(1)).await;
    server.delete_pod("default/a");
    sleep(seconds(1)).await;

    for _ in 0..50 {
        server.put(pod("default/a"));
        sleep(millis(10)).await;
        server.delete_pod("default/a");
        sleep(millis(10)).await;
    }
    server.put(pod("default/a"));
    running.settle().await;

    let succeeded = log.succeeded();
    let kinds: Vec<EventType> = succeeded.iter().map(|seen| seen.event_type).collect();
    assert_eq!(kinds, [EventType::Add, EventType::Delete, EventType::Add]);
    assert_eq!(succeeded[0].uid, succeeded[1].uid);
    let deletes: Vec<Seen> = log
        .started()
        .into_iter()
        .filter(|seen| seen.event_type == EventType::Delete)
        .collect();
    assert!(
        deletes.len() > 50,
        "each re-creation makes it due at once: {}",
        deletes.len()
    );
    // The first re-creation counts; the retry after it comes 16 s later.
    assert_eq!(tries(&deletes).last(), Some(&(50_000, 3)));
}

#[tokio::test(start_paused = true)]
async fn law_6_delete_that_never_succeeds_is_given_up_after_a_day() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let handler = Recorder::new("stuck", &log).does(|seen| match seen.event_type {
        EventType::Delete => Does::Fail,
        _ => Does::Succeed,
    });
    let running = Running::start(&server, event_loop().register(handler));
    sleep(seconds(1)).await;
    server.delete_pod("default/a");

    sleep(seconds(23 * 3600)).await;
    assert_eq!(running.handle.waiting().len(), 1, "it is retried for a day");
    sleep(seconds(2 * 3600)).await;

    assert_eq!(running.handle.waiting().len(), 0);
    assert!(running.handle.is_idle());
    let calls = log.calls().len();
    sleep(seconds(24 * 3600)).await;
    assert_eq!(log.calls().len(), calls, "it is not called again");
}

#[tokio::test(start_paused = true)]
async fn law_6_deletes_that_never_succeed_are_given_up_within_two_hours_where_they_are_many() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    for number in 0..1200 {
        server.put(pod(&format!("default/p{number}")));
    }
    let handler = Recorder::new("stuck", &log).does(|seen| match seen.event_type {
        EventType::Delete => Does::Fail,
        _ => Does::Succeed,
    });
    let running = Running::start(&server, event_loop().register(handler));
    running.settle().await;
    for number in 0..1200 {
        server.delete_pod(&format!("default/p{number}"));
    }

    sleep(seconds(3500)).await;
    assert_eq!(
        running.handle.waiting().len(),
        1200,
        "an outage of an hour loses none"
    );
    sleep(seconds(2 * 3600)).await;

    assert_eq!(running.handle.waiting().len(), 1000);
}

#[tokio::test(start_paused = true)]
async fn law_6_delete_that_asks_for_a_retry_after_its_deadline_is_retried_at_the_deadline() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let handler = Recorder::new("stuck", &log).does(|seen| match seen.event_type {
        EventType::Delete => Does::FailFor(Duration::MAX),
        _ => Does::Succeed,
    });
    let running = Running::start(&server, event_loop().register(handler));
    sleep(seconds(1)).await;
    server.delete_pod("default/a");

    sleep(seconds(100_000)).await;

    assert!(running.handle.is_idle(), "{:?}", running.handle.waiting());
    let deletes = &log.started()[1..];
    assert_eq!(gaps(deletes), [seconds(24 * 3600)]);
}

#[tokio::test(start_paused = true)]
async fn law_6_deadline_of_deletes_can_be_set() {
    for (deadline, end) in [(seconds(100), 100), (Duration::MAX, u64::MAX)] {
        let (server, log) = (ScriptedServer::new(), Log::new());
        server.put(pod("default/a"));
        let handler = Recorder::new("stuck", &log)
            .does(|seen| match seen.event_type {
                EventType::Delete => Does::FailFor(seconds(60)),
                _ => Does::Succeed,
            })
            .settings(move |settings| settings.retry(Retry::default().delete_deadline(deadline)));
        let running = Running::start(&server, event_loop().register(handler));
        sleep(seconds(1)).await;
        server.delete_pod("default/a");

        sleep(seconds(7 * 24 * 3600)).await;

        let deletes: Vec<Seen> = log
            .started()
            .into_iter()
            .filter(|seen| seen.event_type == EventType::Delete)
            .collect();
        let took = deletes
            .last()
            .map(|last| last.at.saturating_sub(deletes[0].at));
        assert_eq!(
            took.map(|took| took.as_secs())
                .filter(|took| *took < 100_000)
                .unwrap_or(u64::MAX),
            end
        );
        drop(running);
    }
}
