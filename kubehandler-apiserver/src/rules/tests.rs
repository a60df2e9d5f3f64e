//! Facts of the real server, checked by hand against v1.37.2.

mod collector;
mod create;
mod decode;
mod defaults;
mod delete;
mod entries;
mod fields;
mod kinds;
mod namespaces;
mod patch;
mod scale;
mod update;

use std::borrow::Cow;

use serde_json::{Value, json};

use super::*;
use crate::{
    failure::Failure,
    kinds::{NameRule, Rules, ScalePaths, Subresource},
    object,
};

const NOW: &str = "2026-01-01T00:00:00Z";

/// A resource of one version, `v1`.
fn resource(group: &'static str, plural: &'static str, kind: &'static str) -> Resource {
    let has_status = !matches!(plural, "configmaps" | "secrets");
    let status = Subresource {
        name: "status".into(),
        group: group.into(),
        version: "v1".into(),
        kind: kind.into(),
        verbs: Cow::Borrowed(&[]),
    };
    Resource {
        group: group.into(),
        plural: plural.into(),
        singular: plural.trim_end_matches('s').into(),
        short_names: Cow::Borrowed(&[]),
        categories: Cow::Borrowed(&[]),
        storage_schema: None,
        is_namespaced: !matches!(
            plural,
            "namespaces" | "nodes" | "persistentvolumes" | "clusterroles"
        ),
        versions: vec![Version {
            name: "v1".into(),
            kind: kind.into(),
            verbs: Cow::Borrowed(&[]),
            subresources: if has_status {
                vec![status].into()
            } else {
                Cow::Borrowed(&[])
            },
            storage_version_hash: "".into(),
            schema: None,
            types: None,
        }]
        .into(),
        rules: Rules {
            names: match plural {
                "namespaces" | "services" => NameRule::Label,
                "clusterroles" => NameRule::PathSegment,
                _ => NameRule::Subdomain,
            },
            has_generation: matches!(plural, "deployments" | "pods" | "widgets"),
            creates_on_update: plural == "services",
            updates_unconditionally: plural != "widgets",
            selectable: Cow::Borrowed(&[]),
            scale: matches!(plural, "deployments" | "widgets").then(|| ScalePaths {
                spec: "spec.replicas".into(),
                status: "status.replicas".into(),
                selector: if plural == "widgets" {
                    "status.selector"
                } else {
                    "spec.selector"
                }
                .into(),
            }),
            is_custom: plural == "widgets",
        },
    }
}

fn config_maps() -> Resource {
    resource("", "configmaps", "ConfigMap")
}

fn pods() -> Resource {
    resource("", "pods", "Pod")
}

fn deployments() -> Resource {
    resource("apps", "deployments", "Deployment")
}

fn namespaces() -> Resource {
    resource("", "namespaces", "Namespace")
}

fn widgets() -> Resource {
    resource("example.com", "widgets", "Widget")
}

fn is_known(api_version: &str, kind: &str) -> bool {
    matches!(
        (api_version, kind),
        ("v1", "ConfigMap" | "Pod") | ("apps/v1", "Deployment")
    )
}

/// A write in the namespace `default`, if the resource is in any.
fn write<'a>(resource: &'a Resource, name: &'a str) -> Write<'a> {
    Write {
        resource,
        version: &resource.versions[0],
        part: Part::Main,
        namespace: resource.is_namespaced.then_some("default"),
        namespace_state: NamespaceState::Active,
        name,
        writer: Writer::default(),
        now: NOW,
        new_uid: "new-uid",
        is_known,
        checks: Box::leak(Box::default()),
    }
}

fn body(value: &Value) -> Body<'static> {
    Body {
        value: value.clone(),
        bytes: value.to_string().into_bytes().into(),
    }
}

/// Adds what an object of a kind that makes pods must have: containers, and a selector that selects.
fn complete(resource: &Resource, object: &mut Value) {
    let spec = match &*resource.plural {
        "pods" => object::fields_of(object, "spec"),
        "deployments" | "replicasets" | "statefulsets" | "daemonsets" | "jobs" => {
            let spec = object::fields_of(object, "spec");
            if &*resource.plural != "jobs" {
                let selector = json!({"matchLabels": {"a": "b"}});
                spec.entry("selector").or_insert(selector);
            }
            let template = object::as_fields(spec.entry("template").or_insert(json!({})));
            let metadata = json!({"labels": {"a": "b"}});
            template.entry("metadata").or_insert(metadata);
            let spec = object::as_fields(template.entry("spec").or_insert(json!({})));
            if &*resource.plural == "jobs" {
                spec.entry("restartPolicy").or_insert(json!("Never"));
            }
            spec
        }
        _ => return,
    };
    let containers = spec.entry("containers").or_insert(json!([]));
    if *containers == json!([]) {
        *containers = json!([{}]);
    }
    let containers = containers.as_array_mut().into_iter().flatten();
    for (index, container) in containers.enumerate() {
        let container = object::as_fields(container);
        let name = json!(format!("c{index}"));
        container.entry("name").or_insert(name);
        container.entry("image").or_insert(json!("i"));
    }
}

/// An object as the storage has it: created by the rules, with the version `5`.
fn stored(resource: &Resource, mut object: Value) -> Value {
    complete(resource, &mut object);
    let version = resource.versions[0].clone();
    object["apiVersion"] = json!(api_version(resource, &version));
    object["kind"] = json!(version.kind);
    let created = write(resource, "").create(body(&object), &mut || "xxxxx".to_owned());
    let mut created = created.expect("a valid object");
    object::set_meta(&mut created, "resourceVersion", json!("5"));
    created
}

fn merge(patch: &Value) -> Patch {
    Patch::merge(patch.to_string().as_bytes()).expect("JSON")
}

fn put(updated: Result<Updated, Failure>) -> Value {
    match updated.expect("the update is allowed") {
        Updated::Put(object) => object,
        other => panic!("not a changed object: {other:?}"),
    }
}

fn failure<T: std::fmt::Debug>(result: Result<T, Failure>) -> (u16, String) {
    let failure = result.expect_err("the write is refused");
    (failure.code, failure.message)
}
