//! Which options of deletes are read, and which are refused.

use super::*;
use crate::wire::options::tests::refused;

fn delete(body: &str) -> Result<DeleteOptions, Failure> {
    DeleteOptions::parse(&Query::parse("gracePeriodSeconds=x"), None, body.as_bytes())
}

#[test]
fn delete_reads_the_query_where_there_is_no_body() {
    let query = Query::parse(
        "gracePeriodSeconds=5&propagationPolicy=Orphan&dryRun=All&uid=u&resourceVersion=x",
    );

    let options = DeleteOptions::parse(&query, Some("text/plain"), b"").unwrap();
    let expected = DeleteOptions {
        grace_period_seconds: Some(5),
        preconditions: Preconditions {
            uid: Some("u".to_owned()),
            resource_version: Some("x".to_owned()),
        },
        propagation: Some(Propagation::Orphan),
        orphans_dependents: None,
        is_dry_run: true,
        ignores_read_errors: false,
    };
    assert_eq!(options, expected);
}

#[test]
fn delete_does_not_look_at_the_query_where_there_is_a_body() {
    let options = delete(
        r#"{"kind":"DeleteOptions","apiVersion":"batch/v1","gracePeriodSeconds":-1,
            "preconditions":{"uid":""},"orphanDependents":false,"dryRun":null,"unknown":1}"#,
    )
    .unwrap();

    assert_eq!(options.grace_period_seconds, Some(-1));
    assert_eq!(options.preconditions.uid.as_deref(), Some(""));
    assert_eq!(options.preconditions.resource_version, None);
    assert_eq!(options.wanted_propagation(), Some(Propagation::Background));
    assert_eq!(delete("null"), Ok(DeleteOptions::default()));
    assert_eq!(delete("{}").unwrap().wanted_propagation(), None);
}

#[test]
fn bad_delete_is_refused_in_the_words_of_the_real_server() {
    const NO_JSON: &str = "couldn't get version/kind; json parse error: ";
    let field = |what, field, ty| {
        format!(
            "json: cannot unmarshal {what} into Go struct field DeleteOptions.{field} of type {ty}"
        )
    };
    let cases = [
        ("{", 400, format!("{NO_JSON}unexpected end of JSON input")),
        ("x", 400, format!("{NO_JSON}invalid character 'x' looking for beginning of value")),
        ("{} x", 400, format!("{NO_JSON}invalid character 'x' after top-level value")),
        (
            "[]",
            400,
            format!(r#"{NO_JSON}json: cannot unmarshal array into Go value of type struct {{ APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }}"#),
        ),
        (
            r#"{"kind":3}"#,
            400,
            format!("{NO_JSON}json: cannot unmarshal number into Go struct field .kind of type string"),
        ),
        (
            r#"{"kind":"Pod","apiVersion":"v1"}"#,
            400,
            r#"no kind "Pod" is registered for version "v1" in scheme "pkg/runtime/scheme.go:111""#.to_owned(),
        ),
        (r#"{"apiVersion":"a/b/c"}"#, 400, "unexpected GroupVersion string: a/b/c".to_owned()),
        (r#"{"gracePeriodSeconds":1.5}"#, 400, field("number 1.5", "gracePeriodSeconds", "int64")),
        (r#"{"gracePeriodSeconds":true}"#, 400, field("bool", "gracePeriodSeconds", "int64")),
        (
            r#"{"propagationPolicy":3}"#,
            400,
            field("number", "propagationPolicy", "v1.DeletionPropagation"),
        ),
        (r#"{"preconditions":[]}"#, 400, field("array", "preconditions", "v1.Preconditions")),
        (r#"{"dryRun":"All"}"#, 400, field("string", "dryRun", "[]string")),
        (r#"{"dryRun":[1]}"#, 400, field("number", "dryRun", "string")),
        (r#"{"orphanDependents":"x"}"#, 400, field("string", "orphanDependents", "bool")),
        (
            r#"{"propagationPolicy":"x","orphanDependents":true,"dryRun":["y"]}"#,
            422,
            r#"[propagationPolicy: Invalid value: "x": orphanDependents and deletionPropagation cannot be both set, propagationPolicy: Unsupported value: "x": supported values: "Foreground", "Background", "Orphan", "nil", dryRun: Unsupported value: ["y"]: supported values: "All"]"#.to_owned(),
        ),
        (
            r#"{"ignoreStoreReadErrorWithClusterBreakingPotential":true,"gracePeriodSeconds":1,"preconditions":{}}"#,
            422,
            "[ignoreStoreReadErrorWithClusterBreakingPotential: Invalid value: true: cannot be set together with .gracePeriodSeconds, ignoreStoreReadErrorWithClusterBreakingPotential: Invalid value: true: cannot be set together with .preconditions]".to_owned(),
        ),
    ];

    for (body, code, message) in cases {
        assert_eq!(refused(delete(body)), (code, message), "{body}");
    }
}

#[test]
fn collection_is_not_deleted_unread() {
    let options = delete(r#"{"ignoreStoreReadErrorWithClusterBreakingPotential":true}"#).unwrap();

    assert_eq!(
        refused(options.for_collection()),
        (422, "ignoreStoreReadErrorWithClusterBreakingPotential: Invalid value: true: is not allowed with DELETECOLLECTION, try again after removing the option".to_owned())
    );
    assert!(DeleteOptions::default().for_collection().is_ok());
}
