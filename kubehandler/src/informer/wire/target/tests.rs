use kube::core::{ApiResource, DynamicObject, PartialObjectMeta};

use super::*;
use crate::k8s::{Deployment, Node, Pod};

fn pods(filter: Filter) -> Target {
    Target::new::<Pod>(&(), filter)
}

fn forbidden() -> Failure {
    Failure::Status(crate::informer::wire::failure::ApiStatus {
        code: 403,
        reason: "Forbidden".to_owned(),
        message: "pods is forbidden".to_owned(),
        ..Default::default()
    })
}

#[test]
fn first_page_names_a_version_only_when_it_must_not_be_older() {
    let target = pods(Filter::default().namespace("web").labels("a=b"));
    let uri = |read: &Read, token: Option<&str>| {
        target
            .list(read, token, Some(500))
            .expect("valid")
            .uri()
            .to_string()
    };
    let later = Read::NotOlderThan("7".to_owned());

    assert_eq!(
        uri(&Read::Consistent, None),
        "/api/v1/namespaces/web/pods?&labelSelector=a%3Db&limit=500"
    );
    assert_eq!(
        uri(&later, None),
        "/api/v1/namespaces/web/pods?&labelSelector=a%3Db&limit=500&resourceVersion=7&resourceVersionMatch=NotOlderThan"
    );
    assert_eq!(
        uri(&later, Some("next")),
        "/api/v1/namespaces/web/pods?&labelSelector=a%3Db&limit=500&continue=next"
    );
}

#[test]
fn watch_asks_for_bookmarks_and_no_compression() {
    let request = pods(Filter::default())
        .watch("7", Duration::from_secs(290))
        .expect("valid");

    assert_eq!(
        request.uri().to_string(),
        "/api/v1/pods?&watch=true&timeoutSeconds=290&allowWatchBookmarks=true&resourceVersion=7"
    );
    assert_eq!(request.headers()["accept-encoding"], "identity");
    assert_eq!(request.headers()["accept"], "application/json");
}

#[test]
fn metadata_only_kind_asks_for_metadata() {
    let target = Target::new::<PartialObjectMeta<Pod>>(&(), Filter::default());

    let list = target.list(&Read::Consistent, None, None).expect("valid");
    let watch = target.watch("7", Duration::from_secs(9)).expect("valid");

    let accept = |request: &Request<Body>| request.headers()["accept"].to_str().map(str::to_owned);
    assert!(accept(&list).is_ok_and(|text| text.contains("as=PartialObjectMetadataList;")));
    assert!(accept(&watch).is_ok_and(|text| text.contains("as=PartialObjectMetadata;")));
    assert_ne!(target, pods(Filter::default()));
}

#[test]
fn namespace_that_cannot_be_is_refused_in_words() {
    let nodes = Target::new::<Node>(&(), Filter::default().namespace("web"));
    assert!(
        nodes
            .invalid()
            .is_some_and(|text| text.contains("`nodes` are cluster-scoped"))
    );

    for namespace in ["", "Web", "a/b", "-a", "a-", "a b", &"a".repeat(64)] {
        let target = pods(Filter::default().namespace(namespace));
        assert!(
            target
                .invalid()
                .is_some_and(|text| text.contains("is no namespace")),
            "{namespace}"
        );
    }
    assert_eq!(pods(Filter::default().namespace("web-1")).invalid(), None);
    assert_eq!(pods(Filter::default()).invalid(), None);
}

#[test]
fn kind_known_at_run_time_has_a_plural_and_a_version() {
    let invalid = |api_version: &str, plural: &str| {
        let kind = ApiResource {
            group: "demo.dev".to_owned(),
            version: "v1".to_owned(),
            api_version: api_version.to_owned(),
            kind: "Site".to_owned(),
            plural: plural.to_owned(),
        };
        Target::new::<DynamicObject>(&kind, Filter::default()).invalid()
    };

    assert_eq!(invalid("demo.dev/v1", "sites"), None);
    for (api_version, plural) in [
        ("demo.dev/v1", ""),
        ("demo.dev/v1", "sites/home"),
        ("demo.dev/v1", "Site"),
        ("", "sites"),
    ] {
        let text = invalid(api_version, plural).expect("it is refused");
        let start = format!("`{plural}` in `{api_version}` is no kind: an `ApiResource` has");
        assert!(text.starts_with(&start), "{text}");
    }
}

#[test]
fn forbidden_list_says_what_to_grant() {
    let report = pods(Filter::default().namespace("web")).report("list", &forbidden());

    assert_eq!(
        report,
        "cannot list pods in namespace `web`: status 403 Forbidden: pods is forbidden; \
         grant `list` and `watch` on `pods` to this user with a Role in the namespace `web`"
    );
    let report = Target::new::<Deployment>(&(), Filter::default()).report("watch", &forbidden());
    assert!(report.ends_with(
        "grant `list` and `watch` on `deployments` of the API group `apps` to this user with a ClusterRole"
    ));
}

#[test]
fn absent_custom_kind_names_its_definition() {
    let kind = kube::core::ApiResource::from_gvk_with_plural(
        &kube::core::GroupVersionKind::gvk("demo.dev", "v1", "Site"),
        "sites",
    );
    let target = Target::new::<kube::core::DynamicObject>(&kind, Filter::default());
    let absent = Failure::Status(crate::informer::wire::failure::ApiStatus::of_answer(
        404, b"",
    ));

    assert_eq!(
        target.report("list", &absent),
        "cannot list sites.demo.dev: status 404; \
         the server has no `sites.demo.dev/v1`: install its CustomResourceDefinition"
    );
}

#[test]
fn refused_selector_says_which_and_what_is_possible() {
    let refused = |message: &str| {
        let body = format!(
            r#"{{"kind":"Status","code":400,"reason":"BadRequest","message":"{message}"}}"#
        );
        Failure::Status(crate::informer::wire::failure::ApiStatus::of_answer(
            400,
            body.as_bytes(),
        ))
    };
    let fields = Filter::default().fields("spec.color=red").labels("a=b");
    let labels = Filter::default().labels("a=b,,c");

    let by_field = pods(fields).report("list", &refused("field label not supported: spec.color"));
    let by_label = pods(labels).report("list", &refused("unable to parse requirement: found ','"));

    assert!(
        by_field.contains("correct the field selector `spec.color=red`"),
        "{by_field}"
    );
    assert!(by_field.contains("`when`"), "{by_field}");
    assert!(
        by_label.contains("correct the label selector `a=b,,c`"),
        "{by_label}"
    );
    let other = pods(Filter::default()).report("list", &refused("no"));
    assert!(other.ends_with(": no"), "{other}");
}
