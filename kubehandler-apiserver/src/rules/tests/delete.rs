use super::*;
use crate::wire::options::{DeleteOptions, Preconditions, Propagation};

fn delete(resource: &Resource, old: &Value, options: &DeleteOptions) -> Result<Deletion, Failure> {
    write(resource, object::name(old)).delete(old, options)
}

fn with(propagation: Propagation) -> DeleteOptions {
    DeleteOptions {
        propagation: Some(propagation),
        ..DeleteOptions::default()
    }
}

fn with_grace(seconds: i64) -> DeleteOptions {
    DeleteOptions {
        grace_period_seconds: Some(seconds),
        ..DeleteOptions::default()
    }
}

fn config_map(finalizers: &[&str]) -> Value {
    stored(
        &config_maps(),
        json!({"metadata": {"name": "d1", "finalizers": finalizers}}),
    )
}

/// A pod on a node.
fn scheduled() -> Value {
    stored(
        &pods(),
        json!({"metadata": {"name": "p"}, "spec": {"nodeName": "n", "terminationGracePeriodSeconds": 20}}),
    )
}

/// Returns the deletionTimestamp, the seconds, the finalizers and the generation.
fn deletion(object: &Value) -> (String, Option<i64>, Vec<&str>, i64) {
    let time = object::meta_text(object, "deletionTimestamp").to_owned();
    (
        time,
        object::grace_period(object),
        object::finalizers(object).collect(),
        object::generation(object),
    )
}

fn kept(result: Result<Deletion, Failure>) -> Value {
    match result.expect("allowed") {
        Deletion::Put(object) => object,
        other => panic!("it does not wait: {other:?}"),
    }
}

#[test]
fn an_object_that_nothing_holds_goes() {
    let options = [
        DeleteOptions::default(),
        with(Propagation::Background),
        with_grace(30),
        DeleteOptions {
            orphans_dependents: Some(false),
            ..DeleteOptions::default()
        },
    ];
    for options in options {
        assert_eq!(
            delete(&config_maps(), &config_map(&[]), &options),
            Ok(Deletion::Remove)
        );
    }
}

#[test]
fn an_object_waits_for_its_finalizers() {
    let widget = stored(
        &widgets(),
        json!({"metadata": {"name": "w", "finalizers": ["x"]}}),
    );

    let waiting = kept(delete(&widgets(), &widget, &DeleteOptions::default()));

    assert_eq!(deletion(&waiting), (NOW.to_owned(), Some(0), vec!["x"], 2));
    assert_eq!(
        delete(&widgets(), &waiting, &DeleteOptions::default()),
        Ok(Deletion::Unchanged)
    );
}

#[test]
fn what_becomes_of_dependents_is_a_finalizer() {
    let (foreground, orphan) = ("foregroundDeletion", "orphan");
    let jobs = resource("batch", "jobs", "Job");
    let job = stored(&jobs, json!({"metadata": {"name": "j"}}));
    let orphans = DeleteOptions {
        orphans_dependents: Some(true),
        ..DeleteOptions::default()
    };
    let cases = [
        (
            config_maps(),
            config_map(&[]),
            with(Propagation::Foreground),
            vec![foreground],
        ),
        (
            config_maps(),
            config_map(&[]),
            with(Propagation::Orphan),
            vec![orphan],
        ),
        (config_maps(), config_map(&[]), orphans, vec![orphan]),
        (
            config_maps(),
            config_map(&["a/b"]),
            with(Propagation::Foreground),
            vec!["a/b", foreground],
        ),
        (
            config_maps(),
            config_map(&[foreground]),
            with(Propagation::Orphan),
            vec![orphan],
        ),
        (
            config_maps(),
            config_map(&[foreground]),
            DeleteOptions::default(),
            vec![foreground],
        ),
        (
            config_maps(),
            config_map(&["a/b", orphan]),
            with(Propagation::Background),
            vec!["a/b"],
        ),
        (jobs.clone(), job, DeleteOptions::default(), vec![orphan]),
    ];
    for (resource, old, options, expected) in cases {
        let waiting = kept(delete(&resource, &old, &options));

        assert_eq!(
            object::finalizers(&waiting).collect::<Vec<_>>(),
            expected,
            "{old}"
        );
    }
    let job = stored(&jobs, json!({"metadata": {"name": "j"}}));
    assert_eq!(
        delete(&jobs, &job, &with(Propagation::Background)),
        Ok(Deletion::Remove)
    );
    let events = resource("", "events", "Event");
    let event = stored(&events, json!({"metadata": {"name": "e"}}));
    assert_eq!(
        delete(&events, &event, &with(Propagation::Foreground)),
        Ok(Deletion::Remove)
    );
}

#[test]
fn an_object_that_waits_can_be_told_otherwise() {
    let waiting = kept(delete(
        &config_maps(),
        &config_map(&[]),
        &with(Propagation::Foreground),
    ));

    let orphaned = kept(delete(&config_maps(), &waiting, &with(Propagation::Orphan)));
    let gone = delete(&config_maps(), &orphaned, &with(Propagation::Background));

    assert_eq!(
        object::finalizers(&orphaned).collect::<Vec<_>>(),
        ["orphan"]
    );
    assert_eq!(gone, Ok(Deletion::Remove));
}

#[test]
fn a_delete_is_of_the_object_it_means() {
    let asked = |uid: Option<&str>, version: Option<&str>| DeleteOptions {
        preconditions: Preconditions {
            uid: uid.map(str::to_owned),
            resource_version: version.map(str::to_owned),
        },
        ..DeleteOptions::default()
    };
    let uid = "the UID in the precondition (x) does not match the UID in record (new-uid). The object might have \
               been deleted and then recreated";
    let version = "the ResourceVersion in the precondition (1) does not match the ResourceVersion in record (5). \
                   The object might have been modified";
    let pod = scheduled();
    let namespace = stored(&namespaces(), json!({"metadata": {"name": "t1"}}));
    let cases = [
        (pods(), &pod, asked(Some("x"), None), format!("Pod \"p\": {uid}")),
        (pods(), &pod, asked(None, Some("1")), format!("Pod \"p\": {version}")),
        (pods(), &pod, asked(Some("x"), Some("1")), format!("Pod \"p\": {uid}")),
        (
            namespaces(),
            &namespace,
            asked(Some("x"), None),
            "namespaces \"t1\": Precondition failed: UID in precondition: x, UID in object meta: new-uid".to_owned(),
        ),
        (
            namespaces(),
            &namespace,
            asked(None, Some("1")),
            "namespaces \"t1\": Precondition failed: ResourceVersion in precondition: 1, ResourceVersion in \
             object meta: 5"
                .to_owned(),
        ),
    ];
    for (resource, old, options, why) in cases {
        let message = format!("Operation cannot be fulfilled on {why}");
        assert_eq!(failure(delete(&resource, old, &options)), (409, message));
    }
    assert_eq!(
        delete(
            &config_maps(),
            &config_map(&[]),
            &asked(Some("new-uid"), Some("5"))
        ),
        Ok(Deletion::Remove)
    );
}

#[test]
fn a_pod_on_a_node_gets_the_time_it_is_given() {
    let cases = [
        (DeleteOptions::default(), 20, "2026-01-01T00:00:20Z"),
        (with_grace(5), 5, "2026-01-01T00:00:05Z"),
        (with_grace(-7), 1, "2026-01-01T00:00:01Z"),
    ];
    for (options, seconds, time) in cases {
        let waiting = kept(delete(&pods(), &scheduled(), &options));

        assert_eq!(
            deletion(&waiting),
            (time.to_owned(), Some(seconds), vec![], 2)
        );
    }
}

#[test]
fn a_pod_that_has_nothing_to_stop_goes_at_once_but_is_seen_ending() {
    let mut ended = scheduled();
    ended["status"]["phase"] = json!("Succeeded");
    let unscheduled = stored(&pods(), json!({"metadata": {"name": "p"}}));
    let cases = [
        (ended, DeleteOptions::default()),
        (unscheduled, with_grace(30)),
        (scheduled(), with_grace(0)),
    ];
    for (pod, options) in cases {
        match delete(&pods(), &pod, &options).expect("allowed") {
            Deletion::PutAndRemove(last) => {
                assert_eq!(deletion(&last), (NOW.to_owned(), Some(0), vec![], 2));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_time_of_a_pod_is_shortened_and_never_lengthened() {
    let waiting = kept(delete(&pods(), &scheduled(), &DeleteOptions::default()));
    let resource = pods();
    let later = Write {
        now: "2026-01-01T00:00:10Z",
        ..write(&resource, "p")
    };

    let longer = later.delete(&waiting, &with_grace(60));
    let same = later.delete(&waiting, &DeleteOptions::default());
    let shorter = kept(later.delete(&waiting, &with_grace(15)));
    let overdue = kept(later.delete(&waiting, &with_grace(5)));
    let now = later.delete(&waiting, &with_grace(0));

    assert_eq!(
        (longer, same),
        (Ok(Deletion::Unchanged), Ok(Deletion::Unchanged))
    );
    assert_eq!(
        deletion(&shorter),
        ("2026-01-01T00:00:15Z".to_owned(), Some(15), vec![], 2)
    );
    assert_eq!(
        deletion(&overdue),
        ("2026-01-01T00:00:10Z".to_owned(), Some(1), vec![], 2)
    );
    match now.expect("allowed") {
        Deletion::PutAndRemove(last) => {
            assert_eq!(
                deletion(&last),
                ("2026-01-01T00:00:10Z".to_owned(), Some(0), vec![], 2)
            );
            assert_eq!(
                later.delete(&last, &DeleteOptions::default()),
                Ok(Deletion::Remove)
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_pod_without_time_waits_for_its_finalizers() {
    let pod = stored(
        &pods(),
        json!({"metadata": {"name": "p", "finalizers": ["a/b"]}}),
    );

    let waiting = kept(delete(&pods(), &pod, &DeleteOptions::default()));

    assert_eq!(
        deletion(&waiting),
        (NOW.to_owned(), Some(0), vec!["a/b"], 2)
    );
    assert_eq!(
        delete(&pods(), &waiting, &with_grace(0)),
        Ok(Deletion::Unchanged)
    );
}

#[test]
fn a_namespace_ends_and_waits_for_its_content() {
    let namespace = stored(&namespaces(), json!({"metadata": {"name": "t1"}}));

    let ending = kept(delete(&namespaces(), &namespace, &DeleteOptions::default()));
    let again = delete(&namespaces(), &ending, &with(Propagation::Foreground));
    let mut finalized = ending.clone();
    finalized["spec"]["finalizers"] = json!([]);
    let gone = delete(&namespaces(), &finalized, &DeleteOptions::default());

    assert_eq!(deletion(&ending), (NOW.to_owned(), None, vec![], 0));
    assert_eq!(ending["status"]["phase"], "Terminating");
    assert_eq!(
        (again, gone),
        (Ok(Deletion::Unchanged), Ok(Deletion::Remove))
    );
}

#[test]
fn some_namespaces_never_go() {
    for name in ["default", "kube-system", "kube-public"] {
        let namespace = stored(&namespaces(), json!({"metadata": {"name": name}}));

        let message =
            format!("namespaces \"{name}\" is forbidden: this namespace may not be deleted");
        assert_eq!(
            failure(delete(&namespaces(), &namespace, &DeleteOptions::default())),
            (403, message)
        );
    }
}

#[test]
fn the_answer_is_the_object_or_a_status() {
    let pod = scheduled();
    let widget = stored(&widgets(), json!({"metadata": {"name": "dd"}}));
    let config_map = config_map(&[]);
    let status = |details: Value| json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});

    assert_eq!(deleted_answer(&pods(), &pod), pod);
    assert_eq!(
        deleted_answer(&config_maps(), &config_map),
        status(json!({"name": "d1", "kind": "configmaps", "uid": "new-uid"}))
    );
    assert_eq!(
        deleted_answer(&widgets(), &widget),
        status(json!({"name": "dd", "group": "example.com", "kind": "widgets", "uid": "new-uid"}))
    );
}

#[test]
fn numbers_at_their_end_stay_there() {
    let object = json!({"metadata": {"name": "a", "generation": i64::MAX, "finalizers": ["x/y"]}});
    let waiting = kept(delete(
        &config_maps(),
        &stored(&config_maps(), object),
        &DeleteOptions::default(),
    ));
    let pod = kept(delete(&pods(), &scheduled(), &with_grace(i64::MAX)));

    assert_eq!(object::generation(&waiting), i64::MAX);
    assert_eq!(object::grace_period(&pod), Some(i64::MAX));
    kept(delete(&pods(), &pod, &with_grace(1)));
}
