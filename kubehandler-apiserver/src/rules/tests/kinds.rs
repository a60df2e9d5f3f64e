use super::*;

/// Returns what a merge patch makes of an object.
fn patched(resource: &Resource, old: &Value, patch: &Value) -> Result<Updated, Failure> {
    write(resource, object::name(old)).patch(Some(old), &merge(patch))
}

#[test]
fn a_namespace_keeps_its_finalizers_its_label_and_its_phase() {
    let namespace = stored(&namespaces(), json!({"metadata": {"name": "t1"}}));
    let patch = json!({"metadata": {"labels": {"kubernetes.io/metadata.name": "z"}}, "spec": {"finalizers": []},
        "status": {"phase": "x"}});

    assert_eq!(
        patched(&namespaces(), &namespace, &patch),
        Ok(Updated::Unchanged)
    );
}

#[test]
fn a_namespace_goes_when_it_is_finalized() {
    let mut namespace = stored(&namespaces(), json!({"metadata": {"name": "t1"}}));
    let resource = namespaces();
    let finalize = Write {
        part: Part::Finalize,
        ..write(&resource, "t1")
    };
    let empty = body(
        &json!({"metadata": {"name": "t1"}, "spec": {"finalizers": []}, "status": {"phase": "x"}}),
    );

    let live = put(finalize.replace(Some(&namespace), empty.clone()));
    namespace["metadata"]["deletionTimestamp"] = json!(NOW);
    let gone = finalize.replace(Some(&namespace), empty);

    assert_eq!(
        (&live["spec"]["finalizers"], &live["status"]["phase"]),
        (&Value::Null, &json!("Active"))
    );
    assert!(matches!(gone, Ok(Updated::Remove(_))));
}

#[test]
fn kinds_refuse_what_must_not_change() {
    let frozen = stored(
        &config_maps(),
        json!({"metadata": {"name": "a"}, "data": {"a": "b"}, "immutable": true}),
    );
    let secrets = resource("", "secrets", "Secret");
    let secret = stored(&secrets, json!({"metadata": {"name": "a"}, "type": "x"}));
    let selector =
        json!({"metadata": {"name": "a"}, "spec": {"selector": {"matchLabels": {"a": "b"}}}});
    let deployment = stored(&deployments(), selector);
    let pod = stored(
        &pods(),
        json!({"metadata": {"name": "a"}, "spec": {"containers": [{"name": "c", "image": "b"}]}}),
    );
    let cases = [
        (
            config_maps(),
            &frozen,
            json!({"data": {"c": "d"}, "immutable": false}),
            "ConfigMap \"a\" is invalid: [immutable: Forbidden: field is immutable when `immutable` is set, data: \
             Forbidden: field is immutable when `immutable` is set]",
        ),
        (
            secrets.clone(),
            &secret,
            json!({"type": "y"}),
            "Secret \"a\" is invalid: type: Invalid value: \"y\": field is immutable",
        ),
        (
            deployments(),
            &deployment,
            json!({"spec": {"selector": {"matchLabels": {"a": "c"}}}}),
            "Deployment.apps \"a\" is invalid: [spec.template.metadata.labels: Invalid value: {\"a\":\"b\"}: \
             `selector` does not match template `labels`, spec.selector: Invalid value: \
             {\"matchLabels\":{\"a\":\"c\"}}: field is immutable]",
        ),
        (
            pods(),
            &pod,
            json!({"spec": {"nodeName": "n"}}),
            "Pod \"a\" is invalid: spec: Forbidden: pod updates may not change fields other than \
             `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,\
             `spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` \
             (allow it to be set to 1 if it was previously negative)",
        ),
    ];
    for (resource, old, patch, message) in cases {
        assert_eq!(
            failure(patched(&resource, old, &patch)),
            (422, message.to_owned())
        );
    }
}

#[test]
fn a_pod_takes_new_images_and_more_tolerations() {
    let pod = stored(
        &pods(),
        json!({"metadata": {"name": "a"}, "spec": {"containers": [{"name": "c", "image": "b"}], "tolerations": [{"key": "a"}]}}),
    );
    let change = json!({"spec": {"containers": [{"name": "c", "image": "c"}], "tolerations": [{"key": "a"}, {"key": "b"}],
        "activeDeadlineSeconds": 5}});

    let updated = put(patched(&pods(), &pod, &change));
    let fewer = patched(&pods(), &pod, &json!({"spec": {"tolerations": []}}));

    assert_eq!(object::generation(&updated), 2);
    assert_eq!(failure(fewer).0, 422);
}
