use std::{future::poll_fn, task::Poll};

use kubehandler_tests::{
    pod,
    recorder::{Log, Recorder},
    scripted::{Follower, ScriptedServer, Truth},
};
use serde_json::json;

use super::{Running, event_loop, workers};

/// After so much text, or so many objects, a task lets others run.
const BUDGET: usize = 256 * 1024;
const AT_ONCE: usize = 256;

/// A server of so many pods of such a size, which it does not stream.
fn server_of(pods: usize, size: usize) -> ScriptedServer {
    let server = ScriptedServer::new();
    server.refuse_streaming();
    let filler = "x".repeat(size);
    for number in 0..pods {
        server.put(json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "namespace": "default",
                "name": format!("pod-{number:05}"),
                "annotations": {"filler": filler},
            },
            "spec": {"containers": [{"name": "main", "image": "busybox"}]},
        }));
    }
    server
}

/// Runs a task that looks again and again, until it has seen enough.
///
/// It goes to the end of the thread's queue each time: between two of its turns each task that is
/// ready is polled once.
async fn look<T: Send + 'static>(mut look: impl FnMut() -> Option<T> + Send + 'static) -> T {
    let looking = poll_fn(move |context| {
        context.waker().wake_by_ref();
        look().map_or(Poll::Pending, Poll::Ready)
    });
    tokio::spawn(looking).await.expect("no panic")
}

#[tokio::test(start_paused = true)]
async fn law_10_others_run_while_a_list_in_one_piece_is_taken() {
    let server = server_of(400, 20_000); // One page.
    let pieces = 400 * 20_000 / BUDGET;
    let follower = Follower::start(&server);

    let informer = follower.informer.clone();
    let (mut reading, mut last, mut most) = (0, 0, 0);
    let (reading, most) = look(move || {
        let objects = informer.len();
        reading += usize::from(objects == 0);
        most = most.max(objects - last);
        last = objects;
        informer.has_synced().then_some((reading, most))
    })
    .await;

    // Each piece is received, and then read.
    assert!(reading >= 2 * pieces * 9 / 10, "{reading} turns");
    assert!(most <= 2 * BUDGET / 20_000, "{most} objects at a time");
}

// In real time: a task that always runs would hold up the clock.
#[tokio::test]
async fn law_10_others_run_while_what_a_list_lacks_is_removed() {
    let server = server_of(5_000, 0);
    let follower = Follower::start(&server);
    follower.synced().await;
    for key in follower.keys() {
        server.delete_pod(&key);
    }
    server.put(pod("default/other"));
    server.change(Truth::compact);

    let informer = follower.informer.clone();
    let (mut last, mut most) = (informer.len(), 0);
    let most = look(move || {
        let objects = informer.len();
        most = most.max(last.saturating_sub(objects));
        last = objects;
        (objects == 1).then_some(most)
    })
    .await;

    assert!(most <= 2 * AT_ONCE, "{most} at a time");
}

#[tokio::test(start_paused = true)]
async fn law_10_others_run_while_a_worker_goes_from_object_to_object() {
    let server = server_of(400, 20_000);
    let log = Log::new();
    let event_loop = event_loop()
        .workers(workers(1))
        .register(Recorder::new("pods", &log));
    let running = Running::start(&server, event_loop);
    let handle = running.handle.clone();
    while !handle
        .informers()
        .iter()
        .any(|informer| informer.has_synced)
    {
        tokio::task::yield_now().await;
    }

    let (calls, mut last, mut most) = (log.clone(), 0, 0);
    let most = look(move || {
        let called = calls.started().len();
        most = most.max(called - last);
        last = called;
        handle.is_idle().then_some(most)
    })
    .await;

    assert!(most <= 2 * BUDGET / 20_000, "{most} calls at a time");
    running.stop().await.expect("it stops");
}
