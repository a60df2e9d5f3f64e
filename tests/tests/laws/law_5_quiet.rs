use kubehandler_tests::{
    pod,
    recorder::{Does, Log, Recorder},
    scripted::{Asked, Reply, ScriptedServer, Truth, View},
};
use tokio::time::sleep;

use super::{Running, event_loop, revision, seconds};

#[tokio::test(start_paused = true)]
async fn law_5_no_callback_without_a_change() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    for name in ["default/a", "default/b"] {
        server.put(pod(name));
    }
    let running = Running::start(&server, event_loop().register(Recorder::new("pods", &log)));
    running.settle().await;
    let calls = log.calls();

    // Relists, reopened watches and hours of bookmarks bring nothing new.
    for _ in 0..5 {
        server.fault(1, Asked::is_watch, || Reply::status(410, "Expired"));
        server.close_watches();
        sleep(seconds(3600)).await;
    }
    running.settle().await;

    assert!(
        server.count(|asked| !asked.is_watch()) > 1,
        "it listed again"
    );
    assert_eq!(log.calls(), calls);
}

#[tokio::test(start_paused = true)]
async fn law_5_event_with_the_version_last_seen_is_no_change() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let running = Running::start(&server, event_loop().register(Recorder::new("pods", &log)));
    running.settle().await;

    // The server sends everything again on the next watch.
    server.rule(|asked: &Asked, truth: &mut Truth| {
        asked.is_watch().then(|| {
            let version = truth.version();
            let again = truth.objects(&View::of(asked));
            let stream = again.into_iter().fold(Reply::stream(), |stream, object| {
                stream.event("MODIFIED", &object)
            });
            stream.watch(version)
        })
    });
    server.close_watches();
    running.settle().await;
    assert_eq!(log.calls(), ["add default/a@96"]);

    server.put(revision("default/a", 1));
    running.settle().await;
    assert_eq!(log.calls().len(), 2, "a change is still a change");
}

#[tokio::test(start_paused = true)]
async fn law_5_resync_and_requeue_are_asked_for() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let resynced = Recorder::new("resync", &log).settings(|s| s.resync(seconds(600)));
    let requeued = Recorder::new("requeue", &log).does(|seen| match seen.event_type {
        kubehandler::EventType::Add => Does::Requeue(seconds(1000)),
        _ => Does::Succeed,
    });
    let event_loop = event_loop().register(resynced).register(requeued);
    let _running = Running::start(&server, event_loop);

    sleep(seconds(1900)).await;

    let calls = |name: &str| -> Vec<u64> {
        let calls = log
            .started()
            .into_iter()
            .filter(|seen| seen.handler == name);
        calls.map(|seen| seen.at.as_secs()).collect()
    };
    assert_eq!(calls("resync"), [0, 600, 1200, 1800]);
    assert_eq!(calls("requeue"), [0, 1000]);
}
