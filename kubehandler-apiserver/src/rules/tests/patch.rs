use super::*;

fn config_map() -> Value {
    stored(
        &config_maps(),
        json!({"metadata": {"name": "u1", "labels": {"a": "b"}}, "data": {"x": "y"}}),
    )
}

fn patch(patch: Result<Patch, Failure>) -> Result<Updated, Failure> {
    write(&config_maps(), "u1").patch(Some(&config_map()), &patch?)
}

#[test]
fn patches_that_are_none_are_refused_in_real_words() {
    let merge_type = "of type map[string]interface {}";
    let cases = [
        (patch(Patch::merge(b"{")), "invalid JSON patch".to_owned()),
        (patch(Patch::merge(b"")), "invalid JSON patch".to_owned()),
        (
            patch(Patch::merge(b"[]")),
            format!("error decoding patch: json: cannot unmarshal array into Go value {merge_type}"),
        ),
        (patch(Patch::merge(b"null")), "Invalid JSON Patch".to_owned()),
        (patch(Patch::json(b"{")), "invalid JSON patch".to_owned()),
        (
            patch(Patch::json(b"{}")),
            "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"
                .to_owned(),
        ),
        (
            patch(Patch::json(b"[1]")),
            "error decoding patch: json: cannot unmarshal number into Go value of type handlers.jsonPatchOp"
                .to_owned(),
        ),
        (
            patch(Patch::json(br#"[{"op":"add","path":1}]"#)),
            "error decoding patch: json: cannot unmarshal number into Go struct field jsonPatchOp.path of type \
             string"
                .to_owned(),
        ),
    ];
    for (result, message) in cases {
        assert_eq!(failure(result), (400, message));
    }
}

#[test]
fn an_object_that_is_missing_is_not_found_before_its_patch_is_read() {
    let resource = config_maps();
    let write = write(&resource, "nope");

    for patch in [Patch::Merge(json!([])), Patch::Json(json!([{"op": "foo"}]))] {
        assert_eq!(
            failure(write.patch(None, &patch)),
            (404, "configmaps \"nope\" not found".to_owned())
        );
    }
}

#[test]
fn operations_do_what_the_real_server_does() {
    let labels = |labels: Value| Some(json!({"labels": labels, "list": [1, 2]}));
    let cases = [
        (json!([]), labels(json!({"a": "b"}))),
        (json!(null), labels(json!({"a": "b"}))),
        (json!([null]), None),
        (json!([{}]), None),
        (json!([{"op": "foo", "path": "/labels"}]), None),
        (json!([{"op": "add"}]), None),
        (
            json!([{"op": "add", "path": "/labels/c"}]),
            labels(json!({"a": "b", "c": null})),
        ),
        (
            json!([{"op": "add", "path": "/labels/c~1d~0", "value": 1}]),
            labels(json!({"a": "b", "c/d~": 1})),
        ),
        (json!([{"op": "add", "path": "/nope/a", "value": 1}]), None),
        (json!([{"op": "add", "path": "", "value": {}}]), None),
        (
            json!([{"op": "remove", "path": "/labels/a"}]),
            labels(json!({})),
        ),
        (json!([{"op": "remove", "path": "/labels/nope"}]), None),
        (
            json!([{"op": "replace", "path": "/labels/nope", "value": 1}]),
            labels(json!({"a": "b", "nope": 1})),
        ),
        (
            json!([{"op": "replace", "path": "", "value": {"x": 1}}]),
            Some(json!({"x": 1})),
        ),
        (
            json!([{"op": "move", "from": "/labels/a", "path": "/labels/c"}]),
            labels(json!({"c": "b"})),
        ),
        (
            json!([{"op": "move", "from": "/labels/nope", "path": "/labels/c"}]),
            None,
        ),
        (json!([{"op": "move", "path": "/labels/c"}]), None),
        (
            json!([{"op": "copy", "from": "/labels/a", "path": "/labels/c"}]),
            labels(json!({"a": "b", "c": "b"})),
        ),
        (
            json!([{"op": "copy", "from": "/labels/x", "path": "/labels/a"}]),
            labels(json!({"a": null})),
        ),
        (
            json!([{"op": "test", "path": "/labels/a", "value": "b"}]),
            labels(json!({"a": "b"})),
        ),
        (
            json!([{"op": "test", "path": "/labels/a", "value": "c"}]),
            None,
        ),
        (
            json!([{"op": "test", "path": "/labels/nope", "value": null}]),
            labels(json!({"a": "b"})),
        ),
        (
            json!([{"op": "add", "path": "/list/-", "value": 3}]),
            Some(json!({"labels": {"a": "b"}, "list": [1, 2, 3]})),
        ),
        (
            json!([{"op": "add", "path": "/list/0", "value": 3}]),
            Some(json!({"labels": {"a": "b"}, "list": [3, 1, 2]})),
        ),
        (json!([{"op": "add", "path": "/list/5", "value": 3}]), None),
        (
            json!([{"op": "remove", "path": "/list/-1"}]),
            Some(json!({"labels": {"a": "b"}, "list": [1]})),
        ),
        (json!([{"op": "remove", "path": "/list/-3"}]), None),
        (json!([{"op": "remove", "path": "/labels/a/b"}]), None),
    ];
    for (operations, expected) in cases {
        let object = json!({"labels": {"a": "b"}, "list": [1, 2]});

        let patched = Patch::Json(operations.clone()).apply(&object);

        assert_eq!(patched.as_ref().ok(), expected.as_ref(), "{operations}");
        if let Err(failure) = patched {
            let message = "the server rejected our request due to an error in our request";
            assert_eq!(
                (failure.code, failure.reason, &*failure.message),
                (422, "Invalid", message)
            );
        }
    }
}

#[test]
fn a_patch_has_10000_operations_at_most() {
    let test = json!({"op": "test", "path": "/metadata/name", "value": "u1"});
    let operations = |count| Patch::Json(Value::Array(vec![test.clone(); count]));

    assert_eq!(patch(Ok(operations(10_000))), Ok(Updated::Unchanged));
    let message = "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001";
    assert_eq!(
        failure(patch(Ok(operations(10_001)))),
        (413, message.to_owned())
    );
}

#[test]
fn a_merge_patch_removes_nulls_at_every_depth() {
    let object = json!({"a": {"b": 1, "c": [1]}, "d": 2});
    let change = json!({"a": {"b": null, "c": [null], "e": {"f": null}}, "d": {"g": 1}});

    let merged = merge(&change).apply(&object);

    assert_eq!(
        merged,
        Ok(json!({"a": {"c": [null], "e": {}}, "d": {"g": 1}}))
    );
}

#[test]
fn a_patch_that_leads_to_no_object_of_the_kind_shows_it() {
    let cases = [
        (
            json!({"metadata": {"labels": {"a": 1}}}),
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
        ),
        (
            json!({"kind": "Foo"}),
            "no kind \"Foo\" is registered for version \"v1\" in scheme \"pkg/runtime/scheme.go:111\"",
        ),
        (
            json!({"kind": "Pod"}),
            "converting (v1.Pod) to (core.ConfigMap): unknown conversion",
        ),
    ];
    for (change, why) in cases {
        let (code, message) = failure(patch(Ok(merge(&change))));

        assert_eq!(code, 422);
        assert!(
            message.starts_with(
                " \"\" is invalid: patch: Invalid value: \"{\\\"apiVersion\\\":\\\"v1\\\""
            ),
            "{message}"
        );
        assert!(message.ends_with(why), "{message}");
    }
}

#[test]
fn a_patch_may_not_rename_or_move_the_object() {
    let cases = [
        (
            json!({"metadata": {"name": "x"}}),
            "the name of the object (x) does not match the name on the URL (u1)",
        ),
        (
            json!({"metadata": null}),
            "the name of the object (u1 based on URL) was undeterminable: name must be provided",
        ),
        (
            json!({"metadata": {"namespace": "x"}}),
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
    ];
    for (change, message) in cases {
        assert_eq!(
            failure(patch(Ok(merge(&change)))),
            (400, message.to_owned())
        );
    }
}

#[test]
fn a_resource_version_in_a_patch_is_a_precondition() {
    assert_eq!(
        failure(patch(Ok(merge(
            &json!({"metadata": {"resourceVersion": "1"}})
        ))))
        .0,
        409
    );
    put(patch(Ok(merge(
        &json!({"metadata": {"resourceVersion": "5"}, "data": {"a": "b"}}),
    ))));
    put(patch(Ok(merge(
        &json!({"metadata": {"resourceVersion": null}, "data": {"a": "b"}}),
    ))));
}

#[test]
fn a_custom_object_can_not_become_another_kind() {
    let widget = stored(&widgets(), json!({"metadata": {"name": "w1"}}));
    let cases = [
        (
            json!({"kind": "Foo"}),
            "Foo.example.com \"w1\" is invalid: kind: Invalid value: \"Foo\": must be Widget",
        ),
        (
            json!({"apiVersion": "v1"}),
            "Widget \"w1\" is invalid: apiVersion: Invalid value: \"v1\": must be example.com/v1",
        ),
    ];
    for (change, message) in cases {
        let patched = write(&widgets(), "w1").patch(Some(&widget), &merge(&change));

        assert_eq!(failure(patched), (422, message.to_owned()));
    }
    let empty = Patch::Json(json!([{"op": "replace", "path": "", "value": {}}]));
    let message =
        " \"\" is invalid: patch: Invalid value: \"{}\": Object 'Kind' is missing in '{}'";
    assert_eq!(
        failure(write(&widgets(), "w1").patch(Some(&widget), &empty)),
        (422, message.to_owned())
    );
}
