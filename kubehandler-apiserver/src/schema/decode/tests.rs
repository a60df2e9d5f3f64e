//! What Go says of the same text, checked by hand against `sigs.k8s.io/json` and the real server.

use serde_json::json;

use super::*;
use crate::group::GroupVersion;
use crate::schema::builtin::definitions;

fn read(kind: &str, text: &str) -> Result<Decoded, String> {
    let group = if kind == "Deployment" { "apps" } else { "" };
    let definition = definitions().of_kind(GroupVersion::new(group, "v1"), kind);
    decode(text, definition.expect("the kind is known"))
}

fn found(kind: &str, text: &str) -> Vec<String> {
    let decoded = read(kind, text).expect("it can be read");
    decoded.findings.iter().map(ToString::to_string).collect()
}

fn value(kind: &str, text: &str) -> Value {
    read(kind, text).expect("it can be read").value
}

#[test]
fn unknown_and_repeated_fields_are_found_in_the_order_of_the_text() {
    let text = r#"{"spec": {"zzz": {"a": 1, "a": 2}, "containers": [
            {"name": "a", "ports": [{"containerPort": 1, "foo": 2}, {"name": "x", "name": "y"}]},
            {"Image": "x"}],
        "nodeName": "n", "nodeName": "m"}, "kinds": 1, "metadata": {"labels": {"a": "1", "a": "2"}}}"#;

    let found = found("Pod", text);

    assert_eq!(
        found,
        [
            r#"unknown field "spec.zzz""#,
            r#"unknown field "spec.containers[0].ports[0].foo""#,
            r#"duplicate field "spec.containers[0].ports[1].name""#,
            r#"unknown field "spec.containers[1].Image""#,
            r#"duplicate field "spec.nodeName""#,
            r#"unknown field "kinds""#,
            r#"duplicate field "metadata.labels.a""#,
        ]
    );
}

#[test]
fn same_finding_is_told_once_and_a_hundred_at_most() {
    let repeated = r#"{"foo": 1, "foo": 2, "foo": 3}"#;
    let many: Vec<String> = (0..150).map(|i| format!("\"f{i}\": 1")).collect();

    assert_eq!(found("Pod", repeated), [r#"unknown field "foo""#]);
    assert_eq!(found("Pod", &format!("{{{}}}", many.join(","))).len(), 100);
}

#[test]
fn nothing_is_found_in_what_go_keeps_as_it_is() {
    let definition = definitions().of_kind(GroupVersion::new("apps", "v1"), "ControllerRevision");
    let text = r#"{"data": {"a": 1, "a": {"b": null}}, "revision": 1}"#;

    let decoded = decode(text, definition.expect("the kind is known"));

    let decoded = decoded.expect("it can be read");
    assert_eq!(decoded.findings, []);
    assert_eq!(
        decoded.value,
        json!({"data": {"a": {"b": null}}, "metadata": {}, "revision": 1})
    );
}

#[test]
fn what_go_leaves_out_is_left_out_and_what_it_writes_is_there() {
    let text = r#"{"metadata": {"name": "a", "labels": null}, "foo": 1, "spec": {
        "nodeName": "", "priority": 0, "hostNetwork": false, "volumes": [], "nodeSelector": {}, "hostPID": null,
        "securityContext": {}, "containers": [{"name": "a", "bar": 2, "stdin": true, "env": [null]}]}}"#;

    let value = value("Pod", text);

    let expected = json!({"metadata": {"name": "a"}, "status": {}, "spec": {
        "priority": 0, "securityContext": {},
        "containers": [{"name": "a", "stdin": true, "env": [{}], "resources": {}}]}});
    assert_eq!(value, expected);
}

#[test]
fn null_in_a_map_is_the_zero_value() {
    let value = value("ConfigMap", r#"{"data": {"a": null, "b": "x"}}"#);

    assert_eq!(value, json!({"data": {"a": "", "b": "x"}, "metadata": {}}));
}

#[test]
fn what_is_there_twice_is_read_into_the_same_object() {
    let text = r#"{"spec": {"nodeName": "a", "hostname": "x"}, "spec": {"nodeName": "b"}}"#;

    let value = value("Pod", text);

    let expected = json!({
        "metadata": {},
        "spec": {"containers": null, "nodeName": "b", "hostname": "x"},
        "status": {},
    });
    assert_eq!(value, expected);
}

#[test]
fn values_of_the_wrong_type_are_refused_in_the_words_of_go() {
    let cases = [
        (r#"{"spec": 1}"#, "number", "Pod.spec", "v1.PodSpec"),
        (
            r#"{"spec": {"containers": {}}}"#,
            "object",
            "PodSpec.spec.containers",
            "[]v1.Container",
        ),
        (
            r#"{"spec": {"containers": ["x"]}}"#,
            "string",
            "PodSpec.spec.containers",
            "v1.Container",
        ),
        (
            r#"{"spec": {"containers": [{"image": 1}]}}"#,
            "number",
            "Container.spec.containers.image",
            "string",
        ),
        (
            r#"{"spec": {"restartPolicy": 1}}"#,
            "number",
            "PodSpec.spec.restartPolicy",
            "v1.RestartPolicy",
        ),
        (
            r#"{"spec": {"nodeSelector": []}}"#,
            "array",
            "PodSpec.spec.nodeSelector",
            "map[string]string",
        ),
        (
            r#"{"spec": {"nodeSelector": {"a": 1}}}"#,
            "number",
            "PodSpec.spec.nodeSelector",
            "string",
        ),
        (
            r#"{"spec": {"priority": 1.0}}"#,
            "number 1.0",
            "PodSpec.spec.priority",
            "int32",
        ),
        (
            r#"{"spec": {"priority": 1e3}}"#,
            "number 1e3",
            "PodSpec.spec.priority",
            "int32",
        ),
        (
            r#"{"spec": {"priority": 2147483648}}"#,
            "number 2147483648",
            "PodSpec.spec.priority",
            "int32",
        ),
        (
            r#"{"spec": {"priority": "1"}}"#,
            "string",
            "PodSpec.spec.priority",
            "int32",
        ),
        (
            r#"{"spec": {"hostNetwork": "yes"}}"#,
            "string",
            "PodSpec.spec.hostNetwork",
            "bool",
        ),
        (
            r#"{"spec": {"volumes": [{"hostPath": 1}]}}"#,
            "number",
            "Volume.spec.volumes.VolumeSource.hostPath",
            "v1.HostPathVolumeSource",
        ),
        (
            r#"{"spec": {"containers": [{"resources": {"limits": []}}]}}"#,
            "array",
            "ResourceRequirements.spec.containers.resources.limits",
            "v1.ResourceList",
        ),
    ];
    for (text, what, field, ty) in cases {
        let expected =
            format!("json: cannot unmarshal {what} into Go struct field {field} of type {ty}");
        assert_eq!(read("Pod", text), Err(expected), "{text}");
    }
}

#[test]
fn first_wrong_value_is_told_unless_another_ends_the_reading() {
    let saved = r#"{"spec": {"hostname": 1, "nodeName": 2}}"#;
    let fatal =
        r#"{"spec": {"hostname": 1, "containers": [{"resources": {"limits": {"cpu": "x"}}}]}}"#;

    let saved = read("Pod", saved).expect_err("it is wrong");
    let fatal = read("Pod", fatal).expect_err("it is wrong");

    assert!(saved.contains("field PodSpec.spec.hostname"), "{saved}");
    assert!(fatal.starts_with("quantities must match"), "{fatal}");
}

#[test]
fn numbers_and_texts_are_told_apart_where_both_are_allowed() {
    let port =
        |port: &str| format!(r#"{{"spec": {{"ports": [{{"port": 1, "targetPort": {port}}}]}}}}"#);

    let number = value("Service", &port("80"));
    let text = value("Service", &port("\"http\""));
    let wrong = read("Service", &port("1.5"));

    assert_eq!(number["spec"]["ports"][0]["targetPort"], json!(80));
    assert_eq!(text["spec"]["ports"][0]["targetPort"], json!("http"));
    let why = "json: cannot unmarshal number 1.5 into Go struct field ServicePort.spec.ports.targetPort of type int32";
    assert_eq!(wrong, Err(why.to_owned()));
}

#[test]
fn amounts_and_times_are_written_as_the_real_server_writes_them() {
    let text = r#"{"spec": {"containers": [{"resources": {"limits": {"cpu": 0.5, "memory": "1024Mi"}}}]},
        "status": {"startTime": "2026-01-01T01:00:00+01:00"}}"#;

    let value = value("Pod", text);

    let limits = &value["spec"]["containers"][0]["resources"]["limits"];
    assert_eq!(limits, &json!({"cpu": "500m", "memory": "1Gi"}));
    assert_eq!(value["status"]["startTime"], json!("2026-01-01T00:00:00Z"));
}

#[test]
fn repeated_fields_of_any_object_are_found() {
    let text = r#"{"a": 1, "b": [{"c": 1, "c": 2}, 5], "a": {"d": 1, "d": 1}}"#;

    let found: Vec<_> = duplicates(text).iter().map(ToString::to_string).collect();

    let expected = [
        r#"duplicate field "b[0].c""#,
        r#"duplicate field "a""#,
        r#"duplicate field "a.d""#,
    ];
    assert_eq!(found, expected);
}

#[test]
fn operations_of_a_patch_have_members_of_their_own() {
    let text = r#"[{"op": "add", "op": "add", "foo": 1, "path": "/a", "value": {"x": 1, "x": 2}}]"#;

    let found: Vec<_> = of_operations(text)
        .iter()
        .map(ToString::to_string)
        .collect();

    let expected = [
        r#"duplicate field "[0].op""#,
        r#"unknown field "[0].foo""#,
        r#"duplicate field "[0].value.x""#,
    ];
    assert_eq!(found, expected);
}
