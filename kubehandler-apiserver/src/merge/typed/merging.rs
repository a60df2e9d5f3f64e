//! Two values merged: the second wins, and what it does not set stays as it is in the first.
//!
//! Source: `typed/merge.go` of `sigs.k8s.io/structured-merge-diff`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    TypeErrors,
    compare::{fields, items, zip},
    items::ItemKey,
};
use crate::merge::object_type::{Atom, FORMLESS, ListType, MapType, ObjectType};

impl ObjectType<'_> {
    /// Returns `lhs` with what `rhs` sets.
    ///
    /// Items of lists keep the order that they have in `rhs`, with those of `lhs` between them.
    pub(crate) fn merge(self, lhs: &Value, rhs: &Value) -> Result<Value, TypeErrors> {
        let mut errors = TypeErrors::default();
        let merged = merge(Some(self), lhs, rhs, &mut errors);
        errors.or(merged)
    }
}

fn merge(ty: Option<ObjectType<'_>>, lhs: &Value, rhs: &Value, errors: &mut TypeErrors) -> Value {
    let Some(ty) = ty else {
        errors.push(FORMLESS);
        return Value::Null;
    };
    match ty.atom(Some(rhs)) {
        None => {
            errors.push(ty.formless());
            Value::Null
        }
        Some(Atom::Scalar(_)) => rhs.clone(),
        Some(Atom::List(list)) => {
            let (left, right) = (items(Some(lhs)), items(Some(rhs)));
            if list.is_atomic() || (left.is_empty() && right.is_empty()) {
                return rhs.clone();
            }
            Value::Array(merge_items(&list, left, right, errors))
        }
        Some(Atom::Map(map)) => {
            let (left, right) = (fields(Some(lhs)), fields(Some(rhs)));
            let is_empty = left.is_none_or(Map::is_empty) && right.is_none_or(Map::is_empty);
            if map.is_atomic || is_empty {
                return rhs.clone();
            }
            Value::Object(merge_fields(&map, left, right, errors))
        }
    }
}

fn merge_fields(
    map: &MapType<'_>,
    lhs: Option<&Map<String, Value>>,
    rhs: Option<&Map<String, Value>>,
    errors: &mut TypeErrors,
) -> Map<String, Value> {
    let mut merged = Map::new();
    zip(lhs, rhs, |name, lhs, rhs| {
        let value = match (lhs, rhs) {
            (Some(lhs), Some(rhs)) => errors.within(&format_args!(".{name}"), |errors| {
                merge(map.field(name), lhs, rhs, errors)
            }),
            (one, other) => one.or(other).cloned().unwrap_or_default(),
        };
        merged.insert(name.to_owned(), value);
    });
    merged
}

fn merge_items(
    list: &ListType<'_>,
    lhs: &[Value],
    rhs: &[Value],
    errors: &mut TypeErrors,
) -> Vec<Value> {
    let mut ids = BTreeMap::new();
    let mut wrong = TypeErrors::default();
    let right = identify(list, rhs, &mut ids, &mut wrong);
    let left = identify(list, lhs, &mut ids, &mut wrong);
    let mut pairs = vec![Pair::default(); ids.len()];
    for (&id, item) in right.iter().zip(rhs) {
        if pairs[id].rhs.replace(item).is_some()
            && let Ok(key) = list.key_of(item)
        {
            wrong.push(format!("duplicate entries for key {key}"));
        }
    }
    if !wrong.is_empty() {
        errors.append(wrong);
        return Vec::new();
    }
    for (&id, item) in left.iter().zip(lhs) {
        // An item that is there twice is replaced, and not merged.
        let is_twice = pairs[id].lhs.is_some();
        pairs[id].lhs = Some(if is_twice { &Value::Null } else { item });
    }
    let order = order(&left, &right, &pairs).into_iter();
    let merged = order.map(|pick| match pick {
        Pick::Left(place) => lhs[place].clone(),
        Pick::Merged(id) => match (pairs[id].lhs, pairs[id].rhs) {
            // What is wrong in an item does not count, as everything was validated before.
            (Some(lhs), Some(rhs)) => merge(Some(list.items), lhs, rhs, &mut TypeErrors::default()),
            (_, rhs) => rhs.cloned().unwrap_or_default(),
        },
    });
    merged.collect()
}

/// The items that have one key.
#[derive(Clone, Copy, Default)]
struct Pair<'a> {
    lhs: Option<&'a Value>,
    rhs: Option<&'a Value>,
}

/// Returns the number that each item's key has in `ids`.
fn identify<'a, 'v>(
    list: &ListType<'a>,
    items: &'v [Value],
    ids: &mut BTreeMap<ItemKey<'v>, usize>,
    errors: &mut TypeErrors,
) -> Vec<usize>
where
    'a: 'v,
{
    let mut found = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let next = ids.len();
        match list.key_of(item) {
            Ok(key) => found.push(*ids.entry(key).or_insert(next)),
            Err(why) => errors.push(format!("element {index}: {why}")),
        }
    }
    found
}

/// Where an item of the merged list comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Pick {
    /// The item at this place of `lhs`, as it is.
    Left(usize),
    /// The items of both sides that have this number.
    Merged(usize),
}

/// Returns the order of the merged list, from the numbers of both sides' items.
///
/// Items of both sides keep the order of `rhs`. The others keep their place among their neighbours.
fn order(left: &[usize], right: &[usize], pairs: &[Pair<'_>]) -> Vec<Pick> {
    let mut order = Vec::with_capacity(left.len().max(right.len()));
    let mut is_merged = vec![false; pairs.len()];
    let mut shared = right.iter().filter(|&&id| pairs[id].lhs.is_some());
    let mut next_shared = shared.next();
    let (mut l, mut r) = (0, 0);
    while l < left.len() || r < right.len() {
        if let (Some(id), Some(other)) = (left.get(l), right.get(r)) {
            if id == other {
                is_merged[*id] = true;
                order.push(Pick::Merged(*id));
                (l, r) = (l + 1, r + 1);
                next_shared = shared.next();
                continue;
            }
            let is_later = next_shared.is_some_and(|next| next != id);
            if pairs[*id].rhs.is_some() && is_later {
                l += 1;
                continue;
            }
        }
        if let Some(&id) = left.get(l) {
            if pairs[id].rhs.is_none() {
                order.push(Pick::Left(l));
                l += 1;
                continue;
            }
            l += usize::from(is_merged[id]);
        }
        if let Some(id) = right.get(r) {
            is_merged[*id] = true;
            order.push(Pick::Merged(*id));
            r += 1;
            if next_shared == Some(id) {
                next_shared = shared.next();
            }
        }
    }
    order
}
