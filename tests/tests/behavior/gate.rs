//! The gate of an event loop: whether handlers are called, while informers and stores stay warm.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kubehandler::{__private::Gate, EventLoop, EventLoopHandle, RunError};
use kubehandler_tests::{
    pod,
    recorder::{Does, Log, Recorder},
    scripted::{Asked, ScriptedServer},
};
use tokio::{task::JoinHandle, time::sleep};
use tokio_util::sync::CancellationToken;

const MOMENT: Duration = Duration::from_secs(100);

struct Running {
    handle: EventLoopHandle,
    stop: CancellationToken,
    task: JoinHandle<Result<(), RunError>>,
}

impl Running {
    fn start(server: &ScriptedServer, gate: &Gate, handler: Recorder) -> Self {
        let event_loop = EventLoop::new("test").gate(gate.clone());
        let event_loop = event_loop.register(handler).client(server.client());
        let stop = CancellationToken::new();
        Self {
            handle: event_loop.handle(),
            task: tokio::spawn(event_loop.run_until(stop.clone())),
            stop,
        }
    }

    /// Lets everything happen that happens by itself.
    async fn settle(&self) {
        sleep(MOMENT).await;
        assert!(self.handle.is_idle(), "{:?}", self.handle.waiting());
    }

    async fn stop(self) {
        self.stop.cancel();
        let ended = self.task.await.expect("the loop does not panic");
        assert!(ended.is_ok(), "{ended:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_due_waits_for_the_gate_and_the_store_is_warm_when_it_opens() {
    let (server, log) = (ScriptedServer::with_three_pods(), Log::new());
    let gate = Gate::closed();
    let running = Running::start(&server, &gate, Recorder::new("pods", &log));
    sleep(MOMENT).await;
    assert_eq!(log.calls(), [""; 0]);
    assert!(!running.handle.is_idle());
    assert_eq!(running.handle.waiting().len(), 3);
    assert!(running.handle.informers()[0].has_synced);
    server.forget_asked();

    server.put(pod("default/late"));
    sleep(MOMENT).await;
    gate.open();
    running.settle().await;

    let calls = log.calls();
    assert_eq!(calls.len(), 4);
    assert_eq!(calls[0], "add default/late@99", "live changes go first");
    assert_eq!(server.count(Asked::is_list), 0);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn running_callback_finishes_when_the_gate_closes_and_the_next_waits() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let handler = Recorder::new("slow", &log).does(|_| Does::Take(Duration::from_secs(10)));
    let gate = Gate::opened();
    let running = Running::start(&server, &gate, handler);
    sleep(Duration::from_secs(5)).await;
    assert_eq!(running.handle.running().len(), 1);

    gate.close();
    server.put(pod("default/a"));
    sleep(MOMENT).await;
    assert_eq!(log.succeeded().len(), 1);
    assert_eq!(log.calls(), ["add default/a@96"]);

    gate.open();
    running.settle().await;
    assert_eq!(log.calls(), ["add default/a@96", "update default/a@97"]);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn no_callback_starts_after_a_gate_that_closes_while_a_predicate_runs() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    for number in 0..10 {
        server.put(pod(&format!("default/p{number}")));
    }
    let (gate, closes) = (Gate::opened(), Arc::new(AtomicBool::new(true)));
    let handler = Recorder::new("asks", &log).settings({
        let (gate, closes) = (gate.clone(), closes.clone());
        move |settings| {
            let (gate, closes) = (gate.clone(), closes.clone());
            settings.when(move |_| {
                if closes.load(Ordering::Relaxed) {
                    gate.close();
                }
                true
            })
        }
    });
    let running = Running::start(&server, &gate, handler);

    sleep(MOMENT).await;
    assert_eq!(log.calls(), [""; 0]);
    assert_eq!(running.handle.waiting().len(), 10);

    closes.store(false, Ordering::Relaxed);
    gate.open();
    running.settle().await;
    assert_eq!(log.calls().len(), 10);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn gate_opens_and_closes_again_and_again() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    let gate = Gate::closed();
    let running = Running::start(&server, &gate, Recorder::new("pods", &log));

    for number in 0..10 {
        server.put(pod("default/a"));
        sleep(MOMENT).await;
        assert_eq!(log.calls().len(), number);
        gate.open();
        running.settle().await;
        assert_eq!(log.calls().len(), number + 1);
        gate.close();
    }
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn after_a_takeover_every_object_is_an_add() {
    let (server, log) = (ScriptedServer::with_three_pods(), Log::new());
    let keys: Vec<String> = server.pods().into_iter().map(|(key, ..)| key).collect();
    let fails = keys[2].clone();
    let handler = Recorder::new("pods", &log).does(move |seen| {
        if seen.object == fails {
            Does::Fail
        } else {
            Does::Succeed
        }
    });
    let gate = Gate::opened();
    let running = Running::start(&server, &gate, handler);
    sleep(MOMENT).await;
    gate.close();
    let before = log.calls().len();
    server.delete_pod(&keys[0]);
    server.put(pod("default/new"));
    sleep(MOMENT).await;

    running.handle.restart_lives().await;
    assert_eq!(log.calls().len(), before, "the gate is closed");
    gate.open();
    sleep(Duration::from_millis(1)).await;

    let mut calls = log.calls().split_off(before);
    calls.sort();
    assert_eq!(
        calls,
        [
            "add default/b@97",
            "add default/c@98",
            "add default/new@101"
        ],
        "each once, also the one that fails; who had them took the delete"
    );
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn callback_that_runs_during_a_takeover_does_not_count_after_it() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let handler = Recorder::new("slow", &log).does(|_| Does::Take(Duration::from_secs(10)));
    let gate = Gate::opened();
    let running = Running::start(&server, &gate, handler);
    sleep(Duration::from_secs(5)).await;

    gate.close();
    running.handle.restart_lives().await;
    gate.open();
    running.settle().await;

    assert_eq!(log.calls(), ["add default/a@96", "add default/a@96"]);
    log.assert_one_at_a_time();
    running.stop().await;
}
