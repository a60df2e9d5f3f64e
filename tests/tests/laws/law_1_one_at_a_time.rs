use kubehandler_tests::{
    recorder::{Does, Line, Log, Recorder},
    scripted::ScriptedServer,
};
use tokio::time::sleep;

use super::{Running, event_loop, millis, revision, seconds, workers};

#[tokio::test(start_paused = true)]
async fn law_1_one_object_has_one_callback_at_a_time() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    let handler = Recorder::new("slow", &log).does(|seen| match seen.attempt {
        0 if seen.event_type != kubehandler::EventType::Add => Does::Fail,
        _ => Does::Take(millis(700)),
    });
    let running = Running::start(&server, event_loop().workers(workers(8)).register(handler));

    for number in 0..40 {
        server.put(revision("default/a", number));
        server.put(revision("default/b", number));
        if number % 10 == 9 {
            server.delete_pod("default/a");
        }
        sleep(millis(100)).await;
    }
    running.settle().await;

    log.assert_one_at_a_time();
    log.assert_order_of_life();
    assert!(log.calls().len() > 8, "{:?}", log.calls());
}

#[tokio::test(start_paused = true)]
async fn law_1_different_objects_and_handlers_run_in_parallel() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    for name in ["default/a", "default/b", "default/c"] {
        server.put(revision(name, 0));
    }
    let slow = |name| Recorder::new(name, &log).does(|_| Does::Take(seconds(5)));
    let event_loop = event_loop().register(slow("one")).register(slow("two"));
    let running = Running::start(&server, event_loop);

    sleep(seconds(1)).await;

    let lines = log.lines();
    assert!(lines.iter().all(|line| matches!(line, Line::Started(_))));
    assert_eq!(lines.len(), 6, "{lines:?}");
    running.settle().await;
}
