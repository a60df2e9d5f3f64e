use super::*;

fn replace(resource: &Resource, old: &Value, new: &Value) -> Result<Updated, Failure> {
    write(resource, object::name(old)).replace(Some(old), body(new))
}

/// Returns what a merge patch makes of an object.
fn patched(
    resource: &Resource,
    part: Part,
    old: &Value,
    patch: &Value,
) -> Result<Updated, Failure> {
    Write {
        part,
        ..write(resource, object::name(old))
    }
    .patch(Some(old), &merge(patch))
}

fn config_map() -> Value {
    stored(
        &config_maps(),
        json!({"metadata": {"name": "u1", "labels": {"a": "b"}}, "data": {"x": "y"}}),
    )
}

fn widget() -> Value {
    let mut widget = stored(
        &widgets(),
        json!({"metadata": {"name": "w1"}, "spec": {"replicas": 1}}),
    );
    widget["status"] = json!({"a": 1});
    widget
}

/// An object whose delete waits for a finalizer.
fn ending(mut object: Value) -> Value {
    object["metadata"]["deletionTimestamp"] = json!(NOW);
    object["metadata"]["deletionGracePeriodSeconds"] = json!(0);
    object["metadata"]["finalizers"] = json!(["a/b"]);
    object
}

#[test]
fn a_put_must_name_the_object_of_the_url() {
    let undeterminable =
        "the name of the object (u1 based on URL) was undeterminable: name must be provided";
    let cases = [
        (
            json!({"name": "u2"}),
            "the name of the object (u2) does not match the name on the URL (u1)",
        ),
        (json!({}), undeterminable),
        (json!({"generateName": "u1"}), undeterminable),
        (
            json!({"name": "u1", "namespace": "other"}),
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
    ];
    for (metadata, message) in cases {
        let updated = replace(
            &config_maps(),
            &config_map(),
            &json!({"metadata": metadata}),
        );

        assert_eq!(failure(updated), (400, message.to_owned()));
    }
}

#[test]
fn resource_versions_and_uids_are_preconditions() {
    let uid = "Operation cannot be fulfilled on configmaps \"u1\": StorageError: invalid object, Code: 4, Key: \
               /registry/configmaps/default/u1, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: \
               UID in precondition: x, UID in object meta: new-uid";
    let modified = "Operation cannot be fulfilled on configmaps \"u1\": the object has been modified; please \
                    apply your changes to the latest version and try again";
    let cases = [
        (json!({"name": "u1", "resourceVersion": "4"}), 409, modified),
        (json!({"name": "u1", "resourceVersion": "6"}), 409, modified),
        (
            json!({"name": "u1", "resourceVersion": "x"}),
            500,
            "strconv.ParseUint: parsing \"x\": invalid syntax",
        ),
        (json!({"name": "u1", "uid": "x"}), 409, uid),
        (
            json!({"name": "u1", "uid": "x", "resourceVersion": "1"}),
            409,
            uid,
        ),
    ];
    for (metadata, code, message) in cases {
        let updated = replace(
            &config_maps(),
            &config_map(),
            &json!({"metadata": metadata}),
        );

        assert_eq!(failure(updated), (code, message.to_owned()));
    }
    for version in ["", "0", "5"] {
        let new = json!({"metadata": {"name": "u1", "resourceVersion": version}});
        assert_eq!(
            object::resource_version(&put(replace(&config_maps(), &config_map(), &new))),
            "5"
        );
    }
}

#[test]
fn a_custom_object_is_only_replaced_by_version() {
    let new = json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w1"}});

    let failure = replace(&widgets(), &widget(), &new).expect_err("refused");

    let message = "widgets.example.com \"w1\" is invalid: metadata.resourceVersion: Invalid value: 0: must be \
                   specified for an update";
    assert_eq!((failure.code, &*failure.message), (422, message));
}

#[test]
fn a_put_creates_only_where_the_kind_allows_it() {
    let services = resource("", "services", "Service");
    let object = body(&json!({"metadata": {"name": "s"}}));

    let created = write(&services, "s").replace(None, object.clone());
    let terminating = Write {
        namespace_state: NamespaceState::Terminating,
        ..write(&services, "s")
    };
    let refused = terminating.replace(None, object.clone());
    let status = Write {
        part: Part::Status,
        ..write(&services, "s")
    }
    .replace(None, object.clone());
    let missing = write(&config_maps(), "s").replace(None, object);

    assert!(matches!(created, Ok(Updated::Create(_))));
    assert_eq!(failure(refused).0, 403);
    assert_eq!(
        failure(status),
        (404, "services \"s\" not found".to_owned())
    );
    assert_eq!(
        failure(missing),
        (404, "configmaps \"s\" not found".to_owned())
    );
}

#[test]
fn what_the_server_set_stays() {
    let new = json!({"metadata": {"name": "u1", "creationTimestamp": "2001-01-01T00:00:00Z", "generation": 5,
        "selfLink": "/x", "generateName": "q-"}});

    let updated = put(replace(&config_maps(), &config_map(), &new));

    let expected = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "u1", "namespace": "default",
        "uid": "new-uid", "creationTimestamp": NOW, "generateName": "q-", "resourceVersion": "5"}});
    assert_eq!(updated, expected);
}

#[test]
fn an_update_can_not_begin_a_delete() {
    let new = json!({"metadata": {"name": "u1", "deletionTimestamp": "2001-01-01T00:00:00Z",
        "deletionGracePeriodSeconds": 3}});

    let message = "ConfigMap \"u1\" is invalid: [metadata.deletionTimestamp: Invalid value: \
                   \"2001-01-01T00:00:00Z\": field is immutable, metadata.deletionGracePeriodSeconds: Invalid \
                   value: 3: field is immutable]";
    assert_eq!(
        failure(replace(&config_maps(), &config_map(), &new)),
        (422, message.to_owned())
    );
}

#[test]
fn an_update_that_changes_nothing_is_none() {
    let old = config_map();

    assert_eq!(replace(&config_maps(), &old, &old), Ok(Updated::Unchanged));
    let patch = json!({"metadata": {"uid": null, "creationTimestamp": null}, "kind": null});
    assert_eq!(
        patched(&config_maps(), Part::Main, &old, &patch),
        Ok(Updated::Unchanged)
    );
}

#[test]
fn the_status_is_no_part_of_the_object_and_the_object_no_part_of_the_status() {
    let change =
        json!({"metadata": {"labels": {"l": "m"}}, "spec": {"replicas": 3}, "status": {"a": 2}});

    let main = put(patched(&widgets(), Part::Main, &widget(), &change));
    let status = put(patched(&widgets(), Part::Status, &widget(), &change));

    assert_eq!(
        (&main["spec"], &main["status"]),
        (&json!({"replicas": 3}), &json!({"a": 1}))
    );
    assert_eq!(
        (object::generation(&main), &main["metadata"]["labels"]),
        (2, &json!({"l": "m"}))
    );
    assert_eq!(
        (&status["spec"], &status["status"]),
        (&json!({"replicas": 1}), &json!({"a": 2}))
    );
    assert_eq!(
        (
            object::generation(&status),
            status["metadata"].get("labels")
        ),
        (1, None)
    );
}

#[test]
fn a_status_update_takes_the_metadata_that_the_kind_lets_it() {
    let change = json!({"metadata": {"labels": {"s": "t"}, "annotations": {"s": "t"}, "finalizers": ["x/y"],
        "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "1"}]}, "status": {"conditions": [{"type": "y"}], "attached": true}});
    let cases = [
        (pods(), vec!["annotations", "finalizers", "labels"]),
        (
            deployments(),
            vec!["annotations", "finalizers", "ownerReferences"],
        ),
        (
            resource("storage.k8s.io", "volumeattachments", "VolumeAttachment"),
            vec![],
        ),
        (
            resource("", "services", "Service"),
            vec!["annotations", "finalizers", "labels", "ownerReferences"],
        ),
    ];
    for (resource, expected) in cases {
        let old = stored(&resource, json!({"metadata": {"name": "a"}}));

        let updated = put(patched(&resource, Part::Status, &old, &change));

        let names = ["annotations", "finalizers", "labels", "ownerReferences"];
        let taken: Vec<_> = names
            .into_iter()
            .filter(|name| updated["metadata"].get(name).is_some())
            .collect();
        assert_eq!(taken, expected, "{}", resource.plural);
        let status = &updated["status"];
        let changed = status.get("conditions").or_else(|| status.get("attached"));
        assert!(changed.is_some(), "{status}");
    }
}

#[test]
fn a_pod_keeps_its_class_when_its_status_is_replaced() {
    let pod = stored(
        &pods(),
        json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}),
    );
    let new = json!({"metadata": {"name": "p"}, "status": {"phase": "Running"}});

    let updated = Write {
        part: Part::Status,
        ..write(&pods(), "p")
    }
    .replace(Some(&pod), body(&new));

    let updated = put(updated);
    assert_eq!(
        updated["status"],
        json!({"phase": "Running", "qosClass": "BestEffort"})
    );
    assert_eq!(updated["spec"], pod["spec"]);
}

#[test]
fn the_generation_counts_what_the_kind_says() {
    let deployment = stored(
        &deployments(),
        json!({"metadata": {"name": "d"}, "spec": {"replicas": 1}}),
    );
    let cases = [
        (
            deployments(),
            &deployment,
            json!({"spec": {"replicas": 2}}),
            2,
        ),
        (
            deployments(),
            &deployment,
            json!({"metadata": {"annotations": {"a": "b"}}}),
            2,
        ),
        (
            deployments(),
            &deployment,
            json!({"metadata": {"labels": {"a": "b"}}}),
            1,
        ),
        (
            deployments(),
            &deployment,
            json!({"metadata": {"generation": 9, "labels": {"a": "b"}}}),
            1,
        ),
        (widgets(), &widget(), json!({"foo": 1}), 2),
        (
            widgets(),
            &widget(),
            json!({"metadata": {"labels": {"a": "b"}}}),
            1,
        ),
        (config_maps(), &config_map(), json!({"data": {"a": "b"}}), 0),
    ];
    for (resource, old, patch, expected) in cases {
        let updated = put(patched(&resource, Part::Main, old, &patch));

        assert_eq!(
            object::generation(&updated),
            expected,
            "{} {patch}",
            resource.plural
        );
    }
}

#[test]
fn a_custom_kind_without_the_subresource_counts_its_status() {
    let mut plain = widgets();
    plain.versions.to_mut()[0].subresources = Cow::Borrowed(&[]);

    let updated = put(patched(
        &plain,
        Part::Main,
        &widget(),
        &json!({"status": {"b": 2}}),
    ));

    assert_eq!(updated["status"], json!({"a": 1, "b": 2}));
    assert_eq!(object::generation(&updated), 2);
}

#[test]
fn an_object_that_ends_takes_no_new_finalizers() {
    let patch = json!({"metadata": {"finalizers": ["a/b", "e/f", "c/d"]}});

    let message = "ConfigMap \"u1\" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added \
                   if the object is being deleted, found new finalizers []string{\"c/d\", \"e/f\"}";
    let updated = patched(&config_maps(), Part::Main, &ending(config_map()), &patch);
    assert_eq!(failure(updated), (422, message.to_owned()));
}

#[test]
fn an_object_that_ends_stays_one_and_goes_with_its_last_finalizer() {
    let old = ending(config_map());

    let kept = json!({"metadata": {"deletionTimestamp": null, "deletionGracePeriodSeconds": null, "labels": null}});
    let kept = put(patched(&config_maps(), Part::Main, &old, &kept));
    let gone = patched(
        &config_maps(),
        Part::Main,
        &old,
        &json!({"metadata": {"finalizers": null}}),
    );

    assert_eq!(kept["metadata"]["deletionTimestamp"], NOW);
    assert_eq!(kept["metadata"]["deletionGracePeriodSeconds"], 0);
    match gone.expect("allowed") {
        Updated::Remove(last) => assert_eq!(last["metadata"].get("finalizers"), None),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_pod_that_has_seconds_left_stays_without_finalizers() {
    let mut pod = ending(stored(&pods(), json!({"metadata": {"name": "p"}})));
    pod["metadata"]["deletionGracePeriodSeconds"] = json!(30);

    put(patched(
        &pods(),
        Part::Main,
        &pod,
        &json!({"metadata": {"finalizers": null}}),
    ));
}

#[test]
fn a_uid_in_a_patch_is_a_change_and_not_a_precondition() {
    let patch = json!({"metadata": {"uid": "x"}});

    let built_in = patched(&config_maps(), Part::Main, &config_map(), &patch).expect_err("refused");
    let custom = patched(&widgets(), Part::Main, &widget(), &patch).expect_err("refused");

    let message = "Invalid value: \"x\": field is immutable";
    for (failure, times) in [(built_in, 1), (custom, 2)] {
        let causes = failure.details.expect("causes").causes;
        assert!(
            causes
                .iter()
                .all(|cause| cause.field == "metadata.uid" && cause.message == message)
        );
        assert_eq!(causes.len(), times);
    }
}

#[test]
fn causes_of_a_custom_object_are_repeated_as_on_the_real_server() {
    let patch = json!({"metadata": {"labels": {"a b": "c"}, "finalizers": ["a b"]}});

    let custom = patched(&widgets(), Part::Main, &widget(), &patch).expect_err("refused");
    let built_in = patched(&config_maps(), Part::Main, &config_map(), &patch).expect_err("refused");

    let fields = |failure: Failure| {
        let causes = failure.details.expect("causes").causes;
        causes
            .into_iter()
            .map(|cause| cause.field)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        fields(custom),
        [
            "metadata.labels",
            "metadata.finalizers",
            "metadata.labels",
            "metadata.labels"
        ]
    );
    assert_eq!(
        fields(built_in),
        [
            "metadata.labels",
            "metadata.finalizers",
            "metadata.finalizers[0]"
        ]
    );
}
