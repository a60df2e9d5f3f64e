//! An informer over a real socket, in real time: what a service inside the process cannot show.

use std::time::{Duration, Instant};

use kubehandler::Filter;
use kubehandler_tests::scripted::{Asked, Follower, Reply, ScriptedServer, Truth};
use tokio::time::timeout;

/// Long enough for a slow machine; every test ends as soon as it can.
const PATIENCE: Duration = Duration::from_secs(30);

async fn becomes_equal(follower: &Follower) {
    let equal = timeout(PATIENCE, follower.becomes_equal()).await;
    assert!(equal.is_ok(), "{:?}", follower.informer.last_error());
}

#[tokio::test]
async fn store_follows_the_server_over_a_socket() {
    let server = ScriptedServer::with_three_pods();
    let listening = server.listen().await.expect("a port");
    let client = listening.client().expect("a client");
    let follower = Follower::start_with(&server, client, Filter::default());
    becomes_equal(&follower).await;

    server.change_all();

    becomes_equal(&follower).await;
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn expired_version_is_recovered_over_a_socket() {
    let server = ScriptedServer::with_three_pods();
    let listening = server.listen().await.expect("a port");
    let client = listening.client().expect("a client");
    let follower = Follower::start_with(&server, client, Filter::default());
    becomes_equal(&follower).await;

    server.change_all();
    server.change(Truth::compact);

    becomes_equal(&follower).await;
    assert_eq!(server.count(Asked::is_streaming_list), 2);
}

#[tokio::test]
async fn frame_cut_by_the_connection_is_read_again_over_a_socket() {
    let server = ScriptedServer::with_three_pods();
    let listening = server.listen().await.expect("a port");
    let client = listening.client().expect("a client");
    let follower = Follower::start_with(&server, client, Filter::default());
    becomes_equal(&follower).await;
    server.once(Asked::is_watch, |asked, truth| {
        let (events, _) = truth.missed(asked);
        let reply = Reply::stream().lines(&events);
        let half = reply.length() / 2;
        Some(reply.cut_after(half))
    });

    server.change(|truth| {
        truth.close_watches();
    });
    server.change_all();

    becomes_equal(&follower).await;
    assert_eq!(server.count(Asked::is_streaming_list), 1, "no second list");
}

#[tokio::test]
async fn server_that_goes_away_is_named_and_found_again() {
    let server = ScriptedServer::with_three_pods();
    let listening = server.listen().await.expect("a port");
    let address = listening.address();
    let client = listening.client().expect("a client");
    let follower = Follower::start_with(&server, client, Filter::default());
    becomes_equal(&follower).await;

    listening.shut_down();
    drop(listening);
    server.change_all();
    let start = Instant::now();
    while !follower.informer.last_error().is_some_and(|error| {
        error.contains("refused") && error.contains("check that the API server runs")
    }) {
        assert!(
            start.elapsed() < PATIENCE,
            "{:?}",
            follower.informer.last_error()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let _listening = server.listen_on(address).await.expect("the same port");

    becomes_equal(&follower).await;
}

#[tokio::test]
async fn informer_stops_at_once_over_a_socket() {
    let server = ScriptedServer::with_three_pods();
    let listening = server.listen().await.expect("a port");
    let client = listening.client().expect("a client");
    let follower = Follower::start_with(&server, client, Filter::default());
    becomes_equal(&follower).await;

    let stopped = timeout(PATIENCE, follower.stops()).await;

    assert!(stopped.is_ok());
}
