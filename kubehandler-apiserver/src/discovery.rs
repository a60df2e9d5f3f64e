//! What there is to find: groups, versions and resources, in the documents that clients read first.

mod aggregated;

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::{
    failure::Failure,
    group::GroupVersion,
    kinds::{Catalog, Group, Resource, Subresource, Version},
    wire::{
        media::{Accepted, Endpoint, Form},
        reply::{self, Reply},
    },
};

/// Returns `/version`.
pub(crate) fn version() -> Value {
    json!({
        "major": "1",
        "minor": "37",
        "emulationMajor": "1",
        "emulationMinor": "37",
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "36",
        "gitVersion": "v1.37.2",
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": "",
    })
}

/// Returns `/`: the paths there are.
pub(crate) fn paths(catalog: &Catalog) -> Value {
    let mut paths = vec!["/api".to_owned(), "/apis".to_owned()];
    for group in catalog.groups() {
        if !group.name.is_empty() {
            paths.push(format!("/apis/{}", group.name));
        }
        for version in &group.versions {
            paths.push(root(&group.name, version));
        }
    }
    paths.extend(["/healthz", "/livez", "/readyz", "/version"].map(str::to_owned));
    paths.sort_unstable();
    json!({ "paths": paths })
}

/// Answers `/api`.
pub(crate) fn core(catalog: &Catalog, accept: &str) -> Result<Reply, Failure> {
    let accepted = Accepted::negotiate(Some(accept), Endpoint::Core)?;
    if accepted.form == Form::AggregatedDiscovery {
        return Ok(aggregated::reply(
            catalog,
            |group| group.name.is_empty(),
            &accepted,
        ));
    }
    let document = json!({
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [
            { "clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:443" },
        ],
    });
    Ok(reply::value(StatusCode::OK, &document))
}

/// Answers `/apis`.
pub(crate) fn groups(catalog: &Catalog, accept: &str) -> Result<Reply, Failure> {
    let accepted = Accepted::negotiate(Some(accept), Endpoint::Groups)?;
    if accepted.form == Form::AggregatedDiscovery {
        return Ok(aggregated::reply(
            catalog,
            |group| !group.name.is_empty(),
            &accepted,
        ));
    }
    let groups = catalog.groups();
    let groups = groups.iter().filter(|group| !group.name.is_empty());
    let document = json!({
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": groups.map(|group| Value::Object(group_fields(group))).collect::<Vec<_>>(),
    });
    Ok(reply::value(StatusCode::OK, &document))
}

/// Answers `/apis/GROUP`; `None` if there is no such group.
pub(crate) fn group(catalog: &Catalog, name: &str, accept: &str) -> Option<Result<Reply, Failure>> {
    let groups = catalog.groups();
    let group = groups
        .iter()
        .find(|group| group.name == name && !name.is_empty())?;
    if let Err(failure) = Accepted::negotiate(Some(accept), Endpoint::Group) {
        return Some(Err(failure));
    }
    let mut document = group_fields(group);
    document.insert("kind".to_owned(), "APIGroup".into());
    document.insert("apiVersion".to_owned(), "v1".into());
    Some(Ok(reply::value(StatusCode::OK, &Value::Object(document))))
}

/// Answers `/api/v1` and `/apis/GROUP/VERSION`; `None` if there is no such group.
pub(crate) fn resources(
    catalog: &Catalog,
    group: &str,
    version: &str,
    accept: &str,
) -> Option<Result<Reply, Failure>> {
    let groups = catalog.groups();
    let found = groups.iter().find(|known| known.name == group)?;
    if !found.versions.iter().any(|known| known == version) {
        return Some(Err(Failure::no_such_resource()));
    }
    let resources: Vec<_> = catalog
        .of_version(GroupVersion::new(group, version))
        .collect();
    let is_custom = resources.iter().any(|resource| resource.rules.is_custom);
    let endpoint = if is_custom {
        Endpoint::Group
    } else {
        Endpoint::Resources
    };
    if let Err(failure) = Accepted::negotiate(Some(accept), endpoint) {
        return Some(Err(failure));
    }
    let entries = resources.iter().filter_map(|resource| {
        let version = resource.version(version)?;
        let subresources = version.subresources.iter();
        let subresources = subresources.map(|sub| subresource_entry(resource, sub));
        Some(
            std::iter::once(resource_entry(resource, version))
                .chain(subresources)
                .collect::<Vec<_>>(),
        )
    });
    let mut document = json!({
        "kind": "APIResourceList",
        "groupVersion": GroupVersion::new(group, version).to_string(),
        "resources": entries.flatten().collect::<Vec<_>>(),
    });
    if !group.is_empty() {
        document["apiVersion"] = "v1".into(); // The core's own has none.
    }
    Some(Ok(reply::value(StatusCode::OK, &document)))
}

fn group_fields(group: &Group) -> Map<String, Value> {
    let version = |version: &str| json!({ "groupVersion": GroupVersion::new(&group.name, version).to_string(), "version": version });
    let versions: Vec<_> = group.versions.iter().map(|name| version(name)).collect();
    let mut fields = Map::new();
    fields.insert("name".to_owned(), group.name.as_ref().into());
    fields.insert("preferredVersion".to_owned(), versions[0].clone());
    fields.insert("versions".to_owned(), versions.into());
    fields
}

fn resource_entry(resource: &Resource, version: &Version) -> Value {
    let mut entry = json!({
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.is_namespaced,
        "kind": version.kind,
        "verbs": version.verbs,
    });
    if !resource.short_names.is_empty() {
        entry["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        entry["categories"] = json!(resource.categories);
    }
    if !version.storage_version_hash.is_empty() {
        entry["storageVersionHash"] = json!(version.storage_version_hash);
    }
    entry
}

fn subresource_entry(resource: &Resource, subresource: &Subresource) -> Value {
    let mut entry = json!({
        "name": format!("{}/{}", resource.plural, subresource.name),
        "singularName": "",
        "namespaced": resource.is_namespaced,
        "kind": subresource.kind,
        "verbs": subresource.verbs,
    });
    // Said only where it is not the resource's own.
    if !subresource.version.is_empty() {
        entry["group"] = json!(subresource.group);
        entry["version"] = json!(subresource.version);
    }
    entry
}

fn root(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("/api/{version}")
    } else {
        format!("/apis/{group}/{version}")
    }
}
