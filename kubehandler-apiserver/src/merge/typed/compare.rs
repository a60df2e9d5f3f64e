//! What differs between two values.
//!
//! Source: `typed/compare.go` of `sigs.k8s.io/structured-merge-diff`.

use std::{collections::BTreeMap, mem};

use serde_json::{Map, Value};

use super::{TypeErrors, items::ItemKey, validate::check_scalar};
use crate::merge::{
    field_set::FieldSet,
    object_type::{Atom, FORMLESS, ListType, MapType, ObjectType},
    paths::PathElement,
    values::equal,
};

/// The fields in which a value differs from an earlier one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Comparison {
    pub(crate) removed: FieldSet,
    pub(crate) modified: FieldSet,
    pub(crate) added: FieldSet,
}

impl Comparison {
    /// Returns whether the values are equal.
    pub(crate) fn is_same(&self) -> bool {
        self.removed.is_empty() && self.modified.is_empty() && self.added.is_empty()
    }

    /// Adds what was found at the end of a step.
    fn place(&mut self, element: impl FnOnce() -> PathElement, found: Found) {
        let Found {
            removed,
            modified,
            added,
            below,
        } = found;
        if !(removed || modified || added) && below.is_same() {
            return;
        }
        let element = element();
        self.removed.insert_below(&element, removed, below.removed);
        self.modified
            .insert_below(&element, modified, below.modified);
        self.added.insert_below(&element, added, below.added);
    }
}

/// How the two sides of a field differ, and what is below it.
#[derive(Default)]
struct Found {
    removed: bool,
    modified: bool,
    added: bool,
    below: Comparison,
}

/// The earlier value of a field and the later one; not both are absent.
#[derive(Clone, Copy)]
struct Sides<'a> {
    lhs: Option<&'a Value>,
    rhs: Option<&'a Value>,
}

impl ObjectType<'_> {
    /// Returns what differs in `rhs`.
    pub(crate) fn compare(self, lhs: &Value, rhs: &Value) -> Result<Comparison, TypeErrors> {
        let mut errors = TypeErrors::default();
        let sides = Sides {
            lhs: Some(lhs),
            rhs: Some(rhs),
        };
        let found = sides.compare(Some(self), &mut errors);
        errors.or(found.below)
    }
}

impl Sides<'_> {
    fn compare(self, ty: Option<ObjectType<'_>>, errors: &mut TypeErrors) -> Found {
        let mut found = Found::default();
        let Some(ty) = ty else {
            errors.push(FORMLESS);
            return found;
        };
        let (Some(left), Some(right)) = (ty.atom(self.lhs), ty.atom(self.rhs)) else {
            errors.push(ty.formless());
            return found;
        };
        let is_same_form = mem::discriminant(&left) == mem::discriminant(&right);
        if self.lhs.is_some() && (self.rhs.is_none() || !is_same_form) {
            self.visit(left, &mut found, errors);
        }
        if self.rhs.is_some() {
            self.visit(right, &mut found, errors);
        }
        found.added |= self.lhs.is_none();
        found.removed |= self.rhs.is_none();
        found
    }

    fn visit(self, atom: Atom<'_>, found: &mut Found, errors: &mut TypeErrors) {
        match atom {
            Atom::Scalar(scalar) => {
                let check = |side: &str, value: Option<&Value>| {
                    let checked = value.map_or(Ok(()), |value| check_scalar(scalar, value));
                    checked.map_err(|why| format!("{side}: {why}"))
                };
                // One side that is right is enough.
                match (check("lhs", self.lhs), check("rhs", self.rhs)) {
                    (Err(left), Err(right)) => {
                        errors.push(left);
                        errors.push(right);
                    }
                    _ => self.visit_leaf(found),
                }
            }
            Atom::List(list) => {
                let (lhs, rhs) = (items(self.lhs), items(self.rhs));
                // If both are empty, whether they are null or not is compared.
                if list.is_atomic() || (lhs.is_empty() && rhs.is_empty()) {
                    self.visit_leaf(found);
                } else {
                    visit_items(&list, lhs, rhs, &mut found.below, errors);
                }
            }
            Atom::Map(map) => {
                let (lhs, rhs) = (fields(self.lhs), fields(self.rhs));
                let is_empty = lhs.is_none_or(Map::is_empty) && rhs.is_none_or(Map::is_empty);
                if map.is_atomic || is_empty {
                    self.visit_leaf(found);
                } else {
                    visit_fields(&map, lhs, rhs, &mut found.below, errors);
                }
            }
        }
    }

    fn visit_leaf(self, found: &mut Found) {
        match (self.lhs, self.rhs) {
            (None, _) => found.added = true,
            (_, None) => found.removed = true,
            (Some(lhs), Some(rhs)) => found.modified |= !equal(lhs, rhs),
        }
    }
}

/// Returns the items of a list; none of anything else.
pub(super) fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Returns the fields of a map; none of anything else.
pub(super) fn fields(value: Option<&Value>) -> Option<&Map<String, Value>> {
    value.and_then(Value::as_object)
}

/// Visits the fields of both sides.
pub(super) fn zip<'a>(
    lhs: Option<&'a Map<String, Value>>,
    rhs: Option<&'a Map<String, Value>>,
    mut visit: impl FnMut(&'a str, Option<&'a Value>, Option<&'a Value>),
) {
    for (name, value) in lhs.into_iter().flatten() {
        visit(name, Some(value), rhs.and_then(|rhs| rhs.get(name)));
    }
    for (name, value) in rhs.into_iter().flatten() {
        if lhs.is_none_or(|lhs| !lhs.contains_key(name)) {
            visit(name, None, Some(value));
        }
    }
}

fn visit_fields(
    map: &MapType<'_>,
    lhs: Option<&Map<String, Value>>,
    rhs: Option<&Map<String, Value>>,
    below: &mut Comparison,
    errors: &mut TypeErrors,
) {
    zip(lhs, rhs, |name, lhs, rhs| {
        let found = errors.within(&format_args!(".{name}"), |errors| {
            Sides { lhs, rhs }.compare(map.field(name), errors)
        });
        below.place(|| PathElement::field(name), found);
    });
}

fn visit_items(
    list: &ListType<'_>,
    lhs: &[Value],
    rhs: &[Value],
    below: &mut Comparison,
    errors: &mut TypeErrors,
) {
    let mut by_key = Pairs::new();
    index(list, lhs, errors, |key, item| {
        by_key.entry(key).or_default().0.push(item);
    });
    index(list, rhs, errors, |key, item| {
        by_key.entry(key).or_default().1.push(item);
    });
    for (key, (lhs, rhs)) in by_key {
        let mut compare = |lhs: Option<&&Value>, rhs: Option<&&Value>| {
            let sides = Sides {
                lhs: lhs.copied(),
                rhs: rhs.copied(),
            };
            errors.within(&key, |errors| sides.compare(Some(list.items), errors))
        };
        let found = match (lhs.len(), rhs.len()) {
            (0 | 1, 0 | 1) => compare(lhs.first(), rhs.first()),
            // All that have one key are compared as if they were atomic.
            (2.., 2..) => {
                let same = |(lhs, rhs): (&&Value, &&Value)| equal(lhs, rhs);
                let is_same = lhs.len() == rhs.len() && lhs.iter().zip(&rhs).all(same);
                Found {
                    modified: !is_same,
                    ..Found::default()
                }
            }
            // The one item that is left counts as new.
            (2.., _) => {
                let first = rhs.first();
                let found = first.map(|item| compare(None, Some(item)));
                Found {
                    removed: true,
                    ..found.unwrap_or_default()
                }
            }
            // The one item that was there counts as gone.
            (_, 2..) => {
                let first = lhs.first();
                let found = first.map(|item| compare(Some(item), None));
                Found {
                    added: true,
                    ..found.unwrap_or_default()
                }
            }
        };
        below.place(|| key.to_element(), found);
    }
}

/// The items of two lists by their keys.
type Pairs<'a> = BTreeMap<ItemKey<'a>, (Vec<&'a Value>, Vec<&'a Value>)>;

/// Visits the items with their keys; those without one are errors.
fn index<'a, 'v>(
    list: &ListType<'a>,
    items: &'v [Value],
    errors: &mut TypeErrors,
    mut visit: impl FnMut(ItemKey<'v>, &'v Value),
) where
    'a: 'v,
{
    for (index, item) in items.iter().enumerate() {
        match list.key_of(item) {
            Ok(key) => visit(key, item),
            Err(why) => errors.push(format!("element {index}: {why}")),
        }
    }
}
