use super::*;

fn create(resource: &Resource, object: &Value) -> Result<Value, Failure> {
    write(resource, "").create(body(object), &mut || "bcdfg".to_owned())
}

fn secrets() -> Resource {
    resource("", "secrets", "Secret")
}

/// A secret with these fields.
fn secret(mut fields: Value) -> Value {
    fields["metadata"] = json!({"name": "s"});
    fields
}

#[test]
fn string_data_becomes_data_and_wins_over_it() {
    for (fields, data) in [
        (
            json!({"data": {"a": "b2xk", "z": "eg=="}, "stringData": {"a": "new", "b": "ü"}}),
            json!({"a": "bmV3", "b": "w7w=", "z": "eg=="}),
        ),
        (json!({"stringData": {"a": ""}}), json!({"a": ""})),
        (json!({"stringData": {"a": null}}), json!({"a": ""})),
        (
            json!({"data": null, "stringData": {"a": "x"}}),
            json!({"a": "eA=="}),
        ),
        (
            json!({"data": {}, "stringData": {"a": "x"}}),
            json!({"a": "eA=="}),
        ),
        (json!({"data": {"a": null}}), json!({"a": ""})),
        (
            json!({"data": {"a": "eA=="}, "stringData": null}),
            json!({"a": "eA=="}),
        ),
        (
            json!({"data": {"a": "eA=="}, "stringData": {}}),
            json!({"a": "eA=="}),
        ),
        (json!({"stringData": {}}), Value::Null),
        (json!({"stringData": null}), Value::Null),
    ] {
        let created = create(&secrets(), &secret(fields.clone())).expect("valid");

        assert_eq!(created["data"], data, "{fields}");
        assert!(created.get("stringData").is_none(), "{fields}: {created}");
    }
}

#[test]
fn entries_of_the_wrong_type_are_refused_in_real_words() {
    let config_map = |fields: Value| (config_maps(), fields, "ConfigMap");
    let secret = |fields: Value| (secrets(), fields, "Secret");
    for ((resource, fields, kind), actual, field, ty) in [
        (
            secret(json!({"stringData": {"a": 1}})),
            "number",
            "Secret.stringData",
            "string",
        ),
        (
            secret(json!({"stringData": "a"})),
            "string",
            "Secret.stringData",
            "map[string]string",
        ),
        (
            secret(json!({"data": {"a": true}})),
            "bool",
            "Secret.data",
            "[]uint8",
        ),
        (
            secret(json!({"data": []})),
            "array",
            "Secret.data",
            "map[string][]uint8",
        ),
        (
            config_map(json!({"data": {"a": 1}})),
            "number",
            "ConfigMap.data",
            "string",
        ),
        (
            config_map(json!({"binaryData": {"a": 1}})),
            "number",
            "ConfigMap.binaryData",
            "[]uint8",
        ),
    ] {
        let mut object = fields.clone();
        object["metadata"] = json!({"name": "a"});

        let (code, message) = failure(create(&resource, &object));

        let expected = format!(
            "{kind} in version \"v1\" cannot be handled as a {kind}: json: cannot unmarshal {actual} into Go \
             struct field {field} of type {ty}"
        );
        assert_eq!((code, message), (400, expected), "{fields}");
    }
}

#[test]
fn string_data_of_an_update_and_of_a_patch_becomes_data() {
    let resource = secrets();
    let old = stored(
        &resource,
        secret(json!({"data": {"a": "b2xk", "z": "eg=="}})),
    );
    let write = write(&resource, "s");

    let replaced = write.replace(Some(&old), body(&secret(json!({"stringData": {"b": "x"}}))));
    assert_eq!(put(replaced)["data"], json!({"b": "eA=="}));

    for patch in [
        merge(&json!({"stringData": {"a": "new", "gone": null}})),
        Patch::json(br#"[{"op": "add", "path": "/stringData", "value": {"a": "new"}}]"#)
            .expect("JSON"),
    ] {
        let patched = put(write.patch(Some(&old), &patch));
        assert_eq!(patched["data"], json!({"a": "bmV3", "z": "eg=="}));
        assert!(patched.get("stringData").is_none(), "{patched}");
    }
}

#[test]
fn string_data_that_says_what_is_there_changes_nothing() {
    let resource = secrets();
    let old = stored(
        &resource,
        secret(json!({"stringData": {"a": "x"}, "immutable": true})),
    );
    let write = write(&resource, "s");

    let same = write.patch(Some(&old), &merge(&json!({"stringData": {"a": "x"}})));
    let other = write.patch(Some(&old), &merge(&json!({"stringData": {"a": "y"}})));

    assert_eq!(same, Ok(Updated::Unchanged));
    let (code, message) = failure(other);
    assert_eq!(code, 422);
    assert!(
        message.contains("data: Forbidden: field is immutable"),
        "{message}"
    );
}

#[test]
fn custom_kind_called_secret_keeps_its_string_data() {
    let mut resource = widgets();
    resource.versions.to_mut()[0].kind = "Secret".into();
    let object = json!({
        "apiVersion": "example.com/v1", "kind": "Secret", "metadata": {"name": "s"},
        "stringData": {"a": 1},
    });

    let created = create(&resource, &object).expect("valid");

    assert_eq!(created["stringData"], json!({"a": 1}));
}
