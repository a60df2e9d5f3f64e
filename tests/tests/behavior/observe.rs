//! What an observer of an event loop is told.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use kubehandler::{
    CallbackStage, DefaultHandler, EventLoop, Fact, Filter, Informer, InformerStage, k8s::Pod,
};
use kubehandler_tests::{
    pod,
    recorder::{Does, Log, Recorder},
    scripted::{Asked, Reply, ScriptedServer},
};
use tokio::{task::JoinHandle, time::sleep};
use tokio_util::sync::CancellationToken;

const MOMENT: Duration = Duration::from_secs(10);

/// What was told, a line each.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    fn note(&self, fact: &Fact) {
        let line = match fact {
            Fact::Callback(report) => {
                let stage = match &report.stage {
                    CallbackStage::Started => "started",
                    CallbackStage::Succeeded { .. } => "succeeded",
                    CallbackStage::Failed { .. } => "failed",
                    CallbackStage::Dropped => "dropped",
                    other => panic!("unknown: {other:?}"),
                };
                format!("{} of {} {stage}", report.event_type, report.object)
            }
            Fact::Due(report) => format!("{} due in {:?}", report.object, report.delay),
            Fact::ListOrWatch(report) => {
                let stage = match &report.stage {
                    InformerStage::Listing { cause, .. } => format!("listing, {cause}"),
                    InformerStage::Listed { objects, .. } => format!("listed {objects}"),
                    InformerStage::Watching => "watching".to_owned(),
                    InformerStage::WatchEnded { .. } => "watched".to_owned(),
                    InformerStage::Failed { error, .. } => {
                        let words = error.split_whitespace().take(3);
                        format!("failed: {}", words.collect::<Vec<_>>().join(" "))
                    }
                    other => panic!("unknown: {other:?}"),
                };
                format!("{}: {stage}", report.informer)
            }
            other => panic!("unknown: {other:?}"),
        };
        self.0.lock().expect("not poisoned").push(line);
    }

    /// Returns the lines since the last time, those that are `wanted`.
    fn take(&self, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let mut lines = std::mem::take(&mut *self.0.lock().expect("not poisoned"));
        lines.retain(|line| wanted(line));
        lines
    }

    fn of_informer(&self) -> Vec<String> {
        self.take(|line| line.starts_with("pods: "))
    }

    fn of_callbacks(&self) -> Vec<String> {
        self.take(|line| !line.starts_with("pods: "))
    }
}

/// Runs a loop, whose facts are told.
fn start(
    server: &ScriptedServer,
    event_loop: EventLoop,
) -> (Told, CancellationToken, JoinHandle<()>) {
    let told = Told::default();
    let event_loop = event_loop.client(server.client()).observe({
        let told = told.clone();
        move |fact| told.note(&fact)
    });
    let stop = CancellationToken::new();
    let run = event_loop.run_until(stop.clone());
    let task = tokio::spawn(async move { run.await.expect("it stops as it is told to") });
    (told, stop, task)
}

#[tokio::test(start_paused = true)]
async fn lists_and_watches_are_told_with_their_causes() {
    let server = ScriptedServer::with_three_pods();
    let pods = DefaultHandler::<Pod>::new("pods");
    let (told, ..) = start(&server, EventLoop::new("test").register(pods));

    sleep(MOMENT).await;
    assert_eq!(
        told.of_informer(),
        ["pods: listing, first", "pods: listed 3", "pods: watching"]
    );

    server.close_watches();
    sleep(MOMENT).await;
    assert_eq!(told.of_informer(), ["pods: watched", "pods: watching"]);

    server.fault(1, Asked::is_watch, || Reply::status(410, "Expired"));
    server.close_watches();
    sleep(MOMENT).await;
    assert_eq!(
        told.of_informer(),
        [
            "pods: watched",
            "pods: failed: cannot watch pods:",
            "pods: listing, expired",
            "pods: listed 3",
            "pods: watching",
        ]
    );

    server.fault(1, Asked::is_watch, || {
        Reply::stream().text("no event\n").hang()
    });
    server.close_watches();
    sleep(MOMENT).await;
    assert_eq!(
        told.of_informer(),
        [
            "pods: watched",
            "pods: watching",
            "pods: watched",
            "pods: failed: cannot watch pods:",
            "pods: listing, unreadable",
            "pods: listed 3",
            "pods: watching",
        ],
        "a watch that fails has ended, too"
    );
}

#[tokio::test(start_paused = true)]
async fn retry_is_due_after_its_delay() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/web"));
    let handler = Recorder::new("pods", &log).does(|seen| match seen.attempt {
        0 => Does::FailFor(Duration::from_secs(1)),
        _ => Does::Succeed,
    });
    let (told, ..) = start(&server, EventLoop::new("test").register(handler));

    sleep(MOMENT).await;

    assert_eq!(
        told.of_callbacks(),
        [
            "default/web due in 0ns",
            "add of default/web started",
            "add of default/web failed",
            "default/web due in 1s",
            "add of default/web started",
            "add of default/web succeeded",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn informer_that_outlives_the_loop_tells_it_nothing_more() {
    let server = ScriptedServer::with_three_pods();
    let informer = Informer::<Pod>::new(server.client(), Filter::default());
    let pods = DefaultHandler::new("pods").with_informer(informer.clone());
    let (told, stop, task) = start(&server, EventLoop::new("test").register(pods));
    sleep(MOMENT).await;
    stop.cancel();
    task.await.expect("no panic");
    assert!(!told.of_informer().is_empty());

    let stop = CancellationToken::new();
    tokio::spawn({
        let stop = stop.clone();
        async move { informer.run(stop).await }
    });
    sleep(MOMENT).await;
    server.close_watches();
    sleep(MOMENT).await;

    assert_eq!(told.of_informer(), [""; 0]);
    stop.cancel();
}
