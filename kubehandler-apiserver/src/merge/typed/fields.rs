//! The fields that a value sets.
//!
//! Source: `typed/tofieldset.go` of `sigs.k8s.io/structured-merge-diff`.

use serde_json::{Map, Value};

use super::items::Items;
use crate::merge::{
    field_set::FieldSet,
    object_type::{Atom, ListType, MapType, ObjectType},
    paths::PathElement,
};

impl ObjectType<'_> {
    /// Returns the fields that the value sets: its leaves, items of lists, and keys of maps.
    pub(crate) fn field_set(self, value: &Value) -> FieldSet {
        self.fields_of(value).1
    }

    /// Returns whether the value is a field of its own, and the fields below it.
    fn fields_of(self, value: &Value) -> (bool, FieldSet) {
        match (self.atom(Some(value)), value) {
            (Some(Atom::Scalar(_)), _) => (true, FieldSet::default()),
            (Some(Atom::List(list)), _) if list.is_atomic() => (true, FieldSet::default()),
            (Some(Atom::Map(map)), _) if map.is_atomic => (true, FieldSet::default()),
            (Some(Atom::List(list)), Value::Array(items)) => (false, of_items(&list, items)),
            (Some(Atom::Map(map)), Value::Object(fields)) => (false, of_fields(&map, fields)),
            _ => (false, FieldSet::default()),
        }
    }
}

fn of_items(list: &ListType<'_>, items: &[Value]) -> FieldSet {
    let mut by_key = Items::new();
    for item in items {
        if let Ok(key) = list.key_of(item) {
            by_key.entry(key).or_default().push(item);
        }
    }
    let mut set = FieldSet::default();
    for (key, items) in by_key {
        // Of an item that is there twice, nothing is set but the item itself.
        let below = match items.as_slice() {
            [item] => list.items.field_set(item),
            _ => FieldSet::default(),
        };
        set.insert_below(&key.to_element(), true, below);
    }
    set
}

fn of_fields(map: &MapType<'_>, fields: &Map<String, Value>) -> FieldSet {
    let mut set = FieldSet::default();
    for (name, value) in fields {
        let (is_leaf, below) = match map.field(name) {
            Some(ty) => ty.fields_of(value),
            None => (false, FieldSet::default()),
        };
        let is_empty = match value {
            Value::Null => true,
            Value::Object(fields) => fields.is_empty(),
            _ => false,
        };
        let is_member = is_leaf || is_empty || !map.declares(name);
        set.insert_below(&PathElement::field(name), is_member, below);
    }
    set
}
