//! What tells the items of a list apart.
//!
//! Source: `listItemToPathElement` in `typed/helpers.go` of `sigs.k8s.io/structured-merge-diff`.

use std::{
    cmp::Ordering,
    collections::BTreeMap,
    fmt::{self, Display, Formatter},
};

use serde_json::Value;

use crate::{
    failure::quoted,
    merge::{
        object_type::ListType,
        paths::PathElement,
        values::{compare, compare_all},
    },
    schema::ListMerge,
};

/// The step to an item, borrowed from it.
#[derive(Clone, Debug)]
pub(super) enum ItemKey<'a> {
    /// The fields that are keys, in the order of their names.
    Fields(Vec<(&'a str, &'a Value)>),
    Value(&'a Value),
}

impl ItemKey<'_> {
    pub(super) fn to_element(&self) -> PathElement {
        match self {
            Self::Fields(fields) => {
                let fields = fields.iter();
                let fields = fields.map(|&(name, value)| (name.into(), value.clone()));
                PathElement::Key(fields.collect())
            }
            Self::Value(value) => PathElement::Value((*value).clone()),
        }
    }
}

impl Display for ItemKey<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.to_element().fmt(f)
    }
}

impl Ord for ItemKey<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Fields(lhs), Self::Fields(rhs)) => {
                compare_all(lhs.iter(), rhs.iter(), |lhs, rhs| {
                    lhs.0.cmp(rhs.0).then_with(|| compare(lhs.1, rhs.1))
                })
            }
            (Self::Value(lhs), Self::Value(rhs)) => compare(lhs, rhs),
            (Self::Fields(_), Self::Value(_)) => Ordering::Less,
            (Self::Value(_), Self::Fields(_)) => Ordering::Greater,
        }
    }
}

impl PartialOrd for ItemKey<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ItemKey<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ItemKey<'_> {}

/// The items of a list by their keys; an item that is there twice has two values.
pub(super) type Items<'a> = BTreeMap<ItemKey<'a>, Vec<&'a Value>>;

impl<'a> ListType<'a> {
    /// Returns what tells an item apart from the others.
    pub(super) fn key_of<'v>(&self, item: &'v Value) -> Result<ItemKey<'v>, String>
    where
        'a: 'v,
    {
        match self.merge {
            ListMerge::Atomic => Err("invalid indexing of non-associative list".to_owned()),
            ListMerge::Set => key_in_set(item),
            ListMerge::Map(keys) => self.key_in_map(keys, item),
        }
    }

    fn key_in_map<'v>(&self, keys: &'a [Box<str>], item: &'v Value) -> Result<ItemKey<'v>, String>
    where
        'a: 'v,
    {
        let fields = match item {
            Value::Object(fields) => fields,
            Value::Null => {
                return Err("associative list with keys may not have a null element".to_owned());
            }
            _ => {
                return Err("associative list with keys may not have non-map elements".to_owned());
            }
        };
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            if let Some((name, value)) = fields.get_key_value(&**key) {
                found.push((name.as_str(), value));
                continue;
            }
            let default = self
                .items
                .key_default(key)
                .map_err(|why| format!("couldn't find default value for {key}: {why}"))?;
            // Without a value, the key is not part of what tells the item apart.
            if let Some(default) = default {
                found.push((&**key, default));
            }
        }
        if found.is_empty() {
            let keys: Vec<_> = keys.iter().map(|key| quoted(key)).collect();
            return Err(format!(
                "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for any key fields)",
                keys.join(" ")
            ));
        }
        found.sort_by_key(|field| field.0);
        Ok(ItemKey::Fields(found))
    }
}

fn key_in_set(item: &Value) -> Result<ItemKey<'_>, String> {
    let why = match item {
        Value::Object(_) => "associative list without keys has an element that's a map type",
        Value::Array(_) => "not supported: associative list with lists as elements",
        Value::Null => "associative list without keys has an element that's an explicit null",
        _ => return Ok(ItemKey::Value(item)),
    };
    Err(why.to_owned())
}
