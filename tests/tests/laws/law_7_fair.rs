use kubehandler_tests::{
    pod,
    recorder::{Does, Log, Recorder},
    scripted::ScriptedServer,
};
use tokio::time::sleep;

use super::{Running, event_loop, millis, revision, seconds, workers};

#[tokio::test(start_paused = true)]
async fn law_7_live_change_overtakes_the_first_list() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    for number in 0..50 {
        server.put(pod(&format!("default/p{number}")));
    }
    let handler = Recorder::new("slow", &log).does(|_| Does::Take(seconds(1)));
    let running = Running::start(&server, event_loop().workers(workers(1)).register(handler));
    sleep(millis(1500)).await;

    server.put(pod("default/live"));
    running.settle().await;

    let calls = log.started();
    let place = calls.iter().position(|seen| seen.object == "default/live");
    assert_eq!(place, Some(2), "two had started before it");
    assert!(calls[0].initial && !calls[2].initial);
}

#[tokio::test(start_paused = true)]
async fn law_7_first_list_is_not_starved_by_live_changes() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    for number in 0..20 {
        server.put(pod(&format!("default/p{number}")));
    }
    let handler = Recorder::new("slow", &log).does(|_| Does::Take(seconds(1)));
    let _running = Running::start(&server, event_loop().workers(workers(1)).register(handler));
    sleep(millis(500)).await;

    // Two live changes for each call that the worker can make.
    for number in 0..400 {
        server.put(revision(&format!("default/live{}", number % 40), number));
        sleep(millis(500)).await;
    }

    let initial = log.started().iter().filter(|seen| seen.initial).count();
    assert_eq!(initial, 20, "all of the first list, one in eight calls");
}

#[tokio::test(start_paused = true)]
async fn law_7_first_list_comes_in_its_order_however_long_it_is() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    let names: Vec<String> = (0..500)
        .map(|number| format!("default/p{number:03}"))
        .collect();
    for name in &names {
        server.put(pod(name));
    }
    let handler = Recorder::new("slow", &log).does(|_| Does::Take(millis(10)));
    let _running = Running::start(&server, event_loop().workers(workers(1)).register(handler));

    sleep(seconds(10)).await;

    let order: Vec<String> = log.started().into_iter().map(|seen| seen.object).collect();
    assert_eq!(order, names);
}

#[tokio::test(start_paused = true)]
async fn law_7_first_in_is_first_out() {
    let (server, log) = (ScriptedServer::new(), Log::new());
    let handler = Recorder::new("slow", &log).does(|_| Does::Take(millis(100)));
    let running = Running::start(&server, event_loop().workers(workers(1)).register(handler));
    sleep(seconds(1)).await;

    let names: Vec<String> = (0..30)
        .map(|number| format!("default/p{}", (number * 7) % 30))
        .collect();
    for name in &names {
        server.put(pod(name));
        sleep(millis(1)).await;
    }
    running.settle().await;

    let order: Vec<String> = log.started().into_iter().map(|seen| seen.object).collect();
    assert_eq!(order, names);
}
