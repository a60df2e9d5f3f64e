//! What is negotiated.

use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::{
    failure::Failure,
    kinds::{NameRule, Resource, Rules, Version},
};

const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const TABLE: &str = "application/json;as=Table;g=meta.k8s.io;v=v1";
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const ONLY_REAL: &str = "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf";
const ONLY_OURS: &str = "only the following media types are accepted: application/json";

fn form(accept: &str, endpoint: Endpoint) -> Option<Form> {
    Accepted::negotiate(Some(accept), endpoint)
        .ok()
        .map(|accepted| accepted.form)
}

#[test]
fn form_is_the_first_of_the_clients_that_there_is() {
    let whole = Some(Form::Whole);
    let metadata = Some(Form::Metadata("v1"));
    let protobuf = "application/vnd.kubernetes.protobuf";
    let cases = [
        ("", whole),
        ("application/json", whole),
        ("application/json;q=0", whole),
        ("application/json;foo=bar;;", whole),
        ("*/*", whole),
        ("application/xml, */*;q=0.1", whole),
        ("application/cbor,application/json", whole),
        (protobuf, None),
        ("text/html", None),
        ("Application/json", None),
        ("json", None),
        (METADATA, metadata),
        (
            &METADATA.replace("v=v1", "v=v1beta1"),
            Some(Form::Metadata("v1beta1")),
        ),
        (
            &METADATA.replace("Metadata", "MetadataList"),
            Some(Form::MetadataList("v1")),
        ),
        (&METADATA.replace("v=v1", "v=v2"), None),
        (&METADATA.replace("meta.k8s.io", "apps"), None),
        (&format!("{METADATA},application/json"), metadata),
        (&format!("{METADATA};q=0.5,application/json"), whole),
        (&format!("{TABLE},application/json"), whole),
        (TABLE, None),
        ("application/json;as=", whole),
        ("application/json;v=v1", None),
        ("application/json;stream=watch", whole),
        ("application/json;stream=x", None),
        ("application/json;sv=v1", whole),
        ("application/json;sv=v2", None),
        (AGGREGATED, None),
    ];

    for (accept, expected) in cases {
        assert_eq!(form(accept, Endpoint::Object), expected, "{accept}");
    }
}

#[test]
fn wildcards_count_only_where_no_router_looks_first() {
    for accept in ["application/*", "*"] {
        assert_eq!(form(accept, Endpoint::Object), None);
        assert_eq!(form(accept, Endpoint::Collection), None);
        assert_eq!(form(accept, Endpoint::Custom), Some(Form::Whole));
        assert_eq!(form(accept, Endpoint::Groups), Some(Form::Whole));
        assert_eq!(form(accept, Endpoint::Core), None);
    }
}

#[test]
fn discovery_is_aggregated_only_at_its_roots() {
    let both = format!("{AGGREGATED},application/json");
    // Even where the client likes the plain one more.
    let unloved = format!("{AGGREGATED};q=0.1,application/json");

    for endpoint in [Endpoint::Core, Endpoint::Groups] {
        assert_eq!(form(&both, endpoint), Some(Form::AggregatedDiscovery));
        assert_eq!(form(&unloved, endpoint), Some(Form::AggregatedDiscovery));
        assert_eq!(form("application/json", endpoint), Some(Form::Whole));
        assert_eq!(
            form(&AGGREGATED.replace("v=v2", "v=v2beta1"), endpoint),
            None
        );
        assert_eq!(form(METADATA, endpoint), None);
    }
    for endpoint in [Endpoint::Group, Endpoint::Resources] {
        assert_eq!(form(&both, endpoint), Some(Form::Whole));
        assert_eq!(form(AGGREGATED, endpoint), None);
    }
}

#[test]
fn content_type_names_the_aggregated_form() {
    let content_type = |accept| {
        Accepted::negotiate(Some(accept), Endpoint::Core)
            .unwrap()
            .content_type()
    };

    assert_eq!(content_type(AGGREGATED), AGGREGATED);
    assert_eq!(content_type("*/*"), "application/json");
}

#[test]
fn refusal_names_what_there_is() {
    let router = "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf";
    let streams = format!(
        "{router}, application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch"
    );
    let missing = Failure::new(406, "NotAcceptable", ONLY_OURS);
    let missing = missing.not_embedded("writing what `Accept` asks for");
    let missing = &*missing.message;
    let tables = TABLE.replace("Table", "Tables");
    let cases = [
        ("text/html", Endpoint::Object, router),
        ("text/html", Endpoint::Collection, &streams),
        ("text/html", Endpoint::Resources, router),
        ("text/html", Endpoint::Custom, ONLY_REAL),
        ("text/html", Endpoint::Group, ONLY_REAL),
        (&tables, Endpoint::Object, ONLY_REAL),
        (
            "application/vnd.kubernetes.protobuf",
            Endpoint::Custom,
            ONLY_REAL,
        ),
        // The real server would have answered these.
        (
            "application/vnd.kubernetes.protobuf",
            Endpoint::Object,
            missing,
        ),
        ("application/yaml", Endpoint::Custom, missing),
        (TABLE, Endpoint::Object, missing),
    ];

    for (accept, endpoint, expected) in cases {
        let failure = Accepted::negotiate(Some(accept), endpoint).unwrap_err();
        assert_eq!(failure.message, expected, "{accept} {endpoint:?}");
        assert_eq!((failure.code, failure.reason), (406, "NotAcceptable"));
        assert_eq!(failure.details.is_some(), expected.starts_with("406"));
    }
}

fn resource(group: &'static str, kind: &'static str, is_custom: bool) -> Resource {
    let version = Version {
        name: "v1".into(),
        kind: kind.into(),
        verbs: Cow::Borrowed(&[]),
        subresources: Cow::Borrowed(&[]),
        storage_version_hash: "".into(),
        schema: None,
        types: None,
    };
    Resource {
        group: group.into(),
        plural: "things".into(),
        singular: "thing".into(),
        short_names: Cow::Borrowed(&[]),
        categories: Cow::Borrowed(&[]),
        is_namespaced: true,
        storage_schema: None,
        versions: Cow::Owned(vec![version]),
        rules: Rules {
            names: NameRule::Subdomain,
            has_generation: true,
            creates_on_update: false,
            updates_unconditionally: true,
            selectable: Cow::Borrowed(&[]),
            scale: None,
            is_custom,
        },
    }
}

#[test]
fn form_of_a_list_fits_only_a_list() {
    let one = Accepted {
        codec: Codec::Json,
        form: Form::Metadata("v1"),
        is_pretty: false,
    };
    let many = Accepted {
        form: Form::MetadataList("v1"),
        ..one
    };
    let check = |accepted: Accepted, is_list, resource: &Resource| {
        let result = accepted.check_form(is_list, resource, &resource.versions[0]);
        result.map_err(|failure| (failure.code, failure.message))
    };
    let maps = resource("", "ConfigMap", false);
    let roles = resource("rbac.authorization.k8s.io", "Role", false);
    let widgets = resource("example.com", "Widget", true);
    let of_list = "you requested PartialObjectMetadata, but the requested object is a list";
    let of_object =
        "you requested PartialObjectMetadataList, but the requested object is not a list";
    let refused = |code, message: String| Err((code, message));

    assert_eq!(check(one, false, &maps), Ok(()));
    assert_eq!(check(many, true, &widgets), Ok(()));
    assert_eq!(
        check(one, true, &maps),
        refused(406, format!("{of_list} (*core.ConfigMapList)"))
    );
    assert_eq!(
        check(one, true, &roles),
        refused(406, format!("{of_list} (*rbac.RoleList)"))
    );
    assert_eq!(
        check(one, true, &widgets),
        refused(406, format!("{of_list} (*unstructured.UnstructuredList)"))
    );
    assert_eq!(
        check(many, false, &maps),
        refused(406, format!("{of_object} (*core.ConfigMap)"))
    );
    assert_eq!(
        check(many, false, &widgets),
        refused(500, "content is not a list".to_owned())
    );
}

proptest! {
    #[test]
    fn any_header_is_understood_or_refused(header in ".*|[a/*,;=q.v 0-9]{0,60}") {
        for endpoint in [Endpoint::Object, Endpoint::Custom, Endpoint::Core] {
            let _ = Accepted::negotiate(Some(&header), endpoint);
        }
        let _ = codec_of_body(Some(&header));
        let _ = PatchType::parse(Some(&header), false);
    }
}
