use std::fmt::Write as _;

use bytes::Bytes;
use kubehandler_tests::{
    recorder::{Log, Recorder},
    scripted::{Asked, Link, Reply, ScriptedServer},
};
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::{Running, event_loop, seconds};

const MBIT: u64 = 1_000_000 / 8;

/// Pods as the server sends them, without the `{"items":[..]}` or the events around them.
fn pods(number: usize, size: usize) -> Vec<String> {
    let filler = "x".repeat(size);
    let pods = (0..number).map(|number| {
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "namespace": "default",
                "name": format!("pod-{number:05}"),
                "uid": format!("uid-{number}"),
                "resourceVersion": (number + 1).to_string(),
                "annotations": {"filler": filler},
            },
            "spec": {"containers": []},
        })
    });
    pods.map(|pod| pod.to_string()).collect()
}

/// A server of these pods; it streams them if it is asked to, and `streams`.
fn server_of(pods: Vec<String>, streams: bool) -> ScriptedServer {
    let server = ScriptedServer::new();
    let version = pods.len() as u64;
    server.rule(move |asked, _| {
        if asked.is_watch() {
            return Some(Reply::stream().hang());
        }
        if asked.is_list() || asked.is_probe() {
            return Some(page(asked, &pods));
        }
        if !streams {
            return Some(Reply::status(422, "Invalid"));
        }
        let mut lines = String::new();
        for pod in &pods {
            writeln!(lines, "{{\"type\":\"ADDED\",\"object\":{pod}}}").expect("a string");
        }
        let list = Reply::stream().bytes(Bytes::from(lines));
        Some(list.closing_bookmark(version).hang())
    });
    server
}

/// A page of a list; the token is the number of the first pod.
fn page(asked: &Asked, pods: &[String]) -> Reply {
    let start: usize = asked.param("continue").parse().unwrap_or(0);
    let limit: usize = asked.param("limit").parse().unwrap_or(pods.len());
    let end = pods.len().min(start + limit);
    let token = if end < pods.len() {
        end.to_string()
    } else {
        String::new()
    };
    let version = pods.len();
    let items = pods[start..end].join(",");
    Reply::stream().text(&format!(
        r#"{{"metadata":{{"resourceVersion":"{version}","continue":"{token}"}},"items":[{items}]}}"#
    ))
}

/// Runs a loop over the link until it has synced; checks that it does so in time, and in one go.
async fn syncs_over(link: &Link, server: &ScriptedServer, pods: usize) {
    let log = Log::new();
    let start = Instant::now();
    let event_loop = event_loop().register(Recorder::new("pods", &log));
    let running = Running::start_with(link.client(), event_loop);

    let synced = timeout(seconds(100_000), running.handle.synced()).await;

    assert_eq!(synced, Ok(true), "{:?}", running.stop().await);
    let (took, needed) = (start.elapsed(), link.needed());
    assert_eq!(log.calls().len(), pods);
    assert!(needed > seconds(130), "the test is too easy: {needed:?}");
    assert!(took <= needed.mul_f64(1.2), "{took:?}, needed {needed:?}");
    let sizes = server.count(Asked::is_streaming_list);
    assert_eq!(sizes, 1, "streaming lists");
    running.stop().await.expect("no failure");
}

#[tokio::test(start_paused = true)]
async fn law_10_slow_link_brings_a_streaming_list_in_the_time_its_bytes_need() {
    let server = server_of(pods(10_000, 9_000), true);
    let link = server.link(5 * MBIT, 64 * 1024);

    syncs_over(&link, &server, 10_000).await;

    assert_eq!(server.count(Asked::is_list), 0);
}

#[tokio::test(start_paused = true)]
async fn law_10_slow_link_brings_pages_in_the_time_their_bytes_need() {
    let server = server_of(pods(10_000, 9_000), false);
    let link = server.link(5 * MBIT, 64 * 1024);

    syncs_over(&link, &server, 10_000).await;

    assert_eq!(server.count(Asked::is_list), 20);
}

#[tokio::test(start_paused = true)]
async fn law_10_link_of_a_kilobyte_a_second_is_slow_and_not_dead() {
    for streams in [true, false] {
        // In packets, in whole events or pages, and in what a proxy may collect.
        for packet in [200, 1_400, 16 * 1024] {
            let server = server_of(pods(120, 5_000), streams);
            let link = server.link(1_000, packet);

            syncs_over(&link, &server, 120).await;
        }
    }
}
