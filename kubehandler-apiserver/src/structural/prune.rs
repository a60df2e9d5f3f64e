//! Removes the fields that a schema does not have.
//!
//! Source: `k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning`.

use serde_json::Value;

use super::{Additional, Structural};

/// What every resource has, and an embedded one keeps whatever its schema says.
const META: [&str; 3] = ["apiVersion", "kind", "metadata"];

impl Structural {
    /// Prunes an object of the resource: its `apiVersion`, `kind` and `metadata` stay. Returns the paths
    /// of what is gone.
    pub(crate) fn prune(&self, object: &mut Value) -> Vec<String> {
        let mut pruned = Vec::new();
        self.prune_as(object, true, "", &mut pruned);
        pruned
    }

    /// Prunes a value that is no whole object, such as a default.
    pub(super) fn prune_value(&self, value: &mut Value) {
        self.prune_at(value, "", &mut Vec::new());
    }

    fn prune_at(&self, value: &mut Value, path: &str, pruned: &mut Vec<String>) {
        self.prune_as(value, self.extensions.embedded_resource, path, pruned);
    }

    fn prune_as(&self, value: &mut Value, is_resource: bool, path: &str, pruned: &mut Vec<String>) {
        let keeps_unknown = self.extensions.preserve_unknown_fields;
        match value {
            Value::Object(fields) => fields.retain(|name, value| {
                if is_resource && META.contains(&name.as_str()) {
                    return true;
                }
                let path = field(path, name);
                if let Some(schema) = self.properties.get(name.as_str()) {
                    schema.prune_at(value, &path, pruned);
                    return true;
                }
                match &self.additional {
                    Some(Additional::Schema(schema)) => schema.prune_at(value, &path, pruned),
                    Some(Additional::Any(_)) => prune_all(value, &path, pruned),
                    None if keeps_unknown => {}
                    None => {
                        pruned.push(path);
                        return false;
                    }
                }
                true
            }),
            Value::Array(items) => {
                for (place, item) in items.iter_mut().enumerate() {
                    let path = format!("{path}[{place}]");
                    match &self.items {
                        Some(schema) if keeps_unknown => schema.prune_known(item, &path, pruned),
                        Some(schema) => schema.prune_at(item, &path, pruned),
                        None if keeps_unknown => {}
                        None => prune_all(item, &path, pruned),
                    }
                }
            }
            _ => {}
        }
    }

    /// Prunes an item of a list that keeps unknown fields: the item keeps its own, too.
    fn prune_known(&self, value: &mut Value, path: &str, pruned: &mut Vec<String>) {
        let mut keeping = self.clone();
        keeping.extensions.preserve_unknown_fields = true;
        keeping.prune_at(value, path, pruned);
    }
}

/// Removes every field of a value without a schema.
fn prune_all(value: &mut Value, path: &str, pruned: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            pruned.extend(fields.keys().map(|name| field(path, name)));
            fields.clear();
        }
        Value::Array(items) => {
            for (place, item) in items.iter_mut().enumerate() {
                prune_all(item, &format!("{path}[{place}]"), pruned);
            }
        }
        _ => {}
    }
}

/// Returns the path of a field below another.
fn field(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    }
}
