//! What holds for all sets and all values.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::read::{Typed, yaml};
use crate::merge::{
    Duplicates, FieldSet, Filter, Managers, ObjectType, PathElement, Updater, Versions,
};

fn element() -> impl Strategy<Value = PathElement> {
    let scalar = prop_oneof![
        "[a-c<\"\u{1}\u{2028}é]{0,2}".prop_map(Value::from),
        (-20..20i32).prop_map(|it| Value::from(f64::from(it) / 4.0)),
        any::<bool>().prop_map(Value::from),
    ];
    let key = prop::collection::btree_map("[ab]", scalar.clone(), 1..3);
    prop_oneof![
        4 => "[a-c.:\"]{0,2}".prop_map(|name| PathElement::field(&name)),
        1 => key.prop_map(|key| {
            PathElement::Key(key.into_iter().map(|(name, value)| (name.into(), value)).collect())
        }),
        1 => scalar.prop_map(PathElement::Value),
        1 => (-2..3i64).prop_map(PathElement::Index),
    ]
}

fn field_set() -> impl Strategy<Value = FieldSet> {
    let path = prop::collection::vec(element(), 1..4);
    prop::collection::vec(path, 0..8).prop_map(|paths| {
        let mut set = FieldSet::default();
        for path in &paths {
            set.insert(path);
        }
        set
    })
}

const TYPES: &str = "
types:
- name: object
  map:
    fields:
    - {name: text, type: {scalar: string}}
    - {name: number, type: {scalar: numeric}}
    - {name: set, type: {list: {elementType: {scalar: string}, elementRelationship: associative}}}
    - {name: atomic, type: {list: {elementType: {scalar: string}, elementRelationship: atomic}}}
    - {name: leaf, type: {map: {elementType: {scalar: string}, elementRelationship: atomic}}}
    - {name: labels, type: {map: {elementType: {scalar: string}}}}
    - {name: inner, type: {namedType: object}}
    - name: items
      type:
        list:
          elementType: {namedType: object}
          elementRelationship: associative
          keys: [text, number]
";

/// Objects of the type; items of lists are there once.
fn object() -> impl Strategy<Value = Value> {
    let text = || prop_oneof![9 => "[a-c]".prop_map(Value::from), 1 => Just(Value::Null)];
    let texts = || {
        let texts = prop::sample::subsequence(vec!["a", "b", "c", "d"], 0..=4);
        texts.prop_shuffle().prop_map(|it| json!(it))
    };
    let map = || prop::collection::btree_map("[a-c]", text(), 0..3).prop_map(|it| json!(it));
    let leaf = (
        prop::option::of(text()),
        prop::option::of((0..3i64).prop_map(Value::from)),
        prop::option::of(texts()),
        prop::option::of(texts()),
        prop::option::of(map()),
        prop::option::of(map()),
    );
    let leaf = leaf.prop_map(|(text, number, set, atomic, leaf, labels)| {
        let fields = [
            ("text", text),
            ("number", number),
            ("set", set),
            ("atomic", atomic),
            ("leaf", leaf),
            ("labels", labels),
        ];
        let fields = fields.into_iter();
        let fields = fields.filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(fields.collect())
    });
    leaf.prop_recursive(3, 24, 4, |inner| {
        let items = prop::collection::vec((inner.clone(), "[a-c]", 0..2i64), 0..4);
        let fields = (
            inner.clone(),
            prop::option::of(inner),
            prop::option::of(items),
        );
        fields.prop_map(|(mut object, inner, items)| {
            if let Some(inner) = inner {
                object["inner"] = inner;
            }
            if let Some(items) = items {
                let mut seen = BTreeMap::new();
                for (mut item, text, number) in items {
                    item["text"] = json!(text);
                    item["number"] = json!(number);
                    seen.insert((text, number), item);
                }
                object["items"] = seen.into_values().rev().collect();
            }
            object
        })
    })
}

fn typed() -> Typed {
    Typed::new(&yaml(TYPES), "object")
}

/// Returns the object and its managers after an apply by force.
fn applied(
    ty: ObjectType<'_>,
    live: &Value,
    config: &Value,
    managers: Managers,
    manager: &str,
) -> (Option<Value>, Managers) {
    let type_of = |_: &str| Some(ty);
    let updater = Updater {
        versions: Versions {
            type_of: &type_of,
            convert: &|object, _| Ok(object.clone()),
        },
        version: "v1",
        filters: &BTreeMap::<String, Filter>::new(),
    };
    let applied = updater.apply(live, config, managers, manager, true);
    let applied = applied.expect("an apply by force has no conflicts");
    (applied.object, applied.managers)
}

/// Returns an object without the parts that have nothing in them.
fn without_empty(mut object: Value) -> Value {
    if let Value::Object(fields) = &mut object {
        for value in fields.values_mut() {
            *value = without_empty(value.take());
        }
        fields.retain(|_, value| *value != json!({}) && *value != json!([]));
    }
    if let Value::Array(items) = &mut object {
        for item in items {
            *item = without_empty(item.take());
        }
    }
    object
}

proptest! {
    #[test]
    fn set_is_read_as_it_was_written(set in field_set()) {
        let text = serde_json::to_string(&set).expect("a set is JSON");
        prop_assert_eq!(&serde_json::from_str::<FieldSet>(&text).expect("it was written"), &set);
        prop_assert_eq!(FieldSet::from_fields_v1(&set.to_fields_v1()).expect("it was written"), set);
    }

    #[test]
    fn sets_keep_the_laws_of_sets(a in field_set(), b in field_set()) {
        let union = a.union(&b);
        let both = a.intersection(&b);
        prop_assert_eq!(&union, &b.union(&a));
        prop_assert_eq!(&both, &b.intersection(&a));
        prop_assert!(union.has_all(&a) && union.has_all(&b));
        prop_assert!(a.has_all(&both) && b.has_all(&both));
        prop_assert_eq!(both.union(&a.difference(&b)), a.clone());
        prop_assert!(a.difference(&b).intersection(&b).is_empty());
        prop_assert_eq!(union.len() + both.len(), a.len() + b.len());
        prop_assert!(a.difference(&b).has_all(&a.recursive_difference(&b)));
        prop_assert_eq!(a.paths().len(), a.len());
        prop_assert!(a.paths().iter().all(|path| a.has(path)));
        prop_assert!(a.has_all(&a.leaves()));
    }

    #[test]
    fn value_does_not_differ_from_itself(object in object()) {
        let typed = typed();
        prop_assert_eq!(typed.ty().validate(&object, Duplicates::Refused), Ok(()));
        prop_assert!(typed.ty().compare(&object, &object).expect("it is of the type").is_same());
        prop_assert_eq!(typed.ty().merge(&object, &object), Ok(object.clone()));
        prop_assert_eq!(&typed.ty().remove(&object, &FieldSet::default()), match &object {
            Value::Object(fields) if fields.is_empty() => &Value::Null,
            _ => &object,
        });
    }

    #[test]
    fn merge_has_what_is_merged_in(lhs in object(), rhs in object()) {
        let typed = typed();
        let merged = typed.ty().merge(&lhs, &rhs).expect("both are of the type");
        prop_assert_eq!(typed.ty().validate(&merged, Duplicates::Refused), Ok(()));
        let set = typed.ty().field_set(&rhs);
        let changes = typed.ty().compare(&merged, &rhs).expect("both are of the type");
        prop_assert!(changes.modified.intersection(&set).is_empty());
        prop_assert!(changes.added.intersection(&set).is_empty());
    }

    #[test]
    fn second_apply_changes_nothing(one in object(), other in object(), config in object()) {
        let typed = typed();
        // A part with nothing but empty parts in it goes with the second apply of it, in Go as here.
        let [one, other, config] = [one, other, config].map(without_empty);
        let (live, managers) = applied(typed.ty(), &one, &other, Managers::new(), "other");
        let live = live.unwrap_or(one);
        let (first, managers) = applied(typed.ty(), &live, &config, managers, "config");
        let live = first.unwrap_or(live);

        let (second, after) = applied(typed.ty(), &live, &config, managers.clone(), "config");

        prop_assert_eq!(second, None);
        prop_assert_eq!(after, managers);
    }
}
