use super::*;

fn create(resource: &Resource, object: &Value) -> Result<Value, Failure> {
    let mut object = object.clone();
    complete(resource, &mut object);
    write(resource, "").create(body(&object), &mut || "bcdfg".to_owned())
}

#[test]
fn system_fields_are_the_servers_and_empty_ones_go() {
    let created = create(
        &config_maps(),
        &json!({"data": {"a": "b", "n": null}, "metadata": {
            "name": "b3", "uid": "u", "creationTimestamp": "2001-01-01T00:00:00Z",
            "deletionTimestamp": "2001-01-01T00:00:00Z", "deletionGracePeriodSeconds": 5, "selfLink": "/x",
            "generation": 7, "labels": {}, "annotations": null, "finalizers": [], "ownerReferences": [],
            "generateName": "", "foo": 1, "managedFields": [], "resourceVersion": "x",
        }}),
    );

    let expected = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b", "n": ""}, "metadata": {
            "name": "b3", "namespace": "default", "uid": "new-uid", "creationTimestamp": NOW, "generation": 7,
        },
    });
    assert_eq!(created.expect("valid"), expected);
}

#[test]
fn a_resource_version_on_a_new_object_is_an_unexpected_error() {
    let created = create(
        &config_maps(),
        &json!({"metadata": {"name": "a", "resourceVersion": "5"}}),
    );

    let message = "resourceVersion should not be set on objects to be created".to_owned();
    assert_eq!(failure(created), (500, message));
}

#[test]
fn a_resource_version_on_a_new_object_does_no_harm_in_a_dry_run() {
    let resource = config_maps();
    let object = json!({"metadata": {"name": "a", "resourceVersion": "5"}});

    let created = write(&resource, "").create_dry(body(&object), &mut || "bcdfg".to_owned());

    assert_eq!(object::resource_version(&created.expect("valid")), "5");
}

#[test]
fn a_name_is_made_of_58_bytes_at_most_and_a_suffix() {
    let long = "a".repeat(60) + "123";
    for (base, expected) in [
        ("abc-", "abc-bcdfg".to_owned()),
        (&long, "a".repeat(58) + "bcdfg"),
    ] {
        let created = create(&config_maps(), &json!({"metadata": {"generateName": base}}));

        assert_eq!(object::name(&created.expect("valid")), expected);
    }
}

#[test]
fn names_are_refused_by_the_rule_of_the_kind() {
    let clusterroles = resource("rbac.authorization.k8s.io", "clusterroles", "ClusterRole");
    let subdomain = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or \
                     '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used \
                     for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    let long = "a".repeat(254);
    let cases = [
        (config_maps(), "A", Some(subdomain)),
        (config_maps(), "a.b", None),
        (
            config_maps(),
            &long,
            Some("must be no more than 253 characters"),
        ),
        (namespaces(), "a.b", Some("must not contain dots")),
        (clusterroles.clone(), "A:b", None),
        (clusterroles.clone(), "a/b", Some("may not contain '/'")),
        (clusterroles, "..", Some("may not be '..'")),
    ];
    for (resource, name, expected) in cases {
        let created = create(&resource, &json!({"metadata": {"name": name}}));
        let listed = created
            .err()
            .and_then(|failure| failure.details)
            .map(|details| details.causes);
        let message = listed.map(|causes| causes[0].message.clone());
        let expected = expected.map(|detail| format!("Invalid value: \"{name}\": {detail}"));
        assert_eq!(message, expected, "{name}");
    }
}

#[test]
fn every_cause_is_listed_in_the_order_of_the_real_server() {
    let created = create(
        &config_maps(),
        &json!({"metadata": {
            "labels": {"a b": "c d"}, "annotations": {"a b": "x".repeat(256 * 1024)},
            "finalizers": ["a b", "foregroundDeletion", "orphan"],
            "ownerReferences": [{}, {"apiVersion": "v1/a/b", "kind": "P", "name": "e", "uid": "u", "controller": true},
                {"apiVersion": "v1", "kind": "Event", "name": "f", "uid": "v", "controller": true}],
        }}),
    );

    let details = created.expect_err("refused").details.expect("causes");
    let causes: Vec<_> = details
        .causes
        .iter()
        .map(|cause| {
            (
                cause.field.as_str(),
                cause.reason.as_str(),
                cause.message.split(':').next().unwrap_or_default(),
            )
        })
        .collect();
    let invalid = |field| (field, "FieldValueInvalid", "Invalid value");
    let required = |field| (field, "FieldValueRequired", "Required value");
    let expected = [
        required("metadata.name"),
        invalid("metadata.labels"),
        invalid("metadata.labels"),
        invalid("metadata.annotations"),
        ("metadata.annotations", "FieldValueTooLong", "Too long"),
        required("metadata.ownerReferences[0].apiVersion"),
        required("metadata.ownerReferences[0].kind"),
        required("metadata.ownerReferences[0].name"),
        required("metadata.ownerReferences[0].uid"),
        invalid("metadata.ownerReferences[1].apiVersion"),
        invalid("metadata.ownerReferences[2]"),
        invalid("metadata.ownerReferences"),
        invalid("metadata.finalizers"),
        invalid("metadata.finalizers"),
        invalid("metadata.finalizers[0]"),
    ];
    assert_eq!(causes, expected);
}

#[test]
fn a_custom_object_may_have_any_finalizer() {
    let object = json!({"apiVersion": "example.com/v1", "kind": "Widget",
        "metadata": {"name": "a", "finalizers": ["x"]}});

    assert!(create(&widgets(), &object).is_ok());
    assert_eq!(
        failure(create(
            &config_maps(),
            &json!({"metadata": {"name": "a", "finalizers": ["x"]}})
        ))
        .0,
        422
    );
}

#[test]
fn new_objects_start_with_the_status_of_their_kind() {
    let given = json!({"phase": "Given"});
    // It is kept, with what is always written.
    let of_node = json!({
        "phase": "Given",
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 0}},
        "nodeInfo": {
            "architecture": "", "bootID": "", "containerRuntimeVersion": "", "kernelVersion": "",
            "kubeProxyVersion": "", "kubeletVersion": "", "machineID": "", "operatingSystem": "",
            "osImage": "", "systemUUID": "",
        },
    });
    let cases = [
        (
            pods(),
            json!({"phase": "Pending", "qosClass": "BestEffort"}),
        ),
        (deployments(), json!({})),
        (
            resource("", "services", "Service"),
            json!({"loadBalancer": {}}),
        ),
        (resource("", "nodes", "Node"), of_node),
        (
            resource("", "persistentvolumes", "PersistentVolume"),
            json!({"phase": "Pending", "lastPhaseTransitionTime": NOW}),
        ),
        (
            resource("apps", "statefulsets", "StatefulSet"),
            json!({"replicas": 0, "availableReplicas": 0}),
        ),
        (widgets(), Value::Null),
        (config_maps(), Value::Null),
    ];
    for (resource, expected) in cases {
        let created = stored(
            &resource,
            json!({"metadata": {"name": "a"}, "status": given}),
        );

        assert_eq!(created["status"], expected, "{}", resource.plural);
    }
}

#[test]
fn the_generation_starts_where_the_kind_has_one() {
    for (resource, expected) in [
        (pods(), 1),
        (deployments(), 1),
        (widgets(), 1),
        (config_maps(), 0),
    ] {
        let created = stored(&resource, json!({"metadata": {"name": "a"}}));

        assert_eq!(
            object::generation(&created),
            expected,
            "{}",
            resource.plural
        );
    }
}

#[test]
fn a_namespace_gets_its_finalizer_its_label_and_its_phase() {
    let created = stored(
        &namespaces(),
        json!({"metadata": {"name": "s1", "namespace": "foo"}, "spec": {"finalizers": ["a/b"]}}),
    );

    assert_eq!(created["spec"]["finalizers"], json!(["a/b", "kubernetes"]));
    assert_eq!(created["status"], json!({"phase": "Active"}));
    assert_eq!(
        created["metadata"]["labels"],
        json!({"kubernetes.io/metadata.name": "s1"})
    );
    assert_eq!(created["metadata"].get("namespace"), None);
}

#[test]
fn pods_have_the_class_of_their_containers() {
    let all = json!({"cpu": "1", "memory": "1Gi"});
    let cases = [
        (json!([{}]), "BestEffort"),
        (json!([{"resources": {"limits": all}}]), "Guaranteed"),
        (
            json!([{"resources": {"limits": all, "requests": {"cpu": "1000m", "memory": "1024Mi"}}}]),
            "Guaranteed",
        ),
        (
            json!([{"resources": {"limits": all, "requests": {"cpu": "0.5"}}}]),
            "Burstable",
        ),
        (
            json!([{"resources": {"requests": {"cpu": "1"}}}]),
            "Burstable",
        ),
        (json!([{"resources": {"limits": all}}, {}]), "Burstable"),
        (
            json!([{"resources": {"limits": {"cpu": "0"}}}]),
            "BestEffort",
        ),
    ];
    for (containers, expected) in cases {
        let pod = stored(
            &pods(),
            json!({"metadata": {"name": "p"}, "spec": {"containers": containers}}),
        );

        assert_eq!(pod["status"]["qosClass"], expected, "{containers}");
    }
}

#[test]
fn the_namespace_of_the_url_counts() {
    let created = create(
        &config_maps(),
        &json!({"metadata": {"name": "a", "namespace": "other"}}),
    );

    let message =
        "the namespace of the provided object does not match the namespace sent on the request";
    assert_eq!(failure(created), (400, message.to_owned()));
}

#[test]
fn a_namespace_that_is_missing_or_ends_takes_no_objects() {
    let resource = config_maps();
    let write = write(&resource, "");
    let cases = [
        (
            NamespaceState::Missing,
            json!({"name": "B!"}),
            404,
            "namespaces \"default\" not found",
        ),
        (
            NamespaceState::Terminating,
            json!({"generateName": "y"}),
            403,
            "configmaps \"y\" is forbidden: unable to create new content in namespace default because it is \
             being terminated",
        ),
        (
            NamespaceState::Terminating,
            json!({}),
            403,
            "configmaps \"Unknown\" is forbidden: unable to create new content in namespace default because it \
             is being terminated",
        ),
    ];
    for (namespace_state, metadata, code, message) in cases {
        let write = Write {
            namespace_state,
            ..write
        };
        let created = write.create(body(&json!({"metadata": metadata})), &mut String::new);

        let failure = created.expect_err("refused");
        assert_eq!((failure.code, &*failure.message), (code, message));
        let details = failure.details.expect("details");
        let reasons: Vec<_> = details.causes.iter().map(|cause| &*cause.reason).collect();
        assert_eq!(
            reasons,
            ["NamespaceTerminating"][..usize::from(code == 403)]
        );
    }
}

#[test]
fn a_taken_name_is_refused_in_three_ways() {
    let made = json!({"metadata": {"name": "a-x", "generateName": "a-"}});
    let ending = json!({"metadata": {"deletionTimestamp": NOW}});
    let cases = [
        (
            json!({"metadata": {"name": "a"}}),
            json!({}),
            "pods \"a\" already exists",
        ),
        (
            json!({"metadata": {"name": "a"}}),
            ending,
            "object is being deleted: pods \"a\" already exists",
        ),
        (
            made,
            json!({}),
            "pods \"a-x\" already exists, the server was not able to generate a unique name for the object",
        ),
    ];
    for (object, existing, message) in cases {
        let failure = already_exists(&pods(), &object, &existing);

        assert_eq!(
            (failure.code, failure.reason, &*failure.message),
            (409, "AlreadyExists", message)
        );
    }
}

#[test]
fn equal_owners_are_kept_once() {
    let owner = json!({"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "1"});
    let other =
        json!({"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "1", "controller": false});

    let created = stored(
        &config_maps(),
        json!({"metadata": {"name": "a", "ownerReferences": [owner, other, owner]}}),
    );

    assert_eq!(
        created["metadata"]["ownerReferences"],
        json!([owner, other])
    );
}
