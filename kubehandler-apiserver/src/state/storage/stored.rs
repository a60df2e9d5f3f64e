//! One state of one object, as it is kept: its JSON, and beside it what selectors ask for.

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::{
    kinds::{Resource, events},
    structural::Structural,
};

/// One state of one object.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    /// `namespace/name`, or `name` for objects without namespace: the order of lists.
    key: Arc<str>,
    revision: u64,
    /// The JSON without `apiVersion` and `kind`, which depend on the version that is asked for.
    body: Bytes,
    /// Sorted by key.
    labels: Box<[(Box<str>, Box<str>)]>,
    /// The values of the resource's selectable fields, in their order.
    fields: Box<[Box<str>]>,
    /// `metadata.deletionTimestamp` is set.
    is_terminating: bool,
    /// What the resource's stored version said of its objects when this was stored.
    schema: Option<Arc<Structural>>,
}

impl Stored {
    /// Takes an object as the rules made it, and gives it its version.
    ///
    /// `apiVersion` and `kind` are dropped.
    pub(crate) fn new(resource: &Resource, mut object: Value, revision: u64) -> Self {
        if let Some(schema) = &resource.storage_schema
            && !is_written_under(schema, resource, &object)
        {
            fit(schema, &mut object);
        }
        if let Some(map) = object.as_object_mut() {
            map.remove("apiVersion");
            map.remove("kind");
        }
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            let version = Value::String(revision.to_string());
            metadata.insert("resourceVersion".to_owned(), version);
        }
        let metadata = &object["metadata"];
        let name = metadata["name"].as_str().unwrap_or_default();
        let namespace = metadata["namespace"].as_str().unwrap_or_default();
        Self {
            key: key(namespace, name).into(),
            revision,
            body: json(&object),
            labels: labels(&metadata["labels"]),
            fields: fields(resource, &object),
            is_terminating: metadata["deletionTimestamp"].is_string(),
            schema: resource.storage_schema.clone(),
        }
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn shared_key(&self) -> Arc<str> {
        Arc::clone(&self.key)
    }

    pub(crate) fn namespace(&self) -> &str {
        self.key
            .split_once('/')
            .map_or("", |(namespace, _)| namespace)
    }

    pub(crate) fn name(&self) -> &str {
        self.key.split_once('/').map_or(&self.key, |(_, name)| name)
    }

    pub(crate) fn is_terminating(&self) -> bool {
        self.is_terminating
    }

    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    pub(crate) fn label(&self, key: &str) -> Option<&str> {
        let found = self.labels.binary_search_by(|(name, _)| (**name).cmp(key));
        found.ok().map(|index| &*self.labels[index].1)
    }

    /// Returns the value at the path of a selectable field; `None` for any other.
    pub(crate) fn field(&self, resource: &Resource, path: &str) -> Option<&str> {
        match path {
            "metadata.name" => Some(self.name()),
            "metadata.namespace" => Some(self.namespace()),
            _ => {
                let mut selectable = resource.rules.selectable.iter();
                let index = selectable.position(|(_, selectable)| selectable == path)?;
                self.fields.get(index).map(|value| &**value)
            }
        }
    }

    /// Returns the JSON without `apiVersion` and `kind`, as the resource says now that it is.
    pub(crate) fn body_under(&self, schema: Option<&Arc<Structural>>) -> Bytes {
        match schema {
            Some(schema) if !self.is_under(schema) => {
                let mut object = self.to_value();
                fit(schema, &mut object);
                json(&object)
            }
            _ => self.body.clone(),
        }
    }

    /// Makes an object that was read from here what the resource says now that it is.
    pub(crate) fn refit(&self, object: &mut Value, schema: Option<&Arc<Structural>>) {
        if let Some(schema) = schema.filter(|schema| !self.is_under(schema)) {
            fit(schema, object);
        }
    }

    fn is_under(&self, schema: &Arc<Structural>) -> bool {
        self.schema
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, schema))
    }

    /// Returns the JSON without `apiVersion` and `kind`.
    pub(crate) fn body(&self) -> &Bytes {
        &self.body
    }

    /// Returns the object without `apiVersion` and `kind`.
    pub(crate) fn to_value(&self) -> Value {
        serde_json::from_slice(&self.body).expect("it was written from a value")
    }

    /// Returns the object with `apiVersion` and `kind`.
    pub(crate) fn to_object(&self, api_version: &str, kind: &str) -> Value {
        let mut object = self.to_value();
        if api_version.starts_with(events::GROUP) {
            events::to_newer(&mut object);
        }
        object["apiVersion"] = api_version.into();
        object["kind"] = kind.into();
        object
    }

    /// Returns this state under another version: what a watch shows of an object that left its view.
    pub(crate) fn at(&self, revision: u64) -> Self {
        let mut object = self.to_value();
        object["metadata"]["resourceVersion"] = revision.to_string().into();
        Self {
            revision,
            body: json(&object),
            ..self.clone()
        }
    }
}

/// Returns true if the object was written in a version with this schema.
fn is_written_under(schema: &Arc<Structural>, resource: &Resource, object: &Value) -> bool {
    let version = object["apiVersion"].as_str().unwrap_or_default();
    let version = version
        .rsplit_once('/')
        .map_or(version, |(_, version)| version);
    let version = resource.version(version);
    let written = version.and_then(|version| version.schema.as_ref());
    written.is_some_and(|written| Arc::ptr_eq(written, schema))
}

/// Prunes an object, and fills in its defaults.
fn fit(schema: &Structural, object: &mut Value) {
    schema.prune(object);
    schema.drop_nulls(object);
    schema.fill_defaults(object);
}

/// Returns the text of an object, in a buffer that is no larger than it.
fn json(object: &Value) -> Bytes {
    let text = serde_json::to_vec(object).expect("its keys are text");
    text.into_boxed_slice().into()
}

/// Returns the key of an object.
pub(crate) fn key(namespace: &str, name: &str) -> String {
    if namespace.is_empty() {
        name.to_owned()
    } else {
        format!("{namespace}/{name}")
    }
}

fn labels(labels: &Value) -> Box<[(Box<str>, Box<str>)]> {
    let pairs = labels.as_object().into_iter().flatten();
    let mut labels: Vec<(Box<str>, Box<str>)> = pairs
        .filter_map(|(key, value)| Some((key.as_str().into(), value.as_str()?.into())))
        .collect();
    labels.sort_unstable();
    labels.into()
}

fn fields(resource: &Resource, object: &Value) -> Box<[Box<str>]> {
    let selectable = resource.rules.selectable.iter();
    selectable
        .map(|(_, path)| match text(at_path(object, actual(path))) {
            spelled if spelled.is_empty() => absent(path, object).into(),
            spelled => spelled.into(),
        })
        .collect()
}

/// Returns where a selectable field lies that is called by another name than its own.
fn actual(path: &str) -> &str {
    match path {
        "source" => "source.component",
        "status.successful" => "status.succeeded",
        path => path,
    }
}

/// How a field selector spells a field that is not there.
fn absent<'a>(path: &str, object: &'a Value) -> Cow<'a, str> {
    match path {
        "spec.hostNetwork" | "spec.unschedulable" => Cow::Borrowed("false"),
        "status.replicas" | "status.successful" => Cow::Borrowed("0"),
        "source" => text(object.get("reportingComponent")),
        _ => Cow::Borrowed(""),
    }
}

fn at_path<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(object, |value, part| {
        value.as_object().and_then(|map: &Map<_, _>| map.get(part))
    })
}

/// How a field selector spells a value: text as it is, numbers and booleans as JSON.
fn text(value: Option<&Value>) -> Cow<'_, str> {
    match value {
        Some(Value::String(text)) => Cow::Borrowed(text),
        None | Some(Value::Null | Value::Array(_) | Value::Object(_)) => Cow::Borrowed(""),
        Some(other) => Cow::Owned(other.to_string()),
    }
}
