//! What field selectors select, and which are refused.

use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::kinds::{NameRule, Rules};

/// Returns a resource with one version, which can be selected by these fields.
fn resource(group: &'static str, kind: &'static str, fields: &[&'static str]) -> Resource {
    let selectable = fields
        .iter()
        .map(|&field| (field.into(), field.into()))
        .collect();
    Resource {
        group: group.into(),
        plural: "things".into(),
        singular: "thing".into(),
        short_names: Cow::Borrowed(&[]),
        categories: Cow::Borrowed(&[]),
        is_namespaced: true,
        storage_schema: None,
        versions: Cow::Owned(vec![Version {
            name: "v1".into(),
            kind: kind.into(),
            verbs: Cow::Borrowed(&[]),
            subresources: Cow::Borrowed(&[]),
            storage_version_hash: "".into(),
            schema: None,
            types: None,
        }]),
        rules: Rules {
            names: NameRule::Subdomain,
            has_generation: true,
            creates_on_update: false,
            updates_unconditionally: true,
            selectable: Cow::Owned(selectable),
            scale: None,
            is_custom: false,
        },
    }
}

fn resolve(text: &str, resource: &Resource) -> Result<FieldSelector, String> {
    let selector = FieldSelector::parse(text).unwrap();
    selector
        .resolve(resource, &resource.versions[0])
        .map_err(|failure| failure.message)
}

#[test]
fn terms_select_what_they_say() {
    let pod = |field: &str| match field {
        "metadata.name" => Some("a"),
        "odd" => Some(r"x,y=\"),
        _ => None,
    };
    let cases = [
        ("", true),
        ("=", true),
        (",,", true),
        ("metadata.name=a", true),
        ("metadata.name==a", true),
        ("metadata.name=b", false),
        ("metadata.name!=a", false),
        ("metadata.name!=b", true),
        ("metadata.name=a,metadata.name=b", false),
        ("none=", true),
        ("none!=", false),
        (r"odd=x\,y\=\\", true),
    ];

    for (text, expected) in cases {
        let selector = FieldSelector::parse(text).unwrap();
        assert_eq!(selector.matches(pod), expected, "{text}");
    }
}

#[test]
fn bad_text_is_refused_in_the_words_of_the_real_server() {
    let cases = [
        ("foo", "invalid selector: 'foo'; can't understand 'foo'"),
        (
            "a=1,x,y=1",
            "invalid selector: 'a=1,x,y=1'; can't understand 'x'",
        ),
        (
            "a=b=c",
            "invalid field selector: unescaped character in value: 61",
        ),
        (
            r"a=b\x",
            r"invalid field selector: invalid escape sequence: \x",
        ),
        (
            r"a=b\",
            r"invalid field selector: invalid escape sequence: \",
        ),
    ];

    for (text, expected) in cases {
        assert_eq!(
            FieldSelector::parse(text),
            Err(expected.to_owned()),
            "{text}"
        );
    }
}

#[test]
fn unknown_field_is_refused_in_the_words_of_its_kind() {
    let custom = |mut resource: Resource| {
        resource.rules.is_custom = true;
        resource
    };
    let cases = [
        (
            resource("", "ConfigMap", &[]),
            r#""foo" is not a known field selector: only "metadata.name", "metadata.namespace""#,
        ),
        (
            resource("", "Pod", &["status.phase"]),
            "field label not supported: foo",
        ),
        (
            custom(resource("example.com", "Widget", &[])),
            "field label not supported: foo",
        ),
        (
            resource("batch", "Job", &["status.successful"]),
            r#"field label "foo" not supported for Job"#,
        ),
        (
            resource("resource.k8s.io", "ResourceSlice", &["spec.driver"]),
            "field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: foo",
        ),
    ];

    for (resource, expected) in cases {
        assert_eq!(resolve("foo=bar", &resource), Err(expected.to_owned()));
    }
}

#[test]
fn known_fields_become_paths() {
    let mut pods = resource("", "Pod", &["status.phase"]);
    pods.rules
        .selectable
        .to_mut()
        .push(("spec.host".into(), "spec.nodeName".into()));

    let selector = resolve("spec.host=x,status.phase!=y,metadata.name=a", &pods).unwrap();

    let fields: Vec<_> = selector
        .terms
        .iter()
        .map(|term| term.field.as_str())
        .collect();
    assert_eq!(fields, ["metadata.name", "spec.nodeName", "status.phase"]);
    assert_eq!(selector.exact("spec.nodeName"), Some("x"));
    assert_eq!(selector.exact("status.phase"), None);
}

#[test]
fn namespace_is_known_where_the_real_server_knows_it() {
    let text = "metadata.namespace=a";
    let mut nodes = resource("", "Node", &["spec.unschedulable"]);
    nodes.is_namespaced = false;
    let mut volumes = resource("", "PersistentVolume", &[]);
    volumes.is_namespaced = false;
    let requests = resource(
        "certificates.k8s.io",
        "PodCertificateRequest",
        &["spec.podName"],
    );

    assert!(resolve(text, &resource("", "Pod", &["status.phase"])).is_ok());
    assert!(resolve(text, &volumes).is_ok());
    assert!(resolve(text, &nodes).is_err());
    assert!(resolve(text, &requests).is_err());
}

#[test]
fn selector_must_not_contradict_the_name_in_the_path() {
    let restrict = |text| FieldSelector::parse(text).unwrap().restrict_to_name("a");

    assert_eq!(restrict("").unwrap().exact("metadata.name"), Some("a"));
    assert_eq!(restrict("metadata.name=a").unwrap().terms.len(), 1);
    for text in ["metadata.name=b", "status.phase=x", "metadata.name!=a"] {
        let failure = restrict(text).unwrap_err();
        assert_eq!(
            failure.message,
            "fieldSelector metadata.name doesn't match requested name"
        );
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in r".*|[a=!,\\é]{0,12}") {
        let _ = FieldSelector::parse(&text);
    }
}
