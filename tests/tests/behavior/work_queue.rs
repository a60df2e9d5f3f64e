//! The stand-alone work queue, through its public surface and on the paused clock.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use kubehandler::k8s_openapi::api::core::v1::{Namespace, Pod};
use kubehandler::{
    EventType, HandlerError, Result, ResultExt, WorkContext, WorkQueue, WorkQueueError,
};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

const SEC: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

fn pod(name: &str) -> Pod {
    let mut pod = Pod::default();
    pod.metadata.namespace = Some("default".to_owned());
    pod.metadata.name = Some(name.to_owned());
    pod
}

/// Writes down every call, with when it started.
#[derive(Clone)]
struct Recorder {
    calls: Arc<Mutex<Vec<(String, Instant)>>>,
}

impl Recorder {
    fn new() -> Self {
        Self {
            calls: Arc::default(),
        }
    }

    fn record(&self, ctx: &WorkContext, name: &str) {
        let call = format!("{} {name}", ctx.event_type());
        self.lock().push((call, Instant::now()));
    }

    fn calls(&self) -> Vec<String> {
        self.lock().iter().map(|(call, _)| call.clone()).collect()
    }

    /// Returns the times between the starts of the calls.
    fn delays(&self) -> Vec<Duration> {
        let calls = self.lock();
        calls
            .windows(2)
            .map(|pair| pair[1].1.duration_since(pair[0].1))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(String, Instant)>> {
        self.calls.lock().expect("no panic under the lock")
    }
}

/// Registers one callback for all events of `pods`.
fn on_pods<F, Fut>(queue: &WorkQueue, callback: F)
where
    F: Fn(WorkContext, String, String) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result> + Send + 'static,
{
    queue
        .register_add_handler("pods", callback.clone())
        .expect("registered once");
    queue
        .register_update_handler("pods", callback.clone())
        .expect("registered once");
    queue
        .register_delete_handler("pods", callback)
        .expect("registered once");
}

/// A work queue that only records, and runs with these workers.
fn recorded() -> (WorkQueue, Recorder) {
    let (queue, recorder) = (WorkQueue::new("test"), Recorder::new());
    let record = recorder.clone();
    on_pods(&queue, move |ctx, _, name| {
        record.record(&ctx, &name);
        async { Ok(()) }
    });
    (queue, recorder)
}

/// A run of a work queue in the background.
struct Run {
    token: CancellationToken,
    task: JoinHandle<Result<(), WorkQueueError>>,
}

impl Run {
    fn start(queue: &WorkQueue, workers: usize) -> Self {
        let token = CancellationToken::new();
        let (queue, stop) = (queue.clone(), token.clone());
        Self {
            token,
            task: tokio::spawn(async move { queue.run(stop, workers).await }),
        }
    }

    async fn stop(self) -> Result<(), WorkQueueError> {
        self.token.cancel();
        self.task.await.expect("no panic")
    }
}

#[tokio::test(start_paused = true)]
async fn callback_gets_namespace_and_name() {
    let queue = WorkQueue::new("test");
    let seen: Arc<Mutex<Vec<_>>> = Arc::default();
    for kind in ["pods", "namespaces"] {
        let seen = seen.clone();
        let callback = move |ctx: WorkContext, namespace, name| {
            seen.lock()
                .unwrap()
                .push((ctx.event_type(), ctx.attempt(), namespace, name));
            async { Ok(()) }
        };
        queue.register_add_handler(kind, callback).unwrap();
    }
    let mut namespace = Namespace::default();
    namespace.metadata.name = Some("default".to_owned());

    let run = Run::start(&queue, 1);
    queue.enqueue_add("pods", &pod("web")).unwrap();
    queue.enqueue_add("namespaces", &namespace).unwrap();
    sleep(SEC).await;

    run.stop().await.unwrap();
    let call =
        |namespace: &str, name: &str| (EventType::Add, 0, namespace.to_owned(), name.to_owned());
    assert_eq!(
        *seen.lock().unwrap(),
        [call("default", "web"), call("", "default")]
    );
}

#[tokio::test(start_paused = true)]
async fn async_closures_can_be_registered() {
    let queue = WorkQueue::new("test");

    let registered = queue.register_add_handler("pods", async |_ctx, namespace, _name| {
        let _: u16 = namespace.parse()?;
        Ok(())
    });

    assert_eq!(registered, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_called_before_the_caches_have_synced() {
    let (queue, recorder) = recorded();
    let synced = Arc::new(AtomicBool::new(false));
    let has_synced = synced.clone();
    queue.add_synced(|| true);
    queue.add_synced(move || has_synced.load(Ordering::SeqCst));
    queue.enqueue_add("pods", &pod("web")).unwrap();
    let run = Run::start(&queue, 1);

    sleep(60 * SEC).await;
    assert_eq!(recorder.calls(), [""; 0]);
    synced.store(true, Ordering::SeqCst);
    sleep(SEC).await;

    assert_eq!(recorder.calls(), ["add web"]);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn caches_that_never_sync_end_the_run() {
    let (queue, _) = recorded();
    queue.add_synced(|| true);
    queue.add_synced(|| false);

    let run = Run::start(&queue, 1);

    let timeout = 120 * SEC;
    let error = WorkQueueError::NotSynced {
        waiting: 1,
        all: 2,
        timeout,
    };
    assert_eq!(run.task.await.expect("no panic"), Err(error));
}

#[tokio::test(start_paused = true)]
async fn stop_before_the_caches_have_synced_is_no_error() {
    let (queue, _) = recorded();
    queue.add_synced(|| false);
    let run = Run::start(&queue, 1);
    sleep(SEC).await;

    assert_eq!(run.stop().await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn first_deliveries_are_never_rate_limited() {
    let (queue, recorder) = recorded();
    let run = Run::start(&queue, 2);

    for number in 0..10_000 {
        queue
            .enqueue_add("pods", &pod(&format!("web-{number}")))
            .unwrap();
    }
    sleep(MS).await;

    assert_eq!(recorder.calls().len(), 10_000);
    assert_eq!(recorder.delays().into_iter().max(), Some(Duration::ZERO));
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn failed_call_comes_back_after_its_backoff_until_it_succeeds() {
    let (queue, recorder) = (WorkQueue::new("test"), Recorder::new());
    let record = recorder.clone();
    on_pods(&queue, move |ctx, _, name| {
        record.record(&ctx, &name);
        async move {
            if ctx.attempt() < 5 {
                Err("down".into())
            } else {
                Ok(())
            }
        }
    });
    queue.enqueue_add("pods", &pod("web")).unwrap();
    let run = Run::start(&queue, 2);

    sleep(60 * SEC).await;

    assert_eq!(recorder.calls(), ["add web"; 6]);
    assert_eq!(recorder.delays(), [5, 10, 20, 40, 80].map(|ms| ms * MS));
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn error_says_what_becomes_of_the_call() {
    let (queue, recorder) = (WorkQueue::new("test"), Recorder::new());
    let record = recorder.clone();
    on_pods(&queue, move |ctx, _, name| {
        record.record(&ctx, &name);
        async move {
            if ctx.attempt() == 0 {
                return Err("busy").retry_after(30 * SEC);
            }
            Err(HandlerError::terminal("wrong spec"))
        }
    });
    queue.enqueue_add("pods", &pod("web")).unwrap();
    let run = Run::start(&queue, 1);

    sleep(3000 * SEC).await;

    assert_eq!(recorder.delays(), [30 * SEC]);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn newer_event_does_not_wait_for_the_backoff() {
    let (queue, recorder) = (WorkQueue::new("test"), Recorder::new());
    let record = recorder.clone();
    on_pods(&queue, move |ctx, _, name| {
        record.record(&ctx, &name);
        async { Err("down").retry_after(1000 * SEC) }
    });
    queue.enqueue_add("pods", &pod("web")).unwrap();
    let run = Run::start(&queue, 1);
    sleep(SEC).await;

    queue.enqueue_update("pods", &pod("web")).unwrap();
    sleep(SEC).await;
    queue.enqueue_delete("pods", &pod("web")).unwrap();
    sleep(SEC).await;

    assert_eq!(recorder.calls(), ["add web", "add web", "delete web"]);
    assert_eq!(recorder.delays(), [SEC; 2]);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn panic_is_the_failure_of_its_call_only() {
    let (queue, recorder) = (WorkQueue::new("test"), Recorder::new());
    let record = recorder.clone();
    on_pods(&queue, move |ctx, _, name| {
        record.record(&ctx, &name);
        assert!(
            name != "early" || ctx.attempt() > 0,
            "before the first await"
        );
        async move {
            assert!(name != "late" || ctx.attempt() > 0, "in the future");
            Ok(())
        }
    });
    for name in ["early", "late", "fine"] {
        queue.enqueue_add("pods", &pod(name)).unwrap();
    }
    let run = Run::start(&queue, 1);

    sleep(SEC).await;

    assert_eq!(
        recorder.calls(),
        ["add early", "add late", "add fine", "add early", "add late"]
    );
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_name_is_in_one_hand_at_a_time_whatever_the_event() {
    let (queue, recorder) = (WorkQueue::new("test"), Recorder::new());
    let (record, running, most) = (
        recorder.clone(),
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
    );
    let seen = most.clone();
    on_pods(&queue, move |ctx, _, name| {
        record.record(&ctx, &name);
        let (running, seen) = (running.clone(), seen.clone());
        async move {
            seen.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            sleep(SEC).await;
            running.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        }
    });
    let run = Run::start(&queue, 8);

    queue.enqueue_add("pods", &pod("web")).unwrap();
    sleep(MS).await;
    queue.enqueue_update("pods", &pod("web")).unwrap();
    queue.enqueue_delete("pods", &pod("web")).unwrap();
    queue.enqueue_add("pods", &pod("web")).unwrap();
    sleep(60 * SEC).await;

    assert_eq!(recorder.calls(), ["add web", "delete web", "add web"]);
    assert_eq!(most.load(Ordering::SeqCst), 1);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn different_names_and_kinds_run_in_parallel() {
    let queue = WorkQueue::new("test");
    let done = Arc::new(AtomicUsize::new(0));
    for kind in ["pods", "sites"] {
        let done = done.clone();
        let callback = move |_, _, _| {
            let done = done.clone();
            async move {
                sleep(10 * SEC).await;
                done.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }
        };
        queue.register_add_handler(kind, callback).unwrap();
    }
    let run = Run::start(&queue, 3);

    queue.enqueue_add("pods", &pod("a")).unwrap();
    queue.enqueue_add("pods", &pod("b")).unwrap();
    queue.enqueue_add("sites", &pod("a")).unwrap();
    sleep(11 * SEC).await;

    assert_eq!(done.load(Ordering::SeqCst), 3);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn pending_calls_of_one_name_merge() {
    let (queue, recorder) = recorded();
    let web = pod("web");
    for name in ["short-lived", "merged"] {
        queue.enqueue_add("pods", &pod(name)).unwrap();
        queue.enqueue_update("pods", &pod(name)).unwrap();
    }
    queue.enqueue_delete("pods", &pod("short-lived")).unwrap();
    queue.enqueue_update("pods", &web).unwrap();
    queue.enqueue_delete("pods", &web).unwrap();
    queue.enqueue_add("pods", &web).unwrap();
    assert_eq!(queue.len(), 2);

    let run = Run::start(&queue, 1);
    sleep(SEC).await;

    assert_eq!(recorder.calls(), ["add merged", "delete web", "add web"]);
    assert!(queue.is_empty());
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn delete_that_goes_on_failing_lets_the_new_object_through() {
    let (queue, recorder) = (WorkQueue::new("test"), Recorder::new());
    let record = recorder.clone();
    on_pods(&queue, move |ctx, _, name| {
        record.record(&ctx, &name);
        async move {
            if ctx.event_type() == EventType::Delete {
                Err("stuck".into())
            } else {
                Ok(())
            }
        }
    });
    queue.enqueue_delete("pods", &pod("web")).unwrap();
    let run = Run::start(&queue, 1);
    sleep(600 * SEC).await;
    let before = recorder.calls().len();

    queue.enqueue_add("pods", &pod("web")).unwrap();
    sleep(MS).await;
    assert_eq!(recorder.calls().len(), before + 1, "due at once");
    sleep(6000 * SEC).await;

    let mut expected = vec!["delete web"; 5];
    expected.push("add web");
    assert_eq!(recorder.calls()[before..], expected);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn stop_lets_running_callbacks_finish_and_starts_nothing() {
    let (queue, recorder) = (WorkQueue::new("test"), Recorder::new());
    let (record, finished) = (recorder.clone(), Arc::new(AtomicUsize::new(0)));
    let count = finished.clone();
    on_pods(&queue, move |ctx, _, name| {
        record.record(&ctx, &name);
        let count = count.clone();
        async move {
            ctx.cancelled().await;
            sleep(10 * SEC).await;
            assert!(ctx.is_cancelled());
            count.fetch_add(1, Ordering::SeqCst);
            Err("a retry is nothing that starts either".into())
        }
    });
    for number in 0..1000 {
        queue
            .enqueue_add("pods", &pod(&number.to_string()))
            .unwrap();
    }
    let run = Run::start(&queue, 20);
    sleep(SEC).await;
    queue.enqueue_delete("pods", &pod("0")).unwrap();

    assert_eq!(run.stop().await, Ok(()));
    queue.enqueue_add("pods", &pod("late")).unwrap();
    sleep(60 * SEC).await;

    assert_eq!(finished.load(Ordering::SeqCst), 20);
    assert_eq!(recorder.calls().len(), 20);
    assert_eq!(queue.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn callbacks_that_outlast_the_drain_deadline_are_named() {
    for (drain_timeout, queue) in [
        (25 * SEC, WorkQueue::new("test")),
        (3 * SEC, WorkQueue::new("test").drain_timeout(3 * SEC)),
    ] {
        let dropped = Arc::new(());
        let witness = dropped.clone();
        on_pods(&queue, move |_, _, name| {
            let witness = witness.clone();
            async move {
                sleep(if name == "quick" { SEC } else { 1000 * SEC }).await;
                drop(witness);
                Ok(())
            }
        });
        for name in ["slow", "hung", "quick"] {
            queue.enqueue_add("pods", &pod(name)).unwrap();
        }
        let run = Run::start(&queue, 3);
        sleep(MS).await;
        let stopped = Instant::now();

        let error = run.stop().await.expect_err("two hang");

        assert_eq!(stopped.elapsed(), drain_timeout);
        let message = error.to_string();
        assert!(
            message.ends_with("deadline: pods add default/hung; pods add default/slow"),
            "{message}"
        );
        drop(queue);
        sleep(SEC).await;
        assert_eq!(Arc::strong_count(&dropped), 1, "the futures are dropped");
    }
}

#[tokio::test(start_paused = true)]
async fn dropped_run_drops_its_callbacks_and_takes_nothing_more() {
    let queue = WorkQueue::new("test");
    let witness = Arc::new(());
    let held = witness.clone();
    on_pods(&queue, move |_, _, _| {
        let held = held.clone();
        async move {
            sleep(1000 * SEC).await;
            drop(held);
            Ok(())
        }
    });
    queue.enqueue_add("pods", &pod("web")).unwrap();
    let run = Run::start(&queue, 1);
    sleep(SEC).await;
    assert_eq!(Arc::strong_count(&witness), 5);

    run.task.abort();
    sleep(SEC).await;
    queue.enqueue_add("pods", &pod("late")).unwrap();

    assert_eq!(
        Arc::strong_count(&witness),
        4,
        "registered three times, running nowhere"
    );
    assert_eq!(queue.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn kind_is_any_text() {
    let queue = WorkQueue::new("test");
    let called = Arc::new(AtomicUsize::new(0));
    for kind in ["add:pods:v1", "add", "add:pods"] {
        let called = called.clone();
        let callback = move |_, _, _| {
            called.fetch_add(1, Ordering::SeqCst);
            async { Ok(()) }
        };
        queue.register_add_handler(kind, callback).unwrap();
        queue.enqueue_add(kind, &pod("web")).unwrap();
    }

    let run = Run::start(&queue, 1);
    sleep(SEC).await;

    assert_eq!(called.load(Ordering::SeqCst), 3);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn wrong_use_is_a_typed_error() {
    let (queue, _) = recorded();
    let nothing = async |_, _, _| Ok(());
    let kind = "pods".to_owned();
    let token = CancellationToken::new();

    let event_type = EventType::Update;
    assert_eq!(
        queue.register_update_handler("pods", nothing),
        Err(WorkQueueError::DuplicateHandler {
            kind: kind.clone(),
            event_type
        })
    );
    assert_eq!(
        queue.register_add_handler("", nothing),
        Err(WorkQueueError::EmptyKind)
    );
    queue.register_add_handler("sites", nothing).unwrap();
    for unregistered in ["sites", "secrets"] {
        let kind = unregistered.to_owned();
        assert_eq!(
            queue.enqueue_update(unregistered, &pod("web")),
            Err(WorkQueueError::NotRegistered { kind, event_type })
        );
    }
    for nameless in [Pod::default(), pod("")] {
        let error = WorkQueueError::Nameless { kind: kind.clone() };
        assert_eq!(queue.enqueue_delete("pods", &nameless), Err(error));
    }
    assert_eq!(
        queue.run(token.clone(), 0).await,
        Err(WorkQueueError::ZeroWorkers)
    );
    assert_eq!(
        WorkQueue::new("").run(token.clone(), 1).await,
        Err(WorkQueueError::EmptyName)
    );

    token.cancel();
    assert_eq!(queue.run(token.clone(), 1).await, Ok(()));
    assert_eq!(
        queue.run(token, 1).await,
        Err(WorkQueueError::AlreadyRun("test".to_owned()))
    );
}

#[test]
fn errors_say_what_to_do() {
    let kind = "pods".to_owned();
    let event_type = EventType::Add;

    let message = WorkQueueError::NotRegistered { kind, event_type }.to_string();

    assert_eq!(
        message,
        "kind `pods` has no callback for `add`: call `register_add_handler` first"
    );
}

/// Not paused: it needs a thread to block.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callback_that_blocks_its_thread_is_named_and_left_behind() {
    let queue = WorkQueue::new("test").drain_timeout(10 * MS);
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let blocked = Arc::new(Mutex::new(blocked));
    let started = Arc::new(tokio::sync::Notify::new());
    let start = started.clone();
    on_pods(&queue, move |_, _, _| {
        let (blocked, start) = (blocked.clone(), start.clone());
        async move {
            start.notify_one();
            let _ended = blocked.lock().unwrap().recv();
            Ok(())
        }
    });
    queue.enqueue_add("pods", &pod("blocking")).unwrap();
    let run = Run::start(&queue, 1);
    started.notified().await;

    let error = run.stop().await.expect_err("one blocks");

    assert!(
        error
            .to_string()
            .ends_with("pods add default/blocking (it blocks its thread)"),
        "{error}"
    );
    drop(release);
}

#[tokio::test(start_paused = true)]
async fn no_callback_starts_once_the_queue_is_told_to_stop() {
    let queue = WorkQueue::new("test");
    let token = CancellationToken::new();
    let recorder = Recorder::new();
    let callback = {
        let (recorder, token) = (recorder.clone(), token.clone());
        move |ctx: WorkContext, _: String, name: String| {
            recorder.record(&ctx, &name);
            token.cancel();
            async { Ok(()) }
        }
    };
    queue
        .register_add_handler("pods", callback)
        .expect("a new kind");
    for number in 0..100 {
        let pod = pod(&format!("p{number}"));
        queue.enqueue_add("pods", &pod).expect("registered");
    }

    let result = queue.run(token, 1).await;

    assert_eq!(result, Ok(()));
    assert_eq!(recorder.calls(), ["add p0"]);
}

/// An error that cannot be printed.
#[derive(Debug)]
struct Unprintable;

impl std::fmt::Display for Unprintable {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("told to panic")
    }
}

impl std::error::Error for Unprintable {}

#[tokio::test(start_paused = true)]
async fn error_that_panics_when_it_is_printed_costs_no_worker() {
    // Somebody must want to print it.
    let _ = tracing_subscriber::fmt()
        .with_writer(std::io::sink)
        .try_init();
    let queue = WorkQueue::new("test");
    let recorder = Recorder::new();
    let callback = {
        let recorder = recorder.clone();
        move |ctx: WorkContext, _: String, name: String| {
            recorder.record(&ctx, &name);
            let fails = name == "bad" && ctx.attempt() == 0;
            async move {
                if fails {
                    Err(Unprintable.into())
                } else {
                    Ok(())
                }
            }
        }
    };
    queue
        .register_add_handler("pods", callback)
        .expect("a new kind");
    for name in ["bad", "good"] {
        queue.enqueue_add("pods", &pod(name)).expect("registered");
    }
    let token = CancellationToken::new();
    let _stop = token.clone().drop_guard();
    let running = queue.clone();
    tokio::spawn(async move { running.run(token, 1).await });

    sleep(SEC).await;

    assert_eq!(recorder.calls(), ["add bad", "add good", "add bad"]);
}
