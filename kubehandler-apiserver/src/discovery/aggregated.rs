//! Discovery in one document: every group with all that it has.
//!
//! Source: KEP-3352, aggregated discovery.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    group::GroupVersion,
    kinds::{Catalog, Group, Resource, Subresource, Version},
    wire::{
        media::Accepted,
        reply::{self, Reply},
    },
};

/// Answers with the groups that `is_wanted` picks.
pub(super) fn reply(
    catalog: &Catalog,
    is_wanted: impl Fn(&Group) -> bool,
    accepted: &Accepted,
) -> Reply {
    let groups = catalog.groups();
    let items = groups
        .iter()
        .filter(|group| is_wanted(group))
        .map(|group| item(catalog, group));
    let document = json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items.collect::<Vec<_>>(),
    });
    let text = document.to_string();
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let tag = format!("\"{:016X}\"", hasher.finish());
    let mut reply = reply::json(StatusCode::OK, text.into());
    let headers = reply.headers_mut();
    let content_type = HeaderValue::from_str(&accepted.content_type());
    headers.insert(
        header::CONTENT_TYPE,
        content_type.expect("media types are ASCII"),
    );
    headers.insert(
        header::ETAG,
        HeaderValue::from_str(&tag).expect("digits and quotes"),
    );
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public"));
    reply
}

fn item(catalog: &Catalog, group: &Group) -> Value {
    let versions = group.versions.iter().map(|version| {
        let resources = catalog.of_version(GroupVersion::new(&group.name, version));
        let resources =
            resources.filter_map(|found| Some(resource(found, found.version(version)?)));
        json!({
            "version": version,
            "resources": resources.collect::<Vec<_>>(),
            "freshness": "Current",
        })
    });
    let metadata = if group.name.is_empty() {
        json!({})
    } else {
        json!({ "name": group.name })
    };
    json!({ "metadata": metadata, "versions": versions.collect::<Vec<_>>() })
}

fn resource(resource: &Resource, version: &Version) -> Value {
    let (group, of_version) = if resource.rules.is_custom {
        (resource.group.as_ref(), version.name.as_ref())
    } else {
        ("", "")
    };
    let mut entry = json!({
        "resource": resource.plural,
        "responseKind": { "group": group, "version": of_version, "kind": version.kind },
        "scope": if resource.is_namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": resource.singular,
        "verbs": version.verbs,
    });
    if !resource.short_names.is_empty() {
        entry["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        entry["categories"] = json!(resource.categories);
    }
    if !version.subresources.is_empty() {
        let subresources = version.subresources.iter();
        let subresources = subresources.map(|one| subresource(one, group, of_version));
        entry["subresources"] = subresources.collect::<Vec<_>>().into();
    }
    entry
}

/// Describes a subresource; one that does not say so has the group and version of its resource.
fn subresource(subresource: &Subresource, group: &str, version: &str) -> Value {
    let (group, version) = if subresource.version.is_empty() {
        (group, version)
    } else {
        (&*subresource.group, &*subresource.version)
    };
    json!({
        "subresource": subresource.name,
        "responseKind": {
            "group": group,
            "version": version,
            "kind": subresource.kind,
        },
        "verbs": subresource.verbs,
    })
}
