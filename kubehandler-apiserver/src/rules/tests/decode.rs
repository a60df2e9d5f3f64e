use super::*;

fn create(resource: &Resource, object: &Value) -> Result<Value, Failure> {
    write(resource, "").create(body(object), &mut || "bcdfg".to_owned())
}

#[test]
fn bodies_of_the_wrong_kind_are_refused_in_real_words() {
    let struct_type = r#"struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#;
    let cases = [
        (
            json!([]),
            format!(
                "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; \
                 json parse error: json: cannot unmarshal array into Go value of type {struct_type} (5b5d)"
            ),
        ),
        (
            json!({"apiVersion": "v1", "kind": "Pod"}),
            "Pod in version \"v1\" cannot be handled as a ConfigMap: converting (v1.Pod) to (core.ConfigMap): \
             unknown conversion"
                .to_owned(),
        ),
        (
            json!({"apiVersion": "v1", "kind": "Foo"}),
            "Foo in version \"v1\" cannot be handled as a ConfigMap: no kind \"Foo\" is registered for version \
             \"v1\" in scheme \"pkg/runtime/scheme.go:111\""
                .to_owned(),
        ),
        (
            json!({"apiVersion": "apps/v1", "kind": "ConfigMap"}),
            "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: no kind \"ConfigMap\" is registered \
             for version \"apps/v1\" in scheme \"pkg/runtime/scheme.go:111\""
                .to_owned(),
        ),
        (
            json!({"apiVersion": "a/b/c", "kind": "ConfigMap", "x": 1}),
            "the object provided is unrecognized (must be of type ConfigMap): unexpected GroupVersion string: \
             a/b/c ({\"apiVersion\":\"a/b/c\",\"kind\":\" ...)"
                .to_owned(),
        ),
    ];
    for (object, expected) in cases {
        assert_eq!(
            failure(create(&config_maps(), &object)),
            (400, expected),
            "{object}"
        );
    }
}

#[test]
fn metadata_of_the_wrong_type_is_refused_in_real_words() {
    let of_type = |field: &str, actual: &str, ty: &str| {
        format!("json: cannot unmarshal {actual} into Go struct field {field} of type {ty}")
    };
    let cases = [
        (
            json!({"name": 1}),
            of_type("ObjectMeta.metadata.name", "number", "string"),
        ),
        (
            json!({"labels": {"a": 1}}),
            of_type("ObjectMeta.metadata.labels", "number", "string"),
        ),
        (
            json!({"labels": []}),
            of_type("ObjectMeta.metadata.labels", "array", "map[string]string"),
        ),
        (
            json!({"annotations": {"a": true}}),
            of_type("ObjectMeta.metadata.annotations", "bool", "string"),
        ),
        (
            json!({"finalizers": "x"}),
            of_type("ObjectMeta.metadata.finalizers", "string", "[]string"),
        ),
        (
            json!({"finalizers": [1]}),
            of_type("ObjectMeta.metadata.finalizers", "number", "string"),
        ),
        (
            json!({"ownerReferences": {}}),
            of_type(
                "ObjectMeta.metadata.ownerReferences",
                "object",
                "[]v1.OwnerReference",
            ),
        ),
        (
            json!({"ownerReferences": [{"name": 1}]}),
            of_type(
                "OwnerReference.metadata.ownerReferences.name",
                "number",
                "string",
            ),
        ),
        (
            json!({"generation": "x"}),
            of_type("ObjectMeta.metadata.generation", "string", "int64"),
        ),
        (
            json!({"generation": 1.5}),
            of_type("ObjectMeta.metadata.generation", "number 1.5", "int64"),
        ),
        (
            json!({"creationTimestamp": 4}),
            of_type("ObjectMeta.metadata.creationTimestamp", "number", "string"),
        ),
        (
            json!({"creationTimestamp": "x"}),
            "parsing time \"x\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"x\" as \"2006\""
                .to_owned(),
        ),
        (
            json!("x"),
            of_type("ConfigMap.metadata", "string", "v1.ObjectMeta"),
        ),
    ];
    for (metadata, why) in cases {
        let expected =
            format!("ConfigMap in version \"v1\" cannot be handled as a ConfigMap: {why}");
        assert_eq!(
            failure(create(&config_maps(), &json!({"metadata": metadata}))),
            (400, expected),
            "{metadata}"
        );
    }
}

#[test]
fn custom_objects_must_say_what_they_are() {
    let start =
        "the object provided is unrecognized (must be of type Widget): Object 'Kind' is missing in";
    let cases = [
        (json!({}), 400, format!("{start} '{{}}' ({{}})")),
        (
            json!({"kind": "Widget"}),
            400,
            "the API version in the data () does not match the expected API version (example.com/v1)".to_owned(),
        ),
        (
            json!({"apiVersion": "example.com/v2", "kind": "Widget"}),
            400,
            "the API version in the data (example.com/v2) does not match the expected API version \
             (example.com/v1)"
                .to_owned(),
        ),
        (
            json!({"apiVersion": "example.com/v1", "kind": "Foo", "metadata": {"name": "a1"}}),
            422,
            "Foo.example.com \"a1\" is invalid: kind: Invalid value: \"Foo\": must be Widget".to_owned(),
        ),
        (
            json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"labels": {"a": 1}}}),
            400,
            "Widget in version \"v1\" cannot be handled as a Widget: json: cannot unmarshal number into Go \
             struct field ObjectMeta.labels of type string"
                .to_owned(),
        ),
        (
            json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": "x"}),
            400,
            "Widget in version \"v1\" cannot be handled as a Widget: json: cannot unmarshal string into Go \
             value of type v1.ObjectMeta"
                .to_owned(),
        ),
    ];
    for (object, code, expected) in cases {
        assert_eq!(
            failure(create(&widgets(), &object)),
            (code, expected),
            "{object}"
        );
    }
}

#[test]
fn another_version_of_the_kind_is_understood_and_refused() {
    let mut resource = deployments();
    let mut older = resource.versions[0].clone();
    older.name = "v1beta1".into();
    resource.versions.to_mut().push(older);
    let mut write = write(&resource, "");
    write.is_known = |_, _| true;

    let object = json!({"apiVersion": "apps/v1beta1", "kind": "Deployment"});
    let created = write.create(body(&object), &mut String::new);

    let message = "the API version in the data (apps/v1beta1) does not match the expected API version (apps/v1)";
    assert_eq!(failure(created), (400, message.to_owned()));
}
