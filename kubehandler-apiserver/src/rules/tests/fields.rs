use super::*;
use crate::wire::options::FieldValidation;

/// Creates a config map from this text, and returns the warnings that the client gets.
fn created(
    resource: &Resource,
    validation: FieldValidation,
    text: &str,
) -> Result<Vec<String>, (u16, String)> {
    let checks = FieldChecks::new(validation, Vec::new());
    let write = Write {
        checks: &checks,
        ..write(resource, "")
    };
    let body = Body {
        value: serde_json::from_str(text).expect("JSON"),
        bytes: text.as_bytes().to_vec().into(),
    };
    match write.create(body, &mut String::new) {
        Ok(_) => Ok(checks.take_warnings()),
        Err(failure) => Err((failure.code, failure.message)),
    }
}

const TEXT: &str =
    r#"{"metadata": {"name": "a", "foo": 1}, "data": {"a": "1", "a": "2"}, "bar": 2}"#;

#[test]
fn fields_that_a_kind_does_not_have_are_told_or_refused_or_ignored() {
    let resource = config_maps();
    let found = [
        r#"unknown field "metadata.foo""#,
        r#"duplicate field "data.a""#,
        r#"unknown field "bar""#,
    ];

    let warned = created(&resource, FieldValidation::Warn, TEXT);
    let ignored = created(&resource, FieldValidation::Ignore, TEXT);
    let refused = created(&resource, FieldValidation::Strict, TEXT);

    assert_eq!(warned, Ok(found.map(str::to_owned).to_vec()));
    assert_eq!(ignored, Ok(Vec::new()));
    let why = format!(
        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: {}",
        found.join(", ")
    );
    assert_eq!(refused, Err((400, why)));
}

#[test]
fn custom_objects_have_any_field_but_known_metadata() {
    let text = r#"{"apiVersion": "example.com/v1", "kind": "Widget", "spec": {"a": 1, "a": 2},
        "metadata": {"name": "a", "zzz": 1, "aaa": {}}}"#;

    let warned = created(&widgets(), FieldValidation::Warn, text);

    let expected = [
        r#"duplicate field "spec.a""#,
        r#"unknown field "metadata.aaa""#,
        r#"unknown field "metadata.zzz""#,
    ];
    assert_eq!(warned, Ok(expected.map(str::to_owned).to_vec()));
}

#[test]
fn findings_of_a_patch_come_before_those_of_what_it_leads_to() {
    let resource = config_maps();
    let old = stored(&resource, json!({"metadata": {"name": "a"}}));
    let of_patch = vec![r#"duplicate field "data""#.to_owned()];
    let patch = merge(&json!({"foo": 1}));
    let patched = |validation| {
        let checks = FieldChecks::new(validation, of_patch.clone());
        let write = Write {
            checks: &checks,
            ..write(&resource, "a")
        };
        let patched = write.patch(Some(&old), &patch);
        (
            patched.map(drop).map_err(|failure| failure.message),
            checks.take_warnings(),
        )
    };

    let (warned, warnings) = patched(FieldValidation::Warn);
    let (refused, _) = patched(FieldValidation::Strict);

    assert_eq!(warned, Ok(()));
    assert_eq!(
        warnings,
        [r#"duplicate field "data""#, r#"unknown field "foo""#]
    );
    let why = refused.expect_err("it is refused");
    let end = r#"strict decoding error: duplicate field "data", unknown field "foo""#;
    assert!(
        why.starts_with(" \"\" is invalid: patch: Invalid value: \"{"),
        "{why}"
    );
    assert!(why.ends_with(end), "{why}");
}
