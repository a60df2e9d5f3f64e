use super::*;

fn deployment() -> Value {
    stored(
        &deployments(),
        json!({"metadata": {"name": "v1", "labels": {"l": "m"}}, "spec": {"replicas": 2, "selector": {
            "matchLabels": {"a": "b"}, "matchExpressions": [
                {"key": "z", "operator": "In", "values": ["2", "1"]}, {"key": "e", "operator": "Exists"},
                {"key": "f", "operator": "DoesNotExist"}, {"key": "n", "operator": "NotIn", "values": ["q"]},
            ],
        }, "template": {"metadata": {"labels": {"a": "b", "z": "1", "e": ""}}}}}),
    )
}

fn widget() -> Value {
    let mut widget = stored(
        &widgets(),
        json!({"metadata": {"name": "v1"}, "spec": {"replicas": 0}}),
    );
    widget["status"] = json!({"replicas": 7, "selector": "a=b"});
    widget
}

#[test]
fn a_scale_shows_numbers_and_the_selector_as_text() {
    let metadata = json!({"name": "v1", "namespace": "default", "uid": "new-uid", "resourceVersion": "5",
        "creationTimestamp": NOW});
    let cases = [
        (
            deployments(),
            deployment(),
            json!({"replicas": 2}),
            json!({"replicas": 0, "selector": "a=b,e,!f,n notin (q),z in (1,2)"}),
        ),
        (
            widgets(),
            widget(),
            json!({}),
            json!({"replicas": 7, "selector": "a=b"}),
        ),
    ];
    for (resource, object, spec, status) in cases {
        let scale = write(&resource, "v1").scale(&object).expect("it scales");

        let expected = json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec,
            "status": status});
        assert_eq!(scale, expected);
    }
}

#[test]
fn a_selector_that_is_a_map_of_labels_is_shown_too() {
    assert_eq!(
        labels::selector_text(&json!({"b": "c", "a": "b"})),
        "a=b,b=c"
    );
    assert_eq!(labels::selector_text(&json!({"matchLabels": {}})), "");
    assert_eq!(labels::selector_text(&json!(null)), "");
}

#[test]
fn a_custom_object_without_its_number_has_no_scale_but_takes_one() {
    let mut object = widget();
    object["spec"] = Value::Null;
    let resource = widgets();
    let write = write(&resource, "v1");

    let message =
        "Internal error occurred: the spec replicas field \".spec.replicas\" does not exist";
    assert_eq!(failure(write.scale(&object)), (500, message.to_owned()));
    let updated = put(write.patch_scale(Some(&object), &merge(&json!({"spec": {"replicas": 8}}))));
    assert_eq!(
        (&updated["spec"], object::generation(&updated)),
        (&json!({"replicas": 8}), 2)
    );
}

#[test]
fn a_scale_that_is_written_changes_the_number_alone() {
    let resource = deployments();
    let write = write(&resource, "v1");
    let new = json!({"metadata": {"name": "v1", "labels": {"q": "r"}}, "spec": {"replicas": 5}});

    let replaced = put(write.replace_scale(Some(&deployment()), body(&new)));
    let patch = Patch::Json(json!([{"op": "test", "path": "/spec/replicas", "value": 2},
        {"op": "replace", "path": "/spec/replicas", "value": 5}]));
    let patched = put(write.patch_scale(Some(&deployment()), &patch));
    let empty = put(write.replace_scale(
        Some(&deployment()),
        body(&json!({"metadata": {"name": "v1"}})),
    ));

    let mut expected = deployment();
    expected["spec"]["replicas"] = json!(5);
    expected["metadata"]["generation"] = json!(2);
    assert_eq!(replaced, expected);
    assert_eq!(patched, expected);
    assert_eq!(empty["spec"]["replicas"], 0);
}

#[test]
fn a_scale_is_refused_in_real_words() {
    let cases = [
        (
            json!({"metadata": {"name": "v2"}}),
            400,
            "the name of the object (v2) does not match the name on the URL (v1)",
        ),
        (
            json!({"metadata": {"name": "v1", "resourceVersion": "1"}}),
            409,
            "Operation cannot be fulfilled on deployments.apps \"v1\": the object has been modified; please \
             apply your changes to the latest version and try again",
        ),
        (
            json!({"metadata": {"name": "v1", "uid": "1"}}),
            409,
            "Operation cannot be fulfilled on deployments.apps \"v1\": StorageError: invalid object, Code: 4, \
             Key: /registry/deployments/default/v1, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: \
             UID in precondition: 1, UID in object meta: new-uid",
        ),
        (
            json!({"metadata": {"name": "v1"}, "spec": {"replicas": -5}}),
            422,
            "Scale.autoscaling \"v1\" is invalid: spec.replicas: Invalid value: -5: must be greater than or \
             equal to 0",
        ),
        (
            json!({"metadata": {"name": "v1"}, "spec": {"replicas": "x"}}),
            400,
            "Scale in version \"v1\" cannot be handled as a Scale: json: cannot unmarshal string into Go struct \
             field ScaleSpec.spec.replicas of type int32",
        ),
        (
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "v1"}}),
            400,
            "Deployment in version \"v1\" cannot be handled as a Scale: converting (v1.Deployment) to \
             (autoscaling.Scale): unknown conversion",
        ),
    ];
    for (scale, code, message) in cases {
        let updated = write(&deployments(), "v1").replace_scale(Some(&deployment()), body(&scale));

        assert_eq!(failure(updated), (code, message.to_owned()));
    }
}

#[test]
fn a_patched_scale_is_refused_in_other_words() {
    let resource = deployments();
    let patch =
        |change: Value| write(&resource, "v1").patch_scale(Some(&deployment()), &merge(&change));

    let message = "Operation cannot be fulfilled on deployments/scale.apps \"v1\": Precondition failed: UID in \
                   precondition: 6, UID in object meta: new-uid";
    assert_eq!(
        failure(patch(json!({"metadata": {"uid": "6"}}))),
        (409, message.to_owned())
    );
    assert_eq!(failure(patch(json!({"spec": {"replicas": "x"}}))).0, 422);
    assert_eq!(
        patch(json!({"metadata": {"labels": {"q": "r"}}})),
        Ok(Updated::Unchanged)
    );
}

#[test]
fn a_custom_scale_below_zero_is_the_objects_mistake() {
    let scale = json!({"metadata": {"name": "v1"}, "spec": {"replicas": -5}});

    let updated = write(&widgets(), "v1").replace_scale(Some(&widget()), body(&scale));

    let message = "Widget.example.com \"v1\" is invalid: .spec.replicas: Invalid value: -5: should be a \
                   non-negative integer";
    assert_eq!(failure(updated), (422, message.to_owned()));
}
