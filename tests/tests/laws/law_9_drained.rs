use std::{
    borrow::Cow,
    io,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use http::{Request, Response};
use kubehandler::{
    Action, Callbacks, Event, EventHandler, Filter, Informer, Informers, Result, RunError,
    k8s::Pod,
    kube::{Client, Config, client::Body},
};
use kubehandler_tests::{
    pod,
    recorder::{Does, Log, Recorder},
    scripted::{Follower, ScriptedServer},
};
use tokio::{
    runtime::Builder,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{Running, event_loop, revision, seconds, workers};

#[tokio::test(start_paused = true)]
async fn law_9_running_callbacks_finish_and_nothing_queued_starts() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    for number in 0..1020 {
        server.put(pod(&format!("default/p{number}")));
    }
    let handler = Recorder::new("slow", &log).does(|_| Does::Take(seconds(10)));
    let running = Running::start(&server, event_loop().workers(workers(20)).register(handler));
    sleep(seconds(5)).await;
    server.delete_pod("default/p0");

    let result = running.stop().await;

    assert!(result.is_ok(), "{result:?}");
    assert_eq!(log.started().len(), 20);
    assert_eq!(log.succeeded().len(), 20);
}

#[tokio::test(start_paused = true)]
async fn law_9_no_callback_starts_once_the_loop_is_told_to_stop() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    for number in 0..100 {
        server.put(pod(&format!("default/p{number}")));
    }
    let stop = CancellationToken::new();
    let told = stop.clone();
    let handler = Recorder::new("stops", &log).does(move |_| {
        told.cancel();
        Does::Succeed
    });
    let event_loop = event_loop().workers(workers(1)).client(server.client());

    let result = event_loop.register(handler).run_until(stop).await;

    assert!(result.is_ok(), "{result:?}");
    assert_eq!(log.started().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn law_9_no_callback_starts_after_a_stop_that_comes_while_a_predicate_runs() {
    for panics in [false, true] {
        let (server, log) = (ScriptedServer::new(), Log::new());
        for number in 0..10 {
            server.put(pod(&format!("default/p{number}")));
        }
        let stop = CancellationToken::new();
        let told = stop.clone();
        let handler = Recorder::new("asks", &log).settings(move |settings| {
            let told = told.clone();
            settings.when(move |_| {
                told.cancel();
                assert!(!panics, "told to panic");
                true
            })
        });
        let event_loop = event_loop().workers(workers(4)).client(server.client());

        let result = event_loop.register(handler).run_until(stop).await;

        assert!(result.is_ok(), "{result:?}");
        assert_eq!(log.calls(), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn law_9_no_update_starts_after_a_stop_that_comes_while_changed_runs() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let stop = CancellationToken::new();
    let told = stop.clone();
    let handler = Recorder::new("asks", &log).settings(move |settings| {
        let told = told.clone();
        settings.changed(move |_, _| {
            told.cancel();
            true
        })
    });
    let event_loop = event_loop().client(server.client()).register(handler);
    let running = tokio::spawn(event_loop.run_until(stop));
    sleep(seconds(1)).await;

    server.put(revision("default/a", 1));
    let result = timeout(seconds(10), running).await;

    assert!(matches!(result, Ok(Ok(Ok(())))), "{result:?}");
    assert_eq!(log.calls(), ["add default/a@96"]);
}

#[tokio::test(start_paused = true)]
async fn law_9_callback_that_outlasts_the_drain_deadline_is_dropped_and_named() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/well"));
    server.put(pod("default/stuck"));
    let handler = Recorder::new("pods", &log).does(|seen| match &*seen.object {
        "default/stuck" => Does::Hang,
        _ => Does::Succeed,
    });
    let running = Running::start(&server, event_loop().register(handler));
    sleep(seconds(5)).await;
    let told = Instant::now();

    let error = running.stop().await.expect_err("it hangs");

    assert_eq!(told.elapsed().as_secs(), 25, "the default drain deadline");
    let RunError::CutOff(cut_off) = &error else {
        panic!("{error}");
    };
    assert_eq!(cut_off.len(), 1);
    assert!(!cut_off[0].is_blocking);
    let text = error.to_string();
    assert!(text.contains("add of `default/stuck` by `pods`"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn law_9_retry_that_waits_is_not_waited_for() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let handler = Recorder::new("pods", &log).does(|_| Does::FailFor(seconds(10)));
    let running = Running::start(&server, event_loop().register(handler));
    sleep(seconds(5)).await;
    let told = Instant::now();

    let result = running.stop().await;

    assert!(result.is_ok(), "{result:?}");
    assert!(told.elapsed() < seconds(1));
    assert_eq!(log.started().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn law_9_timeouts_may_be_as_long_as_a_duration_can_be() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let event_loop = event_loop()
        .sync_timeout(Duration::MAX)
        .drain_timeout(Duration::MAX)
        .register(Recorder::new("pods", &log));
    let running = Running::start(&server, event_loop);
    running.settle().await;

    let result = running.stop().await;

    assert!(result.is_ok(), "{result:?}");
    assert_eq!(log.started().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn law_9_loop_that_waits_for_its_configuration_can_be_stopped() {
    let never = std::future::pending::<std::result::Result<Config, io::Error>>();
    let event_loop = event_loop()
        .config_from(never)
        .register(Recorder::new("pods", &Log::new()));
    let stop = CancellationToken::new();
    let running = tokio::spawn(event_loop.run_until(stop.clone()));
    sleep(seconds(1)).await;

    stop.cancel();
    let result = timeout(seconds(1), running).await;

    assert!(matches!(result, Ok(Ok(Ok(())))), "{result:?}");
}

#[tokio::test(start_paused = true)]
async fn law_9_loop_that_is_dropped_lets_go_of_an_informer_that_outlives_it() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    let follower = Follower::start(&server);
    let kept = Arc::new(());
    let handlers = Arc::downgrade(&kept);
    let handler = Recorder::new("pods", &log)
        .informer(follower.informer.clone())
        .does(move |_| {
            let _ = &kept;
            Does::Succeed
        });
    let running = Running::start(&server, event_loop().register(handler));
    running.settle().await;

    running.task.abort();
    drop(running);
    sleep(seconds(1)).await;

    assert_eq!(handlers.strong_count(), 0, "the informer holds the handler");
}

#[test]
fn law_9_request_that_blocks_its_thread_does_not_keep_the_loop() {
    let (release, blocked) = mpsc::channel::<()>();
    let blocked = Arc::new(Mutex::new(blocked));
    let began = CancellationToken::new();
    let service = tower::service_fn({
        let began = began.clone();
        move |_: Request<Body>| {
            let (blocked, began) = (blocked.clone(), began.clone());
            async move {
                began.cancel();
                let _ = blocked.lock().map(|blocked| blocked.recv());
                Err::<Response<Body>, _>(io::Error::other("blocked for long"))
            }
        }
    });
    let mut runtime = Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build();
    let event_loop = event_loop().register(Recorder::new("pods", &Log::new()));

    let result = runtime.expect("a runtime").block_on(async {
        let event_loop = event_loop.client(Client::new(service, "default"));
        let stop = CancellationToken::new();
        let running = tokio::spawn(event_loop.run_until(stop.clone()));
        began.cancelled().await;
        stop.cancel();
        let result = timeout(seconds(10), running).await;
        drop(release);
        result
    });

    assert!(matches!(result, Ok(Ok(Ok(())))), "{result:?}");
}

/// Waits in its callbacks: on a thread, for what may block, or for ever.
struct Waits {
    began: mpsc::Sender<()>,
    released: Arc<Mutex<mpsc::Receiver<()>>>,
}

impl EventHandler for Waits {
    type Resource = Pod;

    fn name(&self) -> Cow<'_, str> {
        "waits".into()
    }

    fn informer(&self, informers: &Informers) -> Informer<Pod> {
        informers.informer(Filter::default())
    }
}

impl Callbacks for Waits {
    async fn on_add(&self, ev: Event<Self>) -> Result<Action> {
        let _ = self.began.send(());
        let released = Arc::clone(&self.released);
        let wait = move || {
            let _ = released.lock().map(|released| released.recv());
        };
        match ev.name() {
            "blocks" => wait(),
            "may-block" => ev.blocking(wait).await?,
            _ => std::future::pending().await,
        }
        Ok(Action::DONE)
    }
}

#[test]
fn law_9_of_the_callbacks_that_are_cut_off_those_that_block_are_said_to() {
    let mut runtime = Builder::new_multi_thread();
    let runtime = runtime.worker_threads(3).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let _entered = runtime.enter();
    let server = ScriptedServer::new();
    for name in ["blocks", "hangs", "may-block"] {
        server.put(pod(&format!("default/{name}")));
    }
    let (began, begins) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let handler = Waits {
        began,
        released: Arc::new(Mutex::new(released)),
    };
    let event_loop = event_loop()
        .client(server.client())
        .drain_timeout(Duration::ZERO)
        .register(handler);
    let stop = CancellationToken::new();
    let running = runtime.spawn(event_loop.run_until(stop.clone()));
    for _ in 0..3 {
        let began = begins.recv_timeout(seconds(60));
        began.expect("each callback begins");
    }

    stop.cancel();
    let result = runtime.block_on(running).expect("no panic");
    drop(release);

    let Err(RunError::CutOff(mut cut_off)) = result else {
        panic!("{result:?}");
    };
    cut_off.sort_by_key(|cut_off| cut_off.callback.object().clone());
    let cut_off = cut_off.iter();
    let shown = cut_off.map(|cut_off| (cut_off.callback.object().name(), cut_off.is_blocking));
    let shown: Vec<(&str, bool)> = shown.collect();
    let expected = [("blocks", true), ("hangs", false), ("may-block", false)];
    assert_eq!(shown, expected);
}
