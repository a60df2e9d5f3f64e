use std::collections::BTreeMap;

use super::*;

const LATER: &str = "2026-01-01T00:00:30Z";

fn terminating() -> Value {
    let mut namespace = stored(&namespaces(), json!({"metadata": {"name": "t3"}}));
    namespace["metadata"]["deletionTimestamp"] = json!(NOW);
    namespace["status"]["phase"] = json!("Terminating");
    namespace
}

fn id(plural: &str, name: &str) -> ObjectId {
    ObjectId {
        group: String::new(),
        plural: plural.to_owned(),
        namespace: "t3".to_owned(),
        name: name.to_owned(),
    }
}

/// What is there of a core resource: live objects, and objects that wait for these finalizers.
fn contents(plural: &str, live: &[&str], finalizers: &[&[&str]], grace: i64) -> Contents {
    let mut counts = BTreeMap::new();
    for name in finalizers.iter().copied().flatten() {
        *counts.entry((*name).to_owned()).or_insert(0) += 1;
    }
    Contents {
        version: "v1".to_owned(),
        plural: plural.to_owned(),
        live: live.iter().map(|name| id(plural, name)).collect(),
        remaining: live.len() + finalizers.len(),
        finalizers: counts,
        grace,
        ..Contents::default()
    }
}

fn status(termination: Termination) -> Value {
    match termination {
        Termination::PutStatus(namespace) => namespace,
        other => panic!("no status: {other:?}"),
    }
}

/// Returns type, status, reason and message of the conditions that are not `All … successfully …`.
fn problems(namespace: &Value) -> Vec<(&str, &str)> {
    let conditions = namespace["status"]["conditions"]
        .as_array()
        .expect("conditions");
    assert_eq!(conditions.len(), 5);
    let wrong = conditions
        .iter()
        .filter(|condition| condition["status"] == "True");
    wrong
        .map(|condition| {
            (
                object::text(condition, &["type"]),
                object::text(condition, &["message"]),
            )
        })
        .collect()
}

#[test]
fn pods_go_first_then_everything_else() {
    let pods = contents("pods", &["p"], &[], 5);
    let maps = contents("configmaps", &["g"], &[], 0);

    let first = terminate(&terminating(), &[maps.clone(), pods], NOW);
    let second = terminate(&terminating(), &[maps], NOW);

    assert_eq!(first, Termination::Delete(vec![id("pods", "p")]));
    assert_eq!(second, Termination::Delete(vec![id("configmaps", "g")]));
}

#[test]
fn while_pods_stop_the_namespace_says_that_all_is_well() {
    let all = [
        contents("pods", &[], &[&[]], 5),
        contents("configmaps", &["g"], &[], 0),
    ];

    let namespace = status(terminate(&terminating(), &all, NOW));

    assert_eq!(problems(&namespace), []);
    let first = json!({"type": "NamespaceDeletionDiscoveryFailure", "status": "False", "lastTransitionTime": NOW,
        "reason": "ResourcesDiscovered", "message": "All resources successfully discovered"});
    assert_eq!(namespace["status"]["conditions"][0], first);
    assert_eq!(terminate(&namespace, &all, NOW), Termination::Wait);
}

#[test]
fn pods_that_do_not_stop_in_time_are_a_failure() {
    let all = [contents("pods", &[], &[&[]], 5)];
    let namespace = status(terminate(&terminating(), &all, NOW));

    let namespace = status(terminate(&namespace, &all, LATER));

    let message = "Failed to delete all resource types, 1 remaining: unexpected items still remain in namespace: \
                   t3 for gvr: /v1, Resource=pods";
    assert_eq!(
        problems(&namespace),
        [("NamespaceDeletionContentFailure", message)]
    );
    let times: Vec<_> = namespace["status"]["conditions"]
        .as_array()
        .expect("conditions")
        .iter()
        .map(|condition| object::text(condition, &["lastTransitionTime"]))
        .collect();
    assert_eq!(times, [NOW, NOW, LATER, NOW, NOW]);
}

#[test]
fn the_namespace_says_what_is_left() {
    let mut deployments = contents("deployments", &[], &[&["a/b"]], 0);
    deployments.group = "apps".to_owned();
    let all = [
        contents("secrets", &[], &[&["a/b"]], 0),
        deployments,
        contents("configmaps", &[], &[&["a/b", "c/d"]], 0),
        contents("services", &[], &[], 0),
    ];

    let namespace = status(terminate(&terminating(), &all, NOW));

    let expected = [
        (
            "NamespaceContentRemaining",
            "Some resources are remaining: configmaps. has 1 resource instances, deployments.apps has 1 resource \
             instances, secrets. has 1 resource instances",
        ),
        (
            "NamespaceFinalizersRemaining",
            "Some content in the namespace has finalizers remaining: a/b in 3 resource instances, c/d in 1 \
             resource instances",
        ),
    ];
    assert_eq!(problems(&namespace), expected);
    assert_eq!(terminate(&namespace, &all, LATER), Termination::Wait);
}

#[test]
fn an_empty_namespace_says_so_and_is_finalized() {
    let mut namespace = terminating();
    namespace["spec"]["finalizers"] = json!(["a/b", "kubernetes"]);

    let namespace = status(terminate(
        &namespace,
        &[contents("services", &[], &[], 0)],
        NOW,
    ));
    let finalized = terminate(&namespace, &[], LATER);

    let mut expected = namespace;
    expected["spec"]["finalizers"] = json!(["a/b"]);
    assert_eq!(finalized, Termination::Finalize(expected.clone()));
    assert_eq!(terminate(&expected, &[], LATER), Termination::Wait);
}

#[test]
fn a_namespace_that_does_not_end_has_nothing_to_do() {
    let namespace = stored(&namespaces(), json!({"metadata": {"name": "t3"}}));

    assert_eq!(
        terminate(&namespace, &[contents("configmaps", &["g"], &[], 0)], NOW),
        Termination::Wait
    );
}
