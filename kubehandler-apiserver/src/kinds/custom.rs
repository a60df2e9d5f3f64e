//! Resources that a `CustomResourceDefinition` defines.

use std::{borrow::Cow, sync::Arc};

use serde_json::Value;

use super::strategy::{StatusMetadata, Strategy};
use super::{
    CustomTypes, NameRule, Resource, Rules, ScalePaths, Subresource, Text, Version, version,
};
use crate::structural::Structural;

/// The verbs of a custom resource, as the real server spells and orders them.
const VERBS: [Text; 8] = [
    Cow::Borrowed("delete"),
    Cow::Borrowed("deletecollection"),
    Cow::Borrowed("get"),
    Cow::Borrowed("list"),
    Cow::Borrowed("patch"),
    Cow::Borrowed("create"),
    Cow::Borrowed("update"),
    Cow::Borrowed("watch"),
];

/// The verbs of `status` and `scale`.
const SUBRESOURCE_VERBS: [Text; 3] = [
    Cow::Borrowed("get"),
    Cow::Borrowed("patch"),
    Cow::Borrowed("update"),
];

/// What all custom resources do in the same way.
#[derive(Debug)]
pub(super) struct Custom;

impl Strategy for Custom {
    fn first_status(&self, _: &Value, _: &str) -> Option<Value> {
        None
    }

    /// Counts every field but the metadata, and the status where it has an endpoint of its own.
    fn counts(&self, old: &Value, new: &Value) -> bool {
        let counted = |object: &Value| {
            let mut fields = object.as_object().cloned().unwrap_or_default();
            for name in ["apiVersion", "kind", "metadata"] {
                fields.remove(name);
            }
            fields
        };
        counted(old) != counted(new)
    }

    fn status_metadata(&self) -> StatusMetadata {
        StatusMetadata::Kept
    }
}

impl Resource {
    /// Returns the resource that a definition defines, under the names that it got; `None` if it
    /// serves no version.
    pub(crate) fn from_definition(definition: &Value) -> Option<Self> {
        let spec = &definition["spec"];
        let group = text(&spec["group"]);
        let names = &definition["status"]["acceptedNames"];
        let served = items(&spec["versions"]).filter(|version| version["served"] == true);
        let mut served: Vec<&Value> = served.collect();
        served.sort_by(|one, other| version::compare(&text(&one["name"]), &text(&other["name"])));
        let first = served.first()?;
        let rules = Rules {
            names: NameRule::Subdomain,
            has_generation: true,
            creates_on_update: false,
            updates_unconditionally: false,
            selectable: selectable(first).into(),
            scale: scale(first),
            is_custom: true,
        };
        let kind = text(&names["kind"]);
        let versions: Vec<_> = served
            .iter()
            .map(|version| version_of(version, &kind))
            .collect();
        let stored = items(&spec["versions"]).find(|version| version["storage"] == true);
        let storage_schema = stored.and_then(|stored| {
            let name = text(&stored["name"]);
            let mut served = versions.iter();
            let served = served.find(|version| version.name == name);
            served.map_or_else(|| schema_of(stored), |version| version.schema.clone())
        });
        Some(Self {
            plural: text(&names["plural"]),
            singular: text(&names["singular"]),
            short_names: texts(&names["shortNames"]).into(),
            categories: texts(&names["categories"]).into(),
            is_namespaced: spec["scope"] == "Namespaced",
            storage_schema,
            versions: versions.into(),
            rules,
            group,
        })
    }
}

fn version_of(version: &Value, kind: &Text) -> Version {
    let subresources = &version["subresources"];
    let mut found = Vec::new();
    if subresources["status"].is_object() {
        found.push(Subresource {
            name: "status".into(),
            group: "".into(),
            version: "".into(),
            kind: kind.clone(),
            verbs: SUBRESOURCE_VERBS.to_vec().into(),
        });
    }
    if subresources["scale"].is_object() {
        found.push(Subresource {
            name: "scale".into(),
            group: "autoscaling".into(),
            version: "v1".into(),
            kind: "Scale".into(),
            verbs: SUBRESOURCE_VERBS.to_vec().into(),
        });
    }
    let schema = schema_of(version);
    Version {
        name: text(&version["name"]),
        kind: kind.clone(),
        verbs: VERBS.to_vec().into(),
        subresources: found.into(),
        storage_version_hash: "".into(),
        types: schema
            .as_ref()
            .map(|schema| Arc::new(CustomTypes::new(schema))),
        schema,
    }
}

/// Returns the schema of a version, if the definition has one.
fn schema_of(version: &Value) -> Option<Arc<Structural>> {
    let schema = &version["schema"]["openAPIV3Schema"];
    schema
        .is_object()
        .then(|| Arc::new(Structural::parse(schema)))
}

fn scale(version: &Value) -> Option<ScalePaths> {
    let scale = version["subresources"].get("scale")?;
    let path = |name: &str| text(&scale[name]).trim_start_matches('.').to_owned().into();
    Some(ScalePaths {
        spec: path("specReplicasPath"),
        status: path("statusReplicasPath"),
        selector: path("labelSelectorPath"),
    })
}

fn selectable(version: &Value) -> Vec<(Text, Text)> {
    let paths = items(&version["selectableFields"]).map(|field| text(&field["jsonPath"]));
    let paths = paths.map(|path| Text::from(path.trim_start_matches('.').to_owned()));
    paths.map(|path| (path.clone(), path)).collect()
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn text(value: &Value) -> Text {
    value.as_str().unwrap_or_default().to_owned().into()
}

fn texts(list: &Value) -> Vec<Text> {
    items(list).map(text).collect()
}
