//! Lists and watches whose answers are written down one by one: what was shown counts as seen.

use kubehandler_tests::{
    recorder::{Log, Recorder},
    scripted::{Asked, Reply, ScriptedServer},
};
use serde_json::{Value, json};

use super::{Running, event_loop};

/// A pod of the namespace `default` in one state.
fn pod_at(name: &str, uid: &str, version: u64) -> Value {
    json!({"kind": "Pod", "apiVersion": "v1", "metadata": {
        "name": name, "namespace": "default", "uid": uid, "resourceVersion": version.to_string(),
    }})
}

fn added(reply: Reply, pods: &[Value]) -> Reply {
    let mut pods = pods.iter();
    pods.by_ref()
        .fold(reply, |reply, pod| reply.event("ADDED", pod))
}

fn stream(pods: &[Value]) -> Reply {
    added(Reply::stream(), pods)
}

fn page(version: u64, token: &str, pods: &[Value]) -> Reply {
    let metadata = json!({"resourceVersion": version.to_string(), "continue": token});
    Reply::json(&json!({"kind": "PodList", "metadata": metadata, "items": pods}))
}

/// Ends a watch so that a list follows which need not be consistent.
fn unreadable(reply: Reply) -> Reply {
    reply.event("ADDED", &json!({"metadata": {}}))
}

/// Plays these answers, and then one that never ends; returns the calls, and what was asked.
async fn play(replies: Vec<Reply>) -> (Vec<String>, Vec<Asked>) {
    let (server, log) = (ScriptedServer::new(), Log::new());
    let mut replies = replies.into_iter();
    server.rule(move |_, _| Some(replies.next().unwrap_or_else(|| Reply::stream().hang())));
    let running = Running::start(&server, event_loop().register(Recorder::new("pods", &log)));
    running.settle().await;
    (log.calls(), server.asked())
}

#[tokio::test(start_paused = true)]
async fn law_3_object_shown_by_a_cut_list_outlives_an_older_list() {
    let (a, x) = (pod_at("a", "u-a", 100), pod_at("x", "u-x", 105));

    let (calls, asked) = play(vec![
        unreadable(stream(std::slice::from_ref(&a)).closing_bookmark(100)),
        stream(&[a.clone(), x.clone()]).cut(),
        // A replica that lags, and does not mind what it is asked for.
        page(103, "", std::slice::from_ref(&a)),
        stream(&[a, x]).closing_bookmark(110).hang(),
    ])
    .await;

    assert_eq!(calls, ["add default/a@100", "add default/x@105"]);
    let versions: Vec<&str> = asked.iter().map(|a| a.param("resourceVersion")).collect();
    assert_eq!(versions, ["", "100", "105", "105"]);
}

#[tokio::test(start_paused = true)]
async fn law_3_object_removed_by_a_cut_list_does_not_come_back_with_an_older_list() {
    let (a, x) = (pod_at("a", "u-a", 100), pod_at("x", "u-x", 101));
    let last = pod_at("x", "u-x", 115);

    let (calls, _) = play(vec![
        unreadable(stream(&[a.clone(), x.clone()]).closing_bookmark(110)),
        stream(&[a.clone(), x.clone()])
            .event("DELETED", &last)
            .cut(),
        page(112, "", &[a.clone(), x]),
        stream(&[a]).closing_bookmark(120).hang(),
    ])
    .await;

    assert_eq!(
        calls,
        [
            "add default/a@100",
            "add default/x@101",
            "delete default/x@115"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn law_3_object_deleted_while_it_is_held_back_is_no_ghost() {
    let (a, y) = (pod_at("a", "u-a", 100), pod_at("y", "u-y", 90));

    let (calls, asked) = play(vec![
        unreadable(stream(std::slice::from_ref(&a)).closing_bookmark(110)),
        // The server lost the event that made `y`, so that nobody here knows it.
        stream(&[a, y])
            .event("DELETED", &pod_at("y", "u-y", 120))
            .closing_bookmark(121)
            .hang(),
    ])
    .await;

    assert_eq!(calls, ["add default/a@100"]);
    assert_eq!(asked.len(), 2, "the list is taken");
}

#[tokio::test(start_paused = true)]
async fn law_3_object_changed_while_it_is_held_back_is_shown_as_it_is() {
    let (a, y) = (pod_at("a", "u-a", 100), pod_at("y", "u-y", 90));
    let z = pod_at("z", "u-z", 91);

    let (calls, asked) = play(vec![
        unreadable(stream(std::slice::from_ref(&a)).closing_bookmark(110)),
        stream(&[a, y, z])
            .event("MODIFIED", &pod_at("y", "u-y", 120))
            .event("DELETED", &pod_at("z", "u-z", 121))
            .event("ADDED", &pod_at("z", "v-z", 122))
            .closing_bookmark(123)
            .hang(),
    ])
    .await;

    assert_eq!(
        calls,
        [
            "add default/a@100",
            "add default/y@120",
            "add default/z@122"
        ]
    );
    assert_eq!(asked.len(), 2, "the list is taken");
}

#[tokio::test(start_paused = true)]
async fn law_3_pages_of_two_states_are_no_list() {
    let (a, b) = (pod_at("a", "u-a", 100), pod_at("b", "u-b", 98));

    let (calls, asked) = play(vec![
        Reply::status(422, "Invalid"),
        page(103, "more", std::slice::from_ref(&a)),
        page(99, "", std::slice::from_ref(&b)),
        page(104, "", std::slice::from_ref(&a)),
    ])
    .await;

    assert_eq!(calls, ["add default/a@100"], "`b` had gone by then");
    assert_eq!(asked[3].param("limit"), "", "in one piece");
}

#[tokio::test(start_paused = true)]
async fn law_3_late_event_of_a_known_object_is_taken() {
    let (a, b) = (pod_at("a", "u-a", 100), pod_at("b", "u-b", 101));

    let (calls, asked) = play(vec![
        stream(&[a, b])
            .closing_bookmark(101)
            .event("MODIFIED", &pod_at("b", "u-b", 105))
            .event("MODIFIED", &pod_at("a", "u-a", 104))
            .event("MODIFIED", &pod_at("a", "u-a", 103))
            .hang(),
        Reply::status(500, "InternalError"),
    ])
    .await;

    assert_eq!(
        calls,
        ["add default/a@104", "add default/b@105",],
        "the last event is older than what is known of its object"
    );
    assert!(asked.len() > 1, "so a list follows it");
}

#[tokio::test(start_paused = true)]
async fn law_3_versions_that_count_each_object_s_changes_are_followed() {
    let pods = |pods: &[(&str, u64)]| -> Vec<Value> {
        let pods = pods.iter();
        pods.map(|(name, version)| pod_at(name, &format!("u-{name}"), *version))
            .collect()
    };
    let changes = pods(&[("a", 8), ("a", 9)]);
    let [first, second] = &changes[..] else {
        unreachable!()
    };

    let (calls, asked) = play(vec![
        stream(&pods(&[("a", 7)]))
            .closing_bookmark(100)
            .wait(super::seconds(5))
            .event("MODIFIED", first)
            .wait(super::seconds(5))
            .event("MODIFIED", second)
            // It could be an object that was deleted long ago: a list tells.
            .event("ADDED", &pods(&[("b", 1)])[0]),
        stream(&pods(&[("a", 9), ("b", 1)]))
            .closing_bookmark(100)
            .wait(super::seconds(5))
            .event("MODIFIED", &pods(&[("b", 2)])[0])
            .event("ADDED", &pods(&[("c", 1)])[0])
            .event("DELETED", &pods(&[("a", 10)])[0])
            .hang(),
    ])
    .await;

    assert_eq!(
        calls,
        [
            "add default/a@7",
            "update default/a@8",
            "update default/a@9",
            "add default/b@1",
            "update default/b@2",
            "add default/c@1",
            "delete default/a@10",
        ]
    );
    assert_eq!(asked.len(), 2);
}
