//! An informer whose watch misbehaves: each fault ends with the store equal to the server.

use std::time::Duration;

use kubehandler_tests::{
    pod,
    scripted::{Asked, Follower, Reply, ScriptedServer, Truth, View},
};
use serde_json::json;
use tokio::time::{Instant, sleep};

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

#[tokio::test(start_paused = true)]
async fn expired_version_as_http_status_ends_in_a_consistent_list() {
    let server = ScriptedServer::with_three_pods();
    let follower = Follower::start_synced(&server).await;
    server.fault(1, Asked::is_watch, || Reply::status(410, "Expired"));
    server.close_watches();
    server.change_all();

    follower.converges().await;

    let lists: Vec<Asked> = server
        .asked()
        .into_iter()
        .filter(Asked::is_streaming_list)
        .collect();
    assert_eq!(lists.len(), 2);
    assert_eq!(lists[1].param("resourceVersion"), "");
    assert!(server.asked().len() < 10);
}

#[tokio::test(start_paused = true)]
async fn expired_version_as_first_event_of_a_watch_ends_in_a_consistent_list() {
    let server = ScriptedServer::with_three_pods();
    let follower = Follower::start_synced(&server).await;
    server.fault(1, Asked::is_watch, || {
        Reply::stream().error_event(410, "Expired")
    });
    server.close_watches();
    server.change_all();

    follower.converges().await;

    assert_eq!(server.count(Asked::is_streaming_list), 2);
    assert!(server.asked().len() < 10);
}

#[tokio::test(start_paused = true)]
async fn expired_version_in_mid_stream_ends_in_a_consistent_list() {
    let server = ScriptedServer::with_three_pods();
    let follower = Follower::start_synced(&server).await;
    server.once(Asked::is_watch, |asked, truth| {
        let pod = truth.objects(&View::of(asked)).pop()?;
        let reply = Reply::stream().event("MODIFIED", &pod).wait(minutes(1));
        Some(reply.error_event(410, "Expired"))
    });
    server.close_watches();
    server.change_all();

    follower.converges().await;

    assert_eq!(server.count(Asked::is_streaming_list), 2);
}

#[tokio::test(start_paused = true)]
async fn silent_watch_is_left_after_its_time() {
    let server = ScriptedServer::with_three_pods();
    let follower = Follower::start_synced(&server).await;
    server.fault(1, Asked::is_watch, || Reply::stream().hang());
    server.close_watches();
    server.change_all();
    let start = Instant::now();

    follower.becomes_equal().await;

    let waited = start.elapsed().as_secs();
    assert!((300..=305).contains(&waited), "left after {waited} s");
    assert_eq!(
        server.count(Asked::is_streaming_list),
        1,
        "it lists no second time"
    );
    follower.converges().await;
}

#[tokio::test(start_paused = true)]
async fn watch_cut_in_mid_frame_goes_on_without_a_list() {
    let server = ScriptedServer::with_three_pods();
    let follower = Follower::start_synced(&server).await;
    for times in 1..=3 {
        server.rule({
            let mut times = times;
            move |asked, truth| {
                if !asked.is_watch() || times == 0 {
                    return None;
                }
                times -= 1;
                let (events, _) = truth.missed(asked);
                let reply = Reply::stream().lines(&events);
                let most = reply.length() * 2 / 3;
                Some(reply.cut_after(most))
            }
        });
        server.close_watches();
        server.change_all();
        follower.becomes_equal().await;
        server.be_honest();
    }

    follower.converges().await;
    assert_eq!(
        server
            .asked()
            .iter()
            .filter(|asked| !asked.is_watch())
            .count(),
        1,
        "one list"
    );
}

#[tokio::test(start_paused = true)]
async fn frame_that_cannot_be_read_ends_in_a_list() {
    let unreadable = [
        "?\n",
        "{}\n",
        "{\"type\":\"ADDED\",\"object\":{}}\n",
        "{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"name\":7}}}\n",
        "{\"type\":\"PURPLE\",\"object\":{\"metadata\":{\"name\":\"a\"}}}\n",
    ];
    for text in unreadable {
        let server = ScriptedServer::with_three_pods();
        let follower = Follower::start_synced(&server).await;
        server.fault(1, Asked::is_watch, move || {
            Reply::stream().text(text).hang()
        });
        server.close_watches();
        server.change_all();

        follower.becomes_equal().await;

        let lists: Vec<Asked> = server
            .asked()
            .into_iter()
            .filter(Asked::is_streaming_list)
            .collect();
        assert_eq!(lists.len(), 2, "{text}");
        assert_eq!(
            lists[1].param("resourceVersion"),
            "98",
            "not older than what was seen"
        );
        follower.converges().await;
    }
}

#[tokio::test(start_paused = true)]
async fn undecodable_object_does_not_hold_the_store_up() {
    let server = ScriptedServer::with_three_pods();
    let follower = Follower::start_synced(&server).await;
    let mut odd = pod("default/odd");
    odd["spec"] = json!(["no", "spec"]);

    server.put(odd.clone());
    sleep(Duration::from_secs(1)).await;
    assert!(follower.keys().contains(&"default/odd".to_owned()));
    server.close_watches();
    server.put(odd);
    sleep(Duration::from_secs(10)).await;
    assert!(
        follower
            .informer
            .get(&"default/odd".parse().expect("a key"))
            .is_err()
    );
    server.delete_pod("default/odd");

    follower.converges().await;
    assert_eq!(server.count(Asked::is_streaming_list), 1, "no relist");
}

#[tokio::test(start_paused = true)]
async fn object_without_a_version_is_stored_and_does_not_move_the_version() {
    let server = ScriptedServer::with_three_pods();
    let follower = Follower::start_synced(&server).await;
    server.fault(1, Asked::is_watch, || {
        let mut bare = pod("default/bare");
        bare["metadata"]["uid"] = json!("bare");
        let reply = Reply::stream().event("ADDED", &bare);
        bare["metadata"]["labels"] = json!({"changed": "yes"});
        reply.event("MODIFIED", &bare).wait(minutes(1))
    });
    server.close_watches();

    sleep(minutes(1) / 2).await;
    let bare = follower
        .informer
        .get(&"default/bare".parse().expect("a key"));
    let bare = bare.expect("a pod").expect("there");
    assert!(
        bare.metadata
            .labels
            .as_ref()
            .is_some_and(|labels| labels.contains_key("changed"))
    );
    sleep(minutes(1)).await;

    let last = server.asked().pop().expect("asked");
    assert!(last.is_watch());
    assert_eq!(last.param("resourceVersion"), "98");
}

#[tokio::test(start_paused = true)]
async fn duplicated_events_change_nothing() {
    let server = ScriptedServer::with_three_pods();
    let follower = Follower::start_synced(&server).await;
    server.rule({
        let mut times = 2;
        move |asked, truth| {
            if !asked.is_watch() || times == 0 {
                return None;
            }
            times -= 1;
            let (events, version) = truth.missed(asked);
            let twice = events.iter().fold(Reply::stream(), |reply, event| {
                let line = format!("{event}\n");
                reply.text(&line).text(&line)
            });
            Some(twice.watch(version))
        }
    });
    server.close_watches();
    server.change_all();

    follower.converges().await;

    assert_eq!(server.count(Asked::is_streaming_list), 1, "no relist");
}

#[tokio::test(start_paused = true)]
async fn reordered_events_end_in_a_list() {
    let server = ScriptedServer::with_three_pods();
    let follower = Follower::start_synced(&server).await;
    server.once(Asked::is_watch, |asked, truth| {
        let (mut events, version) = truth.missed(asked);
        events.reverse();
        let reply = Reply::stream().lines(&events);
        Some(reply.watch(version))
    });
    server.close_watches();
    server.change_all();

    follower.converges().await;

    assert_eq!(server.count(Asked::is_streaming_list), 2);
    assert!(server.asked().len() < 10);
}

#[tokio::test(start_paused = true)]
async fn bookmark_that_goes_backwards_ends_in_a_list() {
    let server = ScriptedServer::with_three_pods();
    let follower = Follower::start_synced(&server).await;
    server.fault(1, Asked::is_watch, || Reply::stream().bookmark(20).hang());
    server.close_watches();
    server.change_all();

    follower.converges().await;

    assert_eq!(server.count(Asked::is_streaming_list), 2);
}

#[tokio::test(start_paused = true)]
async fn deletion_of_another_uid_ends_in_a_list() {
    let server = ScriptedServer::with_three_pods();
    let follower = Follower::start_synced(&server).await;
    server.once(Asked::is_watch, |asked, truth| {
        let mut other = truth.objects(&View::of(asked)).pop()?;
        other["metadata"]["uid"] = json!("another");
        other["metadata"]["resourceVersion"] = json!(truth.version().to_string());
        Some(Reply::stream().event("DELETED", &other).hang())
    });
    server.close_watches();

    follower.converges().await;

    assert_eq!(follower.keys().len(), 3);
    assert_eq!(server.count(Asked::is_streaming_list), 2);
}

#[tokio::test(start_paused = true)]
async fn re_creation_during_a_disconnect_shows_the_new_object() {
    let server = ScriptedServer::with_three_pods();
    let follower = Follower::start_synced(&server).await;
    let old = follower.pods();
    for compact in [false, true] {
        server.close_watches();
        for name in ["a", "b", "c"] {
            server.delete_pod(&format!("default/{name}"));
            server.put(pod(&format!("default/{name}")));
        }
        if compact {
            server.change(Truth::compact);
        }
        follower.becomes_equal().await;
        assert!(
            follower
                .pods()
                .iter()
                .all(|(_, uid, _)| old.iter().all(|(_, old, _)| old != uid))
        );
    }

    follower.converges().await;
}

#[tokio::test(start_paused = true)]
async fn watch_that_expires_without_saying_so_ends_in_a_list() {
    let server = ScriptedServer::with_three_pods();
    let follower = Follower::start_synced(&server).await;
    let lists = server.asked().len();
    // Some resources close a watch from too old a version without a word.
    let too_old = server.change(|truth| truth.version());
    server.rule(move |asked, _| {
        let is_too_old = asked.is_watch() && asked.param("resourceVersion") == too_old.to_string();
        is_too_old.then(Reply::stream)
    });
    server.close_watches();
    server.change_all();

    follower.converges().await;

    assert_eq!(lists, 1);
    assert!(server.asked().len() < 12);
}

#[tokio::test(start_paused = true)]
async fn event_that_the_server_cannot_send_is_passed_by_a_list() {
    let server = ScriptedServer::with_three_pods();
    let follower = Follower::start_synced(&server).await;
    let version = server.change(|truth| truth.version()).to_string();
    server.rule(move |asked, _| {
        let is_stuck = asked.is_watch() && asked.param("resourceVersion") == version;
        is_stuck.then(|| Reply::stream().error_event(500, "InternalError"))
    });
    server.close_watches();

    server.put(pod("default/new"));

    follower.converges().await;
    assert!(server.asked().len() < 20);
}

#[tokio::test(start_paused = true)]
async fn watch_that_brings_events_and_is_cut_is_opened_again_at_once() {
    for millis in [100, 1_000, 4_500] {
        let server = ScriptedServer::with_three_pods();
        let follower = Follower::start_synced(&server).await;
        server.rule(move |asked, truth| {
            let (events, _) = truth.missed(asked);
            let reply = Reply::stream().lines(&events);
            asked
                .is_watch()
                .then(|| reply.wait(Duration::from_millis(millis)).cut())
        });
        server.close_watches();

        // Each watch brings some events, and none is open for five seconds.
        let mut latest = Duration::ZERO;
        for _ in 0..100 {
            server.put(pod("default/a"));
            let changed = Instant::now();
            while follower.pods() != server.pods() {
                sleep(Duration::from_millis(50)).await;
            }
            latest = latest.max(changed.elapsed());
            sleep(Duration::from_millis(200)).await;
        }

        let most = Duration::from_millis(millis.max(1_000) + 200);
        assert!(
            latest <= most,
            "{latest:?} late with watches of {millis} ms"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn server_that_came_back_with_less_history_is_noticed() {
    for is_refused in [true, false] {
        let server = ScriptedServer::with_three_pods();
        for _ in 0..20 {
            server.put(pod("default/a"));
        }
        let follower = Follower::start_synced(&server).await;
        if is_refused {
            server.fault(1, Asked::is_watch, || {
                Reply::unreachable("connection refused")
            });
        }
        // A watch of a version that is yet to come is silent, and without bookmarks.
        server.rule(|asked, truth| {
            let version: u64 = asked.param("resourceVersion").parse().ok()?;
            (asked.is_watch() && version > truth.version())
                .then(|| Reply::stream().wait(Duration::from_secs(290)))
        });
        server.change(|truth| truth.restore(100));
        server.put(pod("default/after"));

        // A server that cannot be reached may be another one; a watch that ends may be any.
        let patience = if is_refused { 20 } else { 310 };
        sleep(Duration::from_secs(patience)).await;

        assert_eq!(follower.keys(), ["default/after"], "refused: {is_refused}");
        server.be_honest();
        follower.converges().await;
    }
}

#[tokio::test(start_paused = true)]
async fn silent_watch_after_one_that_ended_early_is_followed_by_one_question() {
    let server = ScriptedServer::with_three_pods();
    let _follower = Follower::start_synced(&server).await;
    server.forget_asked();

    sleep(minutes(60)).await;
    assert_eq!(server.count(Asked::is_probe), 0, "a quiet resource");
    server.close_watches();
    sleep(minutes(60)).await;

    assert_eq!(server.count(Asked::is_probe), 1);
    assert_eq!(server.count(|asked| !asked.is_watch()), 1);
}
