//! An informer whose lists misbehave: each fault ends with the store equal to the server.

use std::time::Duration;

use kubehandler_tests::{
    pod,
    scripted::{Asked, Follower, Reply, ScriptedServer, Truth, View},
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

fn version_of(object: &Value) -> u64 {
    let version = object["metadata"]["resourceVersion"].as_str();
    version
        .and_then(|version| version.parse().ok())
        .expect("a version")
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

#[tokio::test(start_paused = true)]
async fn expired_page_restarts_the_list_in_one_piece() {
    let server = ScriptedServer::new();
    for number in 0..1100 {
        server.put(pod(&format!("default/pod-{number:04}")));
    }
    server.refuse_streaming();
    server.fault(
        3,
        |asked| !asked.param("continue").is_empty(),
        || Reply::status(410, "Expired"),
    );
    let follower = Follower::start(&server);

    follower.converges().await;

    let lists: Vec<Asked> = server.asked().into_iter().filter(Asked::is_list).collect();
    assert_eq!(lists.len(), 3, "a page, an expired page, the whole");
    assert_eq!(lists[2].param("limit"), "");
}

#[tokio::test(start_paused = true)]
async fn aborted_list_changes_nothing() {
    let server = ScriptedServer::new();
    for number in 0..600 {
        server.put(pod(&format!("default/pod-{number:04}")));
    }
    server.refuse_streaming();
    let follower = Follower::start_synced(&server).await;
    let until = Instant::now() + minutes(5);
    server.rule(move |asked, _| {
        let second_page = !asked.param("continue").is_empty();
        (second_page && Instant::now() < until).then(|| Reply::status(500, "InternalError"))
    });
    server.delete_pod("default/pod-0000");
    server.change(Truth::compact);

    sleep(minutes(4)).await;

    assert!(server.count(Asked::is_list) > 5);
    assert_eq!(follower.keys().len(), 600, "half a list deletes nothing");
    follower.converges().await;
}

#[tokio::test(start_paused = true)]
async fn refused_streaming_list_is_replaced_by_pages_for_good() {
    let server = ScriptedServer::with_three_pods();
    server.refuse_streaming();
    let start = Instant::now();
    let follower = Follower::start(&server);
    follower.becomes_equal().await;
    assert!(start.elapsed() < Duration::from_secs(1), "without a delay");

    server.change(Truth::compact);
    server.change_all();
    follower.converges().await;

    assert_eq!(server.count(Asked::is_streaming_list), 1);
    assert_eq!(server.count(Asked::is_list), 2);
}

#[tokio::test(start_paused = true)]
async fn ignored_streaming_list_is_replaced_by_pages_when_no_bookmark_comes() {
    let server = ScriptedServer::with_three_pods();
    server.rule(|asked, truth| {
        asked
            .is_streaming_list()
            .then(|| truth.initial_events(asked).hang())
    });
    let start = Instant::now();
    let follower = Follower::start(&server);

    follower.becomes_equal().await;

    let waited = start.elapsed().as_secs();
    assert!((30..=32).contains(&waited), "synced after {waited} s");
    follower.converges().await;
    assert_eq!(server.count(Asked::is_streaming_list), 1);
}

#[tokio::test(start_paused = true)]
async fn ignored_streaming_list_is_replaced_by_pages_at_another_bookmark() {
    let server = ScriptedServer::with_three_pods();
    server.rule(|asked, truth| {
        let version = truth.version();
        let plain = || truth.initial_events(asked).bookmark(version).watch(version);
        asked.is_streaming_list().then(plain)
    });
    let start = Instant::now();
    let follower = Follower::start(&server);

    follower.becomes_equal().await;

    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(server.count(Asked::is_streaming_list), 1);
    follower.converges().await;
}

#[tokio::test(start_paused = true)]
async fn ignored_streaming_list_with_endless_events_is_replaced_by_pages_before_the_sync_timeout() {
    let server = ScriptedServer::with_three_pods();
    server.rule(|asked, truth| {
        let pod = truth.objects(&View::of(asked)).pop()?;
        let endless = || {
            (0..100).fold(Reply::stream(), |reply, _| {
                reply.event("MODIFIED", &pod).wait(Duration::from_secs(20))
            })
        };
        asked.is_streaming_list().then(endless)
    });
    let start = Instant::now();
    let follower = Follower::start(&server);

    follower.synced().await;

    let waited = start.elapsed().as_secs();
    assert!((60..=90).contains(&waited), "synced after {waited} s");
    follower.converges().await;
}

#[tokio::test(start_paused = true)]
async fn streaming_list_that_is_cut_before_its_bookmark_deletes_nothing() {
    let server = ScriptedServer::with_three_pods();
    let follower = Follower::start_synced(&server).await;
    server.once(Asked::is_streaming_list, |asked, truth| {
        let first = truth.objects(&View::of(asked)).into_iter().next()?;
        let half = Reply::stream().event("ADDED", &first);
        Some(half.cut())
    });
    server.change_all();
    server.change(Truth::compact);

    for _ in 0..100 {
        sleep(Duration::from_millis(100)).await;
        let shown = follower.keys().join(" ");
        // What a list has shows at once, what it lacks goes when it is whole.
        let allowed = [
            "default/a default/b default/c",
            "default/a default/b default/c default/d",
            "default/a default/b default/d",
        ];
        assert!(
            allowed.contains(&shown.as_str()),
            "half a list deleted: {shown}"
        );
    }
    assert_eq!(server.count(Asked::is_streaming_list), 2);
    follower.converges().await;
}

#[tokio::test(start_paused = true)]
async fn list_older_than_what_was_seen_is_refused() {
    for streaming in [true, false] {
        let server = ScriptedServer::with_three_pods();
        let old: Vec<Value> = server.change(|truth| {
            ["a", "b", "c"]
                .iter()
                .filter_map(|name| {
                    let key = format!("default/{name}");
                    truth.object("/api/v1/pods", &key)
                })
                .collect()
        });
        let old_version = old.iter().map(version_of).max().expect("some");
        if !streaming {
            server.refuse_streaming();
        }
        let follower = Follower::start_synced(&server).await;
        server.change_all();
        follower.becomes_equal().await;
        let newest = follower.pods();

        // A frame that cannot be read makes it list; a lagging server answers thrice.
        server.fault(1, Asked::is_watch, || Reply::stream().text("?\n"));
        let mut times = 3;
        server.rule(move |asked, _| {
            if asked.is_watch() || times == 0 || asked.param("resourceVersion").is_empty() {
                return None;
            }
            times -= 1;
            Some(if asked.is_list() {
                let metadata = json!({"resourceVersion": old_version.to_string()});
                Reply::json(&json!({"metadata": metadata, "items": old}))
            } else {
                let events = old.iter().fold(Reply::stream(), |reply, object| {
                    reply.event("ADDED", object)
                });
                events.closing_bookmark(old_version).hang()
            })
        });
        server.close_watches();

        for _ in 0..60 {
            sleep(Duration::from_secs(1)).await;
            assert_eq!(follower.pods(), newest, "the store went back");
        }
        follower.converges().await;
        assert!(server.asked().len() < 20);
    }
}

#[tokio::test(start_paused = true)]
async fn lagging_streaming_list_brings_back_nothing_that_was_deleted() {
    let server = ScriptedServer::with_three_pods();
    let old: Vec<Value> = ["a", "b", "c"]
        .iter()
        .filter_map(|name| {
            let key = format!("default/{name}");
            server.change(|truth| truth.object("/api/v1/pods", &key))
        })
        .collect();
    let old_version = old.iter().map(version_of).max().expect("some");
    let follower = Follower::start_synced(&server).await;
    server.delete_pod("default/c");
    follower.becomes_equal().await;

    // The stream says only at its end that it is from before the delete.
    server.fault(1, Asked::is_watch, || Reply::stream().text("?\n"));
    let mut times = 3;
    server.rule(move |asked, _| {
        if !asked.is_streaming_list() || times == 0 {
            return None;
        }
        times -= 1;
        let events = old.iter().fold(Reply::stream(), |reply, object| {
            reply.event("ADDED", object)
        });
        Some(events.closing_bookmark(old_version).hang())
    });
    server.close_watches();

    for _ in 0..60 {
        sleep(Duration::from_secs(1)).await;
        assert_eq!(follower.keys(), ["default/a", "default/b"]);
    }
    assert!(server.count(Asked::is_streaming_list) > 1, "it was asked");
    follower.converges().await;
}

#[tokio::test(start_paused = true)]
async fn restored_server_with_lower_versions_is_the_truth() {
    for streaming in [true, false] {
        let server = ScriptedServer::with_three_pods();
        if !streaming {
            server.refuse_streaming();
        }
        let follower = Follower::start_synced(&server).await;
        server.change_all();
        follower.becomes_equal().await;

        // A version that is yet to come is waited for; but bookmarks tell how far away that is.
        server.rule(|asked, truth| {
            let version = truth.version();
            let wanted: u64 = asked.param("resourceVersion").parse().unwrap_or(0);
            let goes_back = asked.is_watch() && wanted > version;
            goes_back.then(|| Reply::stream().bookmark(version).hang())
        });
        server.change(|truth| {
            truth.restore(12);
            truth.put(pod("default/old"))
        });

        follower.converges().await;
        assert_eq!(follower.keys(), ["default/old"]);
        assert!(server.asked().len() < 20);
    }
}

#[tokio::test(start_paused = true)]
async fn server_that_stays_behind_is_believed_when_asked_consistently() {
    let server = ScriptedServer::with_three_pods();
    server.refuse_streaming();
    let follower = Follower::start_synced(&server).await;
    server.fault(1, Asked::is_watch, || Reply::stream().text("?\n"));
    // It was restored, but answers below what it is asked for instead of refusing.
    server.change(|truth| {
        truth.restore(12);
        truth.put(pod("default/old"))
    });
    server.rule(|asked, truth| {
        let metadata = json!({"resourceVersion": truth.version().to_string()});
        let list = json!({"metadata": metadata, "items": truth.objects(&View::of(asked))});
        asked.is_list().then(|| Reply::json(&list))
    });

    follower.converges().await;

    assert_eq!(follower.keys(), ["default/old"]);
}

#[tokio::test(start_paused = true)]
async fn truncated_list_is_asked_for_again() {
    let server = ScriptedServer::with_three_pods();
    server.refuse_streaming();
    for length in [0, 1, 40, 300] {
        server.rule({
            let mut times = 1;
            move |asked, truth| {
                let cut = times > 0 && asked.is_list();
                times -= u32::from(cut);
                cut.then(|| truth.answer(asked).cut_after(length))
            }
        });
    }
    let mut whole = 1;
    server.rule(move |asked, _| {
        let cut = whole > 0 && asked.is_list();
        whole -= u32::from(cut);
        // Ended as if it were whole.
        cut.then(|| Reply::stream().text("{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":["))
    });
    let follower = Follower::start(&server);

    follower.converges().await;

    assert_eq!(server.count(Asked::is_list), 6);
}

#[tokio::test(start_paused = true)]
async fn answer_that_is_no_list_empties_nothing() {
    let server = ScriptedServer::with_three_pods();
    server.refuse_streaming();
    let follower = Follower::start_synced(&server).await;
    let mut bodies = vec![
        "{}",
        "null",
        "[]",
        "<html></html>",
        "{\"kind\":\"Status\",\"metadata\":{}}",
        "",
        r#"{"metadata":{"resourceVersion":"500"}}"#,
        r#"{"items":null}"#,
        r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","resourceVersion":"500"}}"#,
        r#"{"kind":"Pod","metadata":{"resourceVersion":"500"},"items":[]}"#,
        r#"{"kind":"APIResourceList","groupVersion":"v1","resources":[]}"#,
        r#"{"kind":"PodList","metadata":{"resourceVersion":"500"},"items":{}}"#,
        r#"{"kind":"Status","status":"Failure","code":503,"metadata":{"resourceVersion":"500"},"items":[]}"#,
    ];
    let answers = bodies.len();
    server.rule(move |asked, _| {
        if !asked.is_list() {
            return None;
        }
        bodies.pop().map(|body| Reply::stream().text(body))
    });
    server.change(Truth::compact);
    server.close_watches();

    for _ in 0..6000 {
        sleep(Duration::from_millis(100)).await;
        assert_eq!(follower.keys().len(), 3);
    }
    assert!(server.count(Asked::is_list) > answers, "each was given");
    follower.converges().await;
}

#[tokio::test(start_paused = true)]
async fn unreadable_item_of_a_list_is_skipped_and_takes_nothing_away() {
    for streaming in [true, false] {
        let server = ScriptedServer::with_three_pods();
        if !streaming {
            server.refuse_streaming();
        }
        let follower = Follower::start_synced(&server).await;
        server.rule(move |asked, truth| {
            if asked.is_watch() {
                return None;
            }
            let mut objects = truth.objects(&View::of(asked));
            objects[0]["metadata"]["uid"] = json!(["unreadable"]);
            objects[1]["metadata"]["resourceVersion"] = json!(7);
            objects.insert(0, json!({"metadata": {"name": ["no name"]}}));
            let version = truth.version();
            Some(if asked.is_list() {
                let metadata = json!({"resourceVersion": version.to_string()});
                Reply::json(&json!({"metadata": metadata, "items": objects}))
            } else if streaming {
                let events = objects.iter().fold(Reply::stream(), |reply, object| {
                    reply.event("ADDED", object)
                });
                events.closing_bookmark(version).watch(version)
            } else {
                Reply::status(422, "Invalid")
            })
        });
        server.change(Truth::compact);

        follower.converges().await;

        assert!(server.asked().len() < 15, "no relist loop");
        assert_eq!(server.count(Asked::is_list), usize::from(!streaming) * 2);
    }
}

#[tokio::test(start_paused = true)]
async fn server_without_versions_is_listed_after_each_watch() {
    let server = ScriptedServer::with_three_pods();
    server.refuse_streaming();
    server.rule(|asked, truth| {
        asked.is_list().then(|| {
            Reply::json(&json!({"metadata": {}, "items": truth.objects(&View::of(asked))}))
        })
    });
    server.rule(|asked, _| asked.is_watch().then(|| Reply::stream().wait(minutes(1))));
    let follower = Follower::start_synced(&server).await;

    server.change_all();
    sleep(minutes(2)).await;

    assert_eq!(follower.pods(), server.pods());
    assert!(server.asked().len() < 10);
}

#[tokio::test(start_paused = true)]
async fn unreadable_end_of_an_object_in_a_streaming_list_leaves_no_ghost() {
    let server = ScriptedServer::with_three_pods();
    let follower = Follower::start_synced(&server).await;
    let mut unreadable = pod("default/a");
    unreadable["metadata"]["uid"] = json!([]);
    let mut is_first = true;
    server.rule(move |asked, truth| {
        if !asked.is_streaming_list() || !std::mem::take(&mut is_first) {
            return None;
        }
        let objects = truth.initial_events(asked);
        truth.delete("/api/v1/pods", "default/a");
        let version = truth.version();
        let end = objects.event("DELETED", &unreadable);
        Some(end.closing_bookmark(version).watch(version))
    });
    server.fault(1, Asked::is_watch, || Reply::status(410, "Expired"));

    server.close_watches();

    follower.converges().await;
}
