//! Lists whose items, or the keys of whose items, are there once.
//!
//! Source: `k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype`.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{Additional, Structural};
use crate::failure::Cause;

impl Structural {
    /// Returns what is wrong with the sets and map lists of an object.
    pub(crate) fn wrong_lists(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        self.wrong_lists_below("", object, &mut causes);
        causes
    }

    fn wrong_lists_below(&self, path: &str, value: &Value, causes: &mut Vec<Cause>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    if let Some(schema) = self.properties.get(name.as_str()) {
                        schema.wrong_lists_below(&child(path, name), value, causes);
                    } else if let Some(Additional::Schema(schema)) = &self.additional {
                        schema.wrong_lists_below(&format!("{path}[{name}]"), value, causes);
                    }
                }
            }
            Value::Array(items) => {
                match self.extensions.list_type.as_deref() {
                    Some("set") => causes.extend(repeated(path, items.iter().cloned())),
                    Some("map") => causes.extend(self.wrong_map_list(path, items)),
                    _ => {}
                }
                let Some(schema) = &self.items else {
                    return;
                };
                for (index, item) in items.iter().enumerate() {
                    schema.wrong_lists_below(&format!("{path}[{index}]"), item, causes);
                }
            }
            _ => {}
        }
    }

    fn wrong_map_list(&self, path: &str, items: &[Value]) -> Vec<Cause> {
        let mut all = items.iter().enumerate();
        if let Some((index, item)) = all.find(|(_, item)| !item.is_object() && !item.is_null()) {
            let detail = "must be an object for an array of list-type map";
            return vec![Cause::invalid(
                format!("{path}[{index}]"),
                item.clone(),
                detail,
            )];
        }
        repeated(path, items.iter().map(|item| self.key_of(item)))
    }

    /// Returns the fields that tell an item of a map list from the others.
    pub(super) fn key_of(&self, item: &Value) -> Value {
        let keys = self.extensions.list_map_keys.iter();
        let keys = keys.filter_map(|name| Some((name.to_string(), item.get(&**name)?.clone())));
        Value::Object(keys.collect::<Map<_, _>>())
    }
}

/// Returns one cause for each value that was there before, at its second place.
fn repeated(path: &str, values: impl Iterator<Item = Value>) -> Vec<Cause> {
    let mut times: HashMap<String, usize> = HashMap::new();
    let mut causes = Vec::new();
    for (index, value) in values.enumerate() {
        let times = times.entry(value.to_string()).or_default();
        *times += 1;
        if *times == 2 {
            causes.push(Cause::duplicate(format!("{path}[{index}]"), value));
        }
    }
    causes
}

pub(super) fn child(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}
