use kubehandler::{EventType, Filter};
use kubehandler_tests::{
    pod,
    recorder::{Does, Log, Recorder},
    scripted::ScriptedServer,
};
use tokio::time::sleep;

use super::{Random, Running, event_loop, labelled, millis, revision, seconds, workers};

/// A history of writes with failing and slow callbacks.
async fn random_history(seed: u64) -> Log {
    let (server, log) = (ScriptedServer::new(), Log::new());
    let mut random = Random(seed);
    for name in 0..4 {
        server.put(pod(&format!("default/p{name}")));
    }
    let handler = Recorder::new("random", &log).does(move |seen| {
        let mut dice = Random::of(seed, seen);
        match dice.below(8) {
            0..3 if seen.attempt < 3 => Does::Fail,
            3 => Does::FailForGood,
            4 | 5 => Does::Take(millis(dice.below(900))),
            _ => Does::Succeed,
        }
    });
    let running = Running::start(&server, event_loop().workers(workers(3)).register(handler));
    for number in 0..150 {
        let key = format!("default/p{}", random.below(6));
        match random.below(4) {
            0 => server.delete_pod(&key),
            _ => {
                server.put(revision(&key, number));
            }
        }
        sleep(millis(random.below(300))).await;
    }
    running.settle().await;
    log
}

#[tokio::test(start_paused = true)]
async fn law_2_successful_calls_of_a_life_are_add_updates_delete() {
    for seed in 0..12 {
        let log = random_history(seed).await;

        log.assert_one_at_a_time();
        // A delete that was given up for good leaves its life open; lives do not mix even so.
        for object in (0..6).map(|name| format!("default/p{name}")) {
            assert_lives_in_order(&log, &object, seed);
        }
    }
}

/// Once a call of a later life has started, none of an earlier one does; each life is in order.
fn assert_lives_in_order(log: &Log, object: &str, seed: u64) {
    let mut lives: Vec<String> = Vec::new();
    for seen in log
        .started()
        .into_iter()
        .filter(|seen| seen.object == object)
    {
        if lives.last() != Some(&seen.uid) {
            assert!(
                !lives.contains(&seen.uid),
                "seed {seed}: {object} came back"
            );
            lives.push(seen.uid);
        }
    }
    for uid in lives {
        let of_life = |seen: &kubehandler_tests::recorder::Seen| seen.uid == uid;
        let succeeded = log.succeeded().into_iter().filter(of_life);
        let calls: Vec<EventType> = succeeded.map(|seen| seen.event_type).collect();
        assert!(
            kubehandler_tests::recorder::is_a_life(&calls),
            "seed {seed}: {object} {uid}: {calls:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn law_2_life_that_ended_unseen_owes_nothing() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    let handler = Recorder::new("busy", &log).does(|_| Does::Take(seconds(10)));
    let running = Running::start(&server, event_loop().workers(workers(1)).register(handler));
    sleep(seconds(1)).await;
    server.put(pod("default/first"));
    sleep(seconds(1)).await;

    server.put(pod("default/unseen"));
    sleep(seconds(1)).await;
    server.delete_pod("default/unseen");
    running.settle().await;

    assert_eq!(log.calls(), ["add default/first@96"]);
}

#[tokio::test(start_paused = true)]
async fn law_2_life_of_the_first_list_owes_its_delete_though_unseen() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    server.put(pod("default/b"));
    let handler = Recorder::new("busy", &log).does(|seen| match seen.event_type {
        EventType::Add if seen.version == "96" || seen.version == "97" => Does::Take(seconds(10)),
        _ => Does::Succeed,
    });
    let running = Running::start(&server, event_loop().workers(workers(1)).register(handler));
    sleep(seconds(1)).await;
    let unseen = if log.calls() == ["add default/a@96"] {
        "default/b"
    } else {
        "default/a"
    };

    server.delete_pod(unseen);
    server.put(pod(unseen));
    running.settle().await;

    let calls = log
        .started()
        .into_iter()
        .filter(|seen| seen.object == unseen);
    let kinds: Vec<EventType> = calls.map(|seen| seen.event_type).collect();
    assert_eq!(kinds, [EventType::Delete, EventType::Add]);
}

#[tokio::test(start_paused = true)]
async fn law_2_leaving_the_selector_ends_a_life_and_coming_back_begins_one() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    let handler = Recorder::new("web", &log).filter(Filter::default().labels("app=web"));
    let running = Running::start(&server, event_loop().register(handler));
    sleep(seconds(1)).await;

    for app in ["web", "other", "web"] {
        server.put(labelled("default/a", "app", app));
        running.settle().await;
    }

    let kinds: Vec<EventType> = log.succeeded().iter().map(|seen| seen.event_type).collect();
    assert_eq!(kinds, [EventType::Add, EventType::Delete, EventType::Add]);
}

#[tokio::test(start_paused = true)]
async fn law_2_every_call_before_an_add_succeeds_is_an_add() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    let handler = Recorder::new("picky", &log).does(|seen| match &*seen.version {
        "96" => Does::FailForGood,
        _ => Does::Succeed,
    });
    let running = Running::start(&server, event_loop().register(handler));
    for number in 0..3 {
        server.put(revision("default/a", number));
        running.settle().await;
    }

    assert_eq!(
        log.calls(),
        [
            "add default/a@96",
            "add default/a@97",
            "update default/a@98"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn law_2_life_of_which_only_a_predicate_failed_owes_nothing() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    let handler = Recorder::new("panics", &log)
        .settings(|settings| settings.when(|_| panic!("told to panic")));
    let running = Running::start(&server, event_loop().register(handler));
    running.settle().await;
    server.put(pod("default/a"));
    sleep(seconds(1)).await;

    server.delete_pod("default/a");
    running.settle().await;

    assert_eq!(log.calls(), Vec::<String>::new());
}
