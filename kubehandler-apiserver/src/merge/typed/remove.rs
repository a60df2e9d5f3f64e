//! A value without some of its fields, or with them alone.
//!
//! Source: `typed/remove.go` and `ExtractItems` in `typed/typed.go`, of
//! `sigs.k8s.io/structured-merge-diff`.

use serde_json::{Map, Value};

use crate::merge::{
    field_set::FieldSet,
    object_type::{Atom, ListType, MapType, ObjectType},
    paths::PathElement,
};

/// What happens to the fields of a set.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Remove,
    /// They alone are kept.
    Extract,
}

impl ObjectType<'_> {
    /// Returns the value without these fields. A list or a map that loses all it has is `null`.
    pub(crate) fn remove(self, value: &Value, fields: &FieldSet) -> Value {
        take(Some(self), value, fields, Mode::Remove)
    }

    /// Returns the value with these fields alone.
    pub(crate) fn extract(self, value: &Value, fields: &FieldSet) -> Value {
        take(Some(self), value, fields, Mode::Extract)
    }

    /// Returns the value with these fields alone, and with the keys of the items they are in.
    pub(crate) fn extract_with_keys(self, value: &Value, fields: &FieldSet) -> Value {
        let present = self.field_set(value);
        let mut keys = FieldSet::default();
        for path in fields.paths() {
            if !present.has(&path) {
                continue;
            }
            for (i, element) in path.0.iter().enumerate() {
                let PathElement::Key(names) = element else {
                    continue;
                };
                for (name, _) in names {
                    let mut to_key = path.0[..=i].to_vec();
                    to_key.push(PathElement::field(name));
                    keys.insert(&to_key);
                }
            }
        }
        self.extract(value, &fields.union(&keys))
    }
}

fn take(ty: Option<ObjectType<'_>>, value: &Value, fields: &FieldSet, mode: Mode) -> Value {
    // What cannot be taken apart is kept as a whole or not at all.
    let whole = || match mode {
        Mode::Remove => Value::Null,
        Mode::Extract => value.clone(),
    };
    match (ty.and_then(|ty| ty.atom(Some(value))), value) {
        (Some(Atom::Scalar(_)), _) => value.clone(),
        (Some(Atom::List(list)), Value::Array(items)) => {
            if list.is_atomic() || items.is_empty() {
                return whole();
            }
            take_items(&list, items, fields, mode)
        }
        (Some(Atom::Map(map)), Value::Object(named)) => {
            if map.is_atomic || named.is_empty() {
                return whole();
            }
            take_fields(&map, named, fields, mode)
        }
        _ => Value::Null,
    }
}

fn take_items(list: &ListType<'_>, items: &[Value], fields: &FieldSet, mode: Mode) -> Value {
    let taken = items.iter().filter_map(|item| {
        let key = list.key_of(item).ok();
        let entry = key.and_then(|key| fields.get(&key.to_element()));
        let is_member = entry.is_some_and(|entry| entry.is_member);
        let below = entry.map(|entry| &entry.children);
        let below = below.filter(|below| !below.is_empty());
        let is_kept = match mode {
            Mode::Remove => !is_member,
            Mode::Extract => is_member || below.is_some(),
        };
        is_kept.then(|| match below {
            Some(below) => take(Some(list.items), item, below, mode),
            None => item.clone(),
        })
    });
    let taken: Vec<Value> = taken.collect();
    if taken.is_empty() {
        return Value::Null;
    }
    Value::Array(taken)
}

fn take_fields(
    map: &MapType<'_>,
    named: &Map<String, Value>,
    fields: &FieldSet,
    mode: Mode,
) -> Value {
    let mut taken = Map::new();
    for (name, value) in named {
        let entry = fields.get(&PathElement::field(name));
        let is_member = entry.is_some_and(|entry| entry.is_member);
        let below = entry.map(|entry| &entry.children);
        let below = below.filter(|below| !below.is_empty());
        let kept = match (mode, below) {
            // What is below a field that is extracted itself is compared with the fields beside
            // it, as Go does.
            (Mode::Extract, _) if is_member => take(map.field(name), value, fields, mode),
            (Mode::Remove, _) if is_member => continue,
            (_, Some(below)) => take(map.field(name), value, below, mode),
            (Mode::Remove, None) => value.clone(),
            (Mode::Extract, None) => continue,
        };
        taken.insert(name.clone(), kept);
    }
    if taken.is_empty() {
        return Value::Null;
    }
    Value::Object(taken)
}
