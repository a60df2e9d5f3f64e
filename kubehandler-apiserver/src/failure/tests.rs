//! What failures look like on the wire.

use serde_json::json;

use super::*;
use crate::group::GroupResource;

#[test]
fn status_repeats_the_code_and_leaves_out_what_is_empty() {
    let status = Failure::not_found(GroupResource::new("apps", "deployments"), "web").to_status();

    let expected = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "deployments.apps \"web\" not found", "reason": "NotFound",
        "details": { "name": "web", "group": "apps", "kind": "deployments" }, "code": 404,
    });
    assert_eq!(status, expected);
}

#[test]
fn status_is_written_in_the_order_of_the_real_server() {
    let text = serde_json::to_string(&Failure::method_not_allowed()).unwrap();

    assert_eq!(
        text,
        r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"the server does not allow this method on the requested resource","reason":"MethodNotAllowed","details":{},"code":405}"#
    );
}

#[test]
fn unexpected_error_has_neither_reason_nor_details() {
    let status = Failure::unexpected("oh").to_status();

    let expected = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "oh", "code": 500,
    });
    assert_eq!(status, expected);
}

#[test]
fn version_of_the_future_names_its_cause_and_when_to_try_again() {
    let failure = Failure::too_large_resource_version(99, 7);

    let expected = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "Timeout: Too large resource version: 99, current: 7", "reason": "Timeout",
        "details": {
            "causes": [
                { "reason": "ResourceVersionTooLarge", "message": "Too large resource version" },
            ],
            "retryAfterSeconds": 1,
        },
        "code": 504,
    });
    assert_eq!(failure.to_status(), expected);
}

#[test]
fn expired_list_carries_the_token_to_go_on_with() {
    let failure = Failure::continue_expired("token".to_owned());

    let status = failure.to_status();
    assert_eq!(status["metadata"], json!({ "continue": "token" }));
    assert_eq!(status["reason"], "Expired");
}

#[test]
fn words_are_those_of_the_real_server() {
    let cases = [
        (
            Failure::already_exists(GroupResource::new("", "configmaps"), "a"),
            409,
            "AlreadyExists",
            r#"configmaps "a" already exists"#,
        ),
        (
            Failure::generate_name_exhausted(GroupResource::new("", "pods"), "a-x"),
            409,
            "AlreadyExists",
            r#"pods "a-x" already exists, the server was not able to generate a unique name for the object"#,
        ),
        (
            Failure::modified(GroupResource::new("apps", "deployments"), "web"),
            409,
            "Conflict",
            r#"Operation cannot be fulfilled on deployments.apps "web": the object has been modified; please apply your changes to the latest version and try again"#,
        ),
        (
            Failure::uid_differs(GroupResource::new("", "ConfigMap"), "zz", "x", "y"),
            409,
            "Conflict",
            r#"Operation cannot be fulfilled on ConfigMap "zz": the UID in the precondition (x) does not match the UID in record (y). The object might have been deleted and then recreated"#,
        ),
        (
            Failure::version_differs(GroupResource::new("", "ConfigMap"), "zz", "x", "258"),
            409,
            "Conflict",
            r#"Operation cannot be fulfilled on ConfigMap "zz": the ResourceVersion in the precondition (x) does not match the ResourceVersion in record (258). The object might have been modified"#,
        ),
        (
            Failure::method_not_supported(GroupResource::new("example.com", "widgets"), "FOO"),
            405,
            "MethodNotAllowed",
            r#"FOO is not supported on resources of kind "widgets.example.com""#,
        ),
        (
            Failure::request_entity_too_large(3_145_728),
            413,
            "RequestEntityTooLarge",
            "Request entity too large: limit is 3145728",
        ),
        (
            Failure::forbidden(GroupResource::new("", "pods"), "", "no"),
            403,
            "Forbidden",
            "pods is forbidden: no",
        ),
        (
            Failure::forbidden(GroupResource::new("", "pods"), "a", "no"),
            403,
            "Forbidden",
            r#"pods "a" is forbidden: no"#,
        ),
        (
            Failure::watch_expired(5, Some(8)),
            410,
            "Expired",
            "too old resource version: 5 (8)",
        ),
    ];

    for (failure, code, reason, message) in cases {
        assert_eq!(
            (failure.code, failure.reason, failure.message.as_str()),
            (code, reason, message)
        );
    }
}

#[test]
fn one_cause_stands_alone_and_several_in_brackets_without_repetition() {
    let one = Cause::required("metadata.name", "name or generateName is required");
    let other = Cause::forbidden("spec", "no");
    let invalid = |causes| Failure::invalid(GroupResource::new("", "Pod"), "", causes).message;

    assert_eq!(
        invalid(vec![one.clone()]),
        r#"Pod "" is invalid: metadata.name: Required value: name or generateName is required"#
    );
    assert_eq!(
        invalid(vec![one.clone(), one, other]),
        r#"Pod "" is invalid: [metadata.name: Required value: name or generateName is required, spec: Forbidden: no]"#
    );
    assert_eq!(invalid(Vec::new()), r#"Pod "" is invalid"#);
}

#[test]
fn causes_show_the_value_they_refuse() {
    let cases = [
        (
            Cause::invalid("f", "a\"b", "why"),
            r#"Invalid value: "a\"b": why"#,
        ),
        (Cause::invalid("f", true, "why"), "Invalid value: true: why"),
        (
            Cause::invalid("f", json!([1, "a"]), "why"),
            r#"Invalid value: [1,"a"]: why"#,
        ),
        (
            Cause::not_supported("f", "a", &[]),
            r#"Unsupported value: "a""#,
        ),
        (
            Cause::not_supported("f", "a", &["b", ""]),
            r#"Unsupported value: "a": supported values: "b", """#,
        ),
        (
            Cause::too_long("f", 1),
            "Too long: may not be more than 1 byte",
        ),
        (
            Cause::too_long("f", 63),
            "Too long: may not be more than 63 bytes",
        ),
    ];

    for (cause, message) in cases {
        assert_eq!(cause.message, message);
    }
}

#[test]
fn quoted_text_is_escaped_as_go_does_it() {
    let cases = [
        ("", r#""""#),
        ("a b", r#""a b""#),
        ("\"\\", r#""\"\\""#),
        ("\x07\x08\x0c\n\r\t\x0b", r#""\a\b\f\n\r\t\v""#),
        ("\0\x1b\x7f", r#""\x00\x1b\x7f""#),
        ("é日e\u{301}", "\"é日e\u{301}\""),
        (
            "\u{a0}\u{200b}\u{2028}\u{feff}",
            r#""\u00a0\u200b\u2028\ufeff""#,
        ),
        ("\u{e0001}", r#""\U000e0001""#),
    ];

    for (text, expected) in cases {
        assert_eq!(quoted(text), expected);
    }
}
