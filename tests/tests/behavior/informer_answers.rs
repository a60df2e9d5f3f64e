//! Answers that no API server should give, and that Go's decoder reads: an informer reads them too.

use std::time::Duration;

use bytes::Bytes;
use kubehandler_tests::{
    pod,
    scripted::{Asked, Follower, Reply, ScriptedServer},
};
use serde_json::json;
use tokio::time::sleep;

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

/// Starts an informer whose lists have this body, and returns the keys that it finds and the
/// version that it watches from.
async fn listed(body: &[u8]) -> (Vec<String>, String) {
    let server = ScriptedServer::new();
    server.refuse_streaming();
    let body = Bytes::copy_from_slice(body);
    server.rule(move |asked, _| {
        let reply = Reply::stream();
        Some(if asked.is_list() {
            reply.bytes(body.clone())
        } else {
            reply.hang()
        })
    });
    let follower = Follower::start(&server);
    sleep(Duration::from_secs(10)).await;

    assert!(
        follower.informer.has_synced(),
        "{:?}",
        follower.informer.last_error()
    );
    let watch = server.asked().into_iter().find(Asked::is_watch);
    let version = watch.expect("a watch").param("resourceVersion").to_owned();
    (follower.keys(), version)
}

#[tokio::test(start_paused = true)]
async fn list_that_go_reads_is_read() {
    let a = r#"{"metadata":{"name":"a","namespace":"d","uid":"u","resourceVersion":"5"}}"#;
    let b = r#"{"metadata":{"name":"b","namespace":"d","uid":"v","resourceVersion":"6"}}"#;
    let deep = format!("{}1{}", "[{\"x\":".repeat(30_000), "}]".repeat(30_000));
    for (body, keys, version) in [
        (
            r#"{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"529"}}"#
                .to_owned(),
            &[][..],
            "529",
        ),
        (
            format!(
                r#"{{"kind":"PodList","metadata":{{"resourceVersion":"529","continue":null,"remainingItemCount":null}},"items":[{a}]}}"#
            ),
            &["d/a"],
            "529",
        ),
        (
            format!(r#"{{"metadata":{{"resourceVersion":"529"}},"items":[{a}]}}"#),
            &["d/a"],
            "529",
        ),
        (
            format!(
                "\u{feff}\r\n{{\"items\":[{a},\r\n{b}],\t\"metadata\":{{\"resourceVersion\":\"529\"}}}}\r\n"
            ),
            &["d/a", "d/b"],
            "529",
        ),
        (
            format!(r#"{{"metadata":{{"resourceVersion":"529"}},"items":[{a}],"items":[{b}]}}"#),
            &["d/b"],
            "529",
        ),
        (
            format!(
                r#"{{"metadata":{{"resourceVersion":"1","continue":"c"}},"items":[{a}],"metadata":{{"resourceVersion":"529","continue":""}}}}"#
            ),
            &["d/a"],
            "529",
        ),
        (
            format!(
                r#"{{"kind":"Status","metadata":{{"resource\u0056ersion":"529"}},"it\u0065ms":[{a}],"kind":"PodList"}}"#
            ),
            &["d/a"],
            "529",
        ),
        (
            format!(
                r#"{{"x":{deep},"metadata":{{"x":{deep},"resourceVersion":"529"}},"items":[{a}],"y":{deep}}}"#
            ),
            &["d/a"],
            "529",
        ),
        (
            format!(r#"{{"kind":"PodList","metadata":{{"resourceVersion":"529"}},"Items":[{a}]}}"#),
            &["d/a"],
            "529",
        ),
        (
            format!(
                r#"{{"metadata":{{"resourceVersion":"529"}},"items":[null,{{"metadata":null}},{a}]}}"#
            ),
            &["d/a"],
            "529",
        ),
    ] {
        let (found, watched) = listed(body.as_bytes()).await;

        assert_eq!(found, keys, "{body:.200}");
        assert_eq!(watched, version, "{body:.200}");
    }
}

#[tokio::test(start_paused = true)]
async fn list_without_a_version_is_read_as_well() {
    let a = r#"{"metadata":{"name":"a","namespace":"d","uid":null,"resourceVersion":null}}"#;
    for metadata in [
        r#""metadata":{"resourceVersion":null},"#,
        r#""metadata":null,"#,
        "",
    ] {
        let (found, watched) = listed(format!(r#"{{{metadata}"items":[{a}]}}"#).as_bytes()).await;

        assert_eq!(
            (found, &*watched),
            (vec!["d/a".to_owned()], ""),
            "{metadata}"
        );
    }
}

/// The events of one watch, after which it stays silent, and the keys that are left of three pods.
async fn watched(lines: Vec<Bytes>) -> (ScriptedServer, Follower) {
    let server = ScriptedServer::with_three_pods();
    let follower = Follower::start_synced(&server).await;
    server.once(Asked::is_watch, move |_, _| {
        let reply = lines.iter().cloned().fold(Reply::stream(), Reply::bytes);
        Some(reply.hang())
    });
    server.close_watches();
    sleep(Duration::from_secs(30)).await;
    (server, follower)
}

#[expect(
    clippy::many_single_char_names,
    reason = "they are the names of the pods"
)]
#[tokio::test(start_paused = true)]
async fn events_that_go_reads_are_applied_without_a_list() {
    let object = |name: &str, version: u32| {
        let mut pod = pod(&format!("default/{name}"));
        pod["metadata"]["uid"] = json!(name);
        pod["metadata"]["resourceVersion"] = json!(version.to_string());
        pod
    };
    let (p, q, r, s, t) = (
        object("p", 901),
        object("q", 902),
        object("r", 903),
        object("s", 904),
        object("t", 905),
    );
    let text = format!(
        "\u{feff}{{\"\\u0074ype\":\"\\u0041DDED\",\"object\":{p}}}\r\n\r\n \t\n\
         {{\"object\":{q},\"x\":{{\"type\":1}},\"type\":\"ADDED\"}}\n\
         {{\"type\":\"DELETED\",\"object\":{r},\"type\":\"ADDED\"}}\n\
         {{\"type\":\"ADDED\",\"object\":{q},\"object\":{s}}}\n\
         {{\"type\":\"ADDED\",\"object\":{t},\"object\":null,\"type\":null}}\n\
         {{\"type\":\"BOOKMARK\",\"object\":{{\"metadata\":{{\"resourceVersion\":\"906\",\"annotations\":null}}}}}}\n\
         {{\"type\":\"BOOKMARK\",\"object\":{{\"metadata\":null}}}}\n"
    );
    let bytes = text.as_bytes();
    let one_by_one = bytes.iter().map(|byte| Bytes::copy_from_slice(&[*byte]));
    for pieces in [vec![Bytes::copy_from_slice(bytes)], one_by_one.collect()] {
        let (server, follower) = watched(pieces).await;

        assert_eq!(follower.informer.last_error(), None);
        let new = ["p", "q", "r", "s", "t"].map(|name| format!("default/{name}"));
        assert_eq!(follower.keys()[3..], new);
        server.close_watches();
        sleep(minutes(6)).await;
        let asked = server.asked();
        assert!(asked[1].is_watch() && asked[2].is_watch(), "no list");
        assert_eq!(asked[2].param("resourceVersion"), "906");
    }
}

/// The server answers lists that ask for a version with 504, as one that is behind does.
#[tokio::test(start_paused = true)]
async fn expired_version_is_seen_in_a_status_of_which_little_is_set() {
    let deep = format!("{}1{}", "[".repeat(300), "]".repeat(300));
    for status in [
        r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old","reason":null,"details":null,"code":410}"#,
        r#"{"kind":"Status","message":null,"reason":null,"code":410}"#,
        r#"{"kind":"Status","code":410}"#,
        r#"{"kind":"Status","reason":"Expired","code":null}"#,
        r#"{"reason":"Gone"}"#,
        r#"{"kind":"Status","code":410,"details":{"causes":[null],"retryAfterSeconds":null}}"#,
        &format!(r#"{{"kind":"Status","details":{deep},"message":{deep},"code":410}}"#),
        &format!(r#"{{"kind":"Status","code":410,"details":{{"x":{deep},"causes":{deep}}}}}"#),
    ] {
        let server = ScriptedServer::with_three_pods();
        let follower = Follower::start_synced(&server).await;
        server.rule(|asked, _| {
            let asks_for_a_version =
                !asked.is_watch() && !asked.param("resourceVersion").is_empty();
            asks_for_a_version.then(|| Reply::status(504, "Timeout"))
        });
        let event = format!("{{\"type\":\"ERROR\",\"object\":{status}}}\n");
        server.fault(1, Asked::is_watch, move || Reply::stream().text(&event));
        server.close_watches();
        server.change_all();

        follower.converges().await;

        assert!(server.asked().len() < 10, "{status:.200}");
    }
}

#[tokio::test(start_paused = true)]
async fn expired_version_is_seen_in_any_body_of_an_answer() {
    for (code, body) in [
        (410, "<html>"),
        (
            410,
            r#"{"kind":"Status","reason":null,"message":null,"code":null}"#,
        ),
        (500, r#"{"kind":"Status","status":"Failure","code":410}"#),
        (
            500,
            r#"{"kind":"Status","status":"Failure","reason":"Expired","code":0}"#,
        ),
    ] {
        let server = ScriptedServer::with_three_pods();
        let follower = Follower::start_synced(&server).await;
        let mut is_over = false;
        server.rule(move |asked, _| {
            let asks_for_a_version = !asked.param("resourceVersion").is_empty();
            is_over |= !asked.is_watch() && !asks_for_a_version;
            match (is_over, asked.is_watch()) {
                (true, _) => None,
                (false, true) => Some(Reply::code(code).text(body)),
                (false, false) => Some(Reply::status(504, "Timeout")),
            }
        });
        server.close_watches();
        server.change_all();

        follower.converges().await;

        assert!(server.asked().len() < 10, "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn streaming_list_that_go_reads_is_read() {
    let server = ScriptedServer::new();
    let deep = format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000));
    let object = |name: &str| {
        format!(
            r#"{{"metadata":{{"name":"{name}","namespace":null,"uid":"u","resourceVersion":"7"}},"spec":{deep}}}"#
        )
    };
    let text = format!(
        "\u{feff}{{\"object\":{},\"type\":\"ADDED\"}}\r\n\r\n\
         {{\"\\u0074ype\":\"\\u0041DDED\",\"object\":{}}}\r\n\
         {{\"type\":\"BOOKMARK\",\"object\":{{\"metadata\":{{\"annotations\":null,\"resourceVersion\":\"529\",\
         \"annotations\":{{\"x\":null,\"k8s.io/initial-events-end\":\"tr\\u0075e\"}}}}}}}}\r\n",
        object("a"),
        object("b"),
    );
    server.rule(move |asked, _| {
        let reply = Reply::stream();
        Some(if asked.is_streaming_list() {
            reply.text(&text).wait(minutes(1))
        } else {
            reply.hang()
        })
    });
    let follower = Follower::start(&server);

    sleep(minutes(2)).await;

    assert!(follower.informer.has_synced());
    assert_eq!(follower.keys(), ["a", "b"]);
    let asked = server.asked();
    assert!(asked[1].is_watch(), "{:?}", asked[1]);
    assert_eq!(asked[1].param("resourceVersion"), "529");
}
