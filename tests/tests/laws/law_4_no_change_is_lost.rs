use std::collections::BTreeMap;

use kubehandler::EventType;
use kubehandler_tests::{
    pod,
    recorder::{Does, Log, Recorder},
    scripted::ScriptedServer,
};
use tokio::time::sleep;

use super::{Random, Running, event_loop, millis, revision, seconds, workers};

#[tokio::test(start_paused = true)]
async fn law_4_after_the_last_change_a_callback_sees_it() {
    for seed in 0..8 {
        let (server, log) = (ScriptedServer::new(), Log::new());
        let mut random = Random(seed);
        let handler = Recorder::new("slow", &log).does(move |seen| {
            let mut dice = Random::of(seed, seen);
            match dice.below(4) {
                0 => Does::Fail,
                _ => Does::Take(millis(dice.below(2000))),
            }
        });
        let running = Running::start(&server, event_loop().workers(workers(2)).register(handler));
        for number in 0..200 {
            server.put(revision(&format!("default/p{}", random.below(5)), number));
            if random.below(40) == 0 {
                server.close_watches();
            }
            sleep(millis(random.below(80))).await;
        }
        running.settle().await;

        let mut last: BTreeMap<String, String> = BTreeMap::new();
        for seen in log.succeeded() {
            last.insert(seen.object, seen.version);
        }
        for (object, _, version) in server.pods() {
            assert_eq!(last.get(&object), Some(&version), "seed {seed}: {object}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn law_4_change_during_a_callback_leads_to_another_call() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    let handler = Recorder::new("slow", &log).does(|_| Does::Take(seconds(5)));
    let running = Running::start(&server, event_loop().register(handler));
    server.put(pod("default/a"));
    sleep(seconds(2)).await;

    for number in 0..50 {
        server.put(revision("default/a", number));
        sleep(millis(10)).await;
    }
    running.settle().await;

    assert_eq!(log.calls(), ["add default/a@96", "update default/a@146"]);
    assert_eq!(log.started()[1].old.as_deref(), Some("96"));
}

#[tokio::test(start_paused = true)]
async fn law_4_old_shows_what_was_last_handled_however_many_changes_were_merged() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    let handler = Recorder::new("slow", &log).does(|seen| match &*seen.version {
        "98" => Does::FailForGood,
        _ => Does::Succeed,
    });
    let running = Running::start(&server, event_loop().register(handler));
    for number in 0..4 {
        server.put(revision("default/a", number));
        if number != 1 {
            running.settle().await;
        }
    }

    let calls = log.started().into_iter();
    let calls: Vec<_> = calls
        .map(|seen| (seen.event_type, seen.version, seen.old))
        .collect();
    let version = |number: u32| (95 + number).to_string();
    assert_eq!(
        calls,
        [
            (EventType::Add, version(1), None),
            (EventType::Update, version(3), Some(version(1))),
            (EventType::Update, version(4), Some(version(1))),
        ]
    );
}
