//! Versions that are gone, fields that do not count, and conflicts.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::read::{set, yaml};
use crate::{
    merge::{
        Conflict, Conflicts, ConvertError, FieldPath, FieldSet, Filter, Managed, Managers,
        MergeError, ObjectType, PathElement, PathPattern, Step, Updater, Versions,
    },
    schema::Schema,
};

/// Objects without a schema, of a kind in some versions.
struct Kind {
    schema: Schema,
    versions: Vec<&'static str>,
    filters: BTreeMap<String, Filter>,
}

impl Kind {
    fn new(versions: &[&'static str]) -> Self {
        let mut schema = Schema::default();
        schema.deduced();
        Self {
            schema,
            versions: versions.to_vec(),
            filters: BTreeMap::new(),
        }
    }

    fn ty(&self) -> ObjectType<'_> {
        let id = self.schema.named(Schema::DEDUCED).expect("it was added");
        ObjectType::new(&self.schema, id.plain())
    }

    fn with<T>(&self, version: &str, write: impl FnOnce(Updater<'_>) -> T) -> T {
        let type_of = |version: &str| self.versions.contains(&version).then(|| self.ty());
        write(Updater {
            versions: Versions {
                type_of: &type_of,
                convert: &|object, _| match object.get("refused") {
                    Some(_) => Err(ConvertError::Failed("refused".to_owned())),
                    None => Ok(object.clone()),
                },
            },
            version,
            filters: &self.filters,
        })
    }
}

fn managed(version: &str, is_applied: bool, fields: &Value) -> Managed {
    Managed {
        fields: set(fields),
        api_version: version.to_owned(),
        is_applied,
    }
}

fn managers(entries: &[(&str, Managed)]) -> Managers {
    let entries = entries.iter();
    entries
        .map(|(name, managed)| ((*name).to_owned(), managed.clone()))
        .collect()
}

#[test]
fn managers_of_a_version_that_is_gone_are_dropped() {
    let kind = Kind::new(&["v2", "v3"]);
    let before = managers(&[
        ("one", managed("v1", false, &json!({"f:a": {}}))),
        ("two", managed("v2", false, &json!({"f:b": {}}))),
    ]);
    let (live, new) = (json!({"a": 0, "b": 0}), json!({"a": 0, "b": 0, "c": 0}));

    let after = kind.with("v3", |updater| updater.update(&live, &new, before, "three"));

    let expected = managers(&[
        ("three", managed("v3", false, &json!({"f:c": {}}))),
        ("two", managed("v2", false, &json!({"f:b": {}}))),
    ]);
    assert_eq!(after, Ok(expected));
}

#[test]
fn what_was_applied_in_a_version_that_is_gone_stays() {
    let kind = Kind::new(&["v2"]);
    let before = managers(&[("it", managed("v1", true, &json!({"f:a": {}, "f:b": {}})))]);
    let (live, config) = (json!({"a": 1, "b": 1}), json!({"a": 1}));

    let applied = kind.with("v2", |updater| {
        updater.apply(&live, &config, before, "it", false)
    });

    let applied = applied.expect("there are no conflicts");
    assert_eq!(applied.object, None);
    assert_eq!(
        applied.managers,
        managers(&[("it", managed("v2", true, &json!({"f:a": {}})))])
    );
}

#[test]
fn version_that_is_not_there_is_refused() {
    let kind = Kind::new(&["v1"]);

    let updated = kind.with("v9", |updater| {
        updater.update(&json!(null), &json!({}), Managers::new(), "it")
    });

    assert_eq!(updated, Err(MergeError::Failed("no version v9".to_owned())));
}

#[test]
fn conversion_that_fails_says_why() {
    let kind = Kind::new(&["v1", "v2"]);
    let before = managers(&[("other", managed("v2", false, &json!({"f:a": {}})))]);
    let new = json!({"refused": true});

    let updated = kind.with("v1", |updater| {
        updater.update(&json!({}), &new, before, "it")
    });

    let why = "failed to convert new object: refused".to_owned();
    assert_eq!(updated, Err(MergeError::Failed(why)));
}

#[test]
fn field_that_is_excluded_is_nobodys() {
    let object = json!({"numeric": 1, "obj": {"string": "foo", "numeric": 2}});
    let fields = json!({"f:numeric": {}});
    let mut kind = Kind::new(&["v1"]);
    let exclude = Filter::Exclude(set(&json!({"f:obj": {}})));
    kind.filters.insert("v1".to_owned(), exclude);

    let updated = kind.with("v1", |updater| {
        updater.update(&json!(null), &object, Managers::new(), "it")
    });
    let applied = kind.with("v1", |updater| {
        updater.apply(&json!(null), &object, Managers::new(), "it", false)
    });

    assert_eq!(
        updated,
        Ok(managers(&[("it", managed("v1", false, &fields))]))
    );
    let applied = applied.expect("there are no conflicts");
    assert_eq!(applied.object, Some(object));
    assert_eq!(
        applied.managers,
        managers(&[("it", managed("v1", true, &fields))])
    );
}

#[test]
fn field_that_is_excluded_is_not_taken_from_others() {
    let mut kind = Kind::new(&["v1", "v2"]);
    let exclude = Filter::Exclude(set(&json!({"f:b": {}})));
    kind.filters.insert("v2".to_owned(), exclude);
    let fields = json!({"f:a": {}, "f:b": {}});
    let before = managers(&[("other", managed("v2", false, &fields))]);
    let (live, new) = (json!({"a": 1, "b": 1}), json!({"a": 2, "b": 2}));

    let updated = kind.with("v2", |updater| updater.update(&live, &new, before, "it"));

    let expected = managers(&[
        ("it", managed("v2", false, &json!({"f:a": {}}))),
        ("other", managed("v2", false, &json!({"f:b": {}}))),
    ]);
    assert_eq!(updated, Ok(expected));
}

fn conflict(manager: &str, fields: &[&str]) -> Conflict {
    let path = fields.iter().map(|name| PathElement::field(name));
    Conflict {
        manager: manager.to_owned(),
        path: FieldPath(path.collect()),
    }
}

#[test]
fn conflicts_come_by_manager_and_outer_fields_first() {
    let kind = Kind::new(&["v1"]);
    let before = managers(&[
        (
            "bob",
            managed(
                "v1",
                false,
                &json!({"f:b": {}, "f:a": {"f:x": {}}, "f:z": {}}),
            ),
        ),
        ("alice", managed("v1", true, &json!({"f:b": {}}))),
    ]);
    let live = json!({"a": {"x": 1}, "b": 1, "z": 1});
    let config = json!({"a": {"x": 2}, "b": 2, "z": 1});

    let applied = kind.with("v1", |updater| {
        updater.apply(&live, &config, before, "it", false)
    });

    let expected = Conflicts(vec![
        conflict("alice", &["b"]),
        conflict("bob", &["b"]),
        conflict("bob", &["a", "x"]),
    ]);
    assert_eq!(
        expected.to_string(),
        "conflicts with \"alice\":\n- .b\nconflicts with \"bob\":\n- .b\n- .a.x"
    );
    assert_eq!(applied, Err(MergeError::Conflicts(expected)));
    let one = Conflicts(vec![conflict("bob", &["a", "x"])]);
    assert_eq!(one.to_string(), "conflict with \"bob\": .a.x");
}

#[test]
fn field_that_was_applied_and_changed_since_is_not_unchanged() {
    let kind = Kind::new(&["v1"]);
    let applied = json!({"a": 1, "b": 1, "c": {"d": 1}, "gone": 1});
    let live = json!({"a": 1, "b": 2, "c": {"d": 1}, "new": 1});

    let unchanged = kind.with("v1", |updater| updater.unchanged(&applied, &live));

    assert_eq!(
        unchanged,
        Ok(set(&json!({"f:a": {}, "f:c": {".": {}, "f:d": {}}})))
    );
}

fn pattern(steps: &[&str]) -> PathPattern {
    PathPattern::below(steps.iter().map(|step| match *step {
        "*" => Step::Any,
        name => Step::To(PathElement::field(name)),
    }))
}

fn filtered(patterns: PathPattern, fields: &str) -> Value {
    let fields: Value = yaml(fields);
    Filter::Include(patterns)
        .filter(&set(&fields))
        .to_fields_v1()
}

#[test]
fn pattern_has_all_below_its_end_and_what_is_around_it() {
    let fields = "
        f:metadata: {}
        f:spec:
          .: {}
          f:hostNetwork: {}
          f:containers:
            i:0: {.: {}, f:image: {}, f:resources: {.: {}, f:limits: {f:cpu: {}}}}
            i:1: {f:image: {}}
            i:2: {f:resources: {}}
    ";

    let left = filtered(pattern(&["spec", "containers", "*", "resources"]), fields);

    let expected: Value = yaml(
        "
        f:spec:
          .: {}
          f:containers:
            i:0: {.: {}, f:resources: {.: {}, f:limits: {f:cpu: {}}}}
            i:2: {f:resources: {}}
        ",
    );
    assert_eq!(left, expected);
}

#[test]
fn patterns_are_joined_at_their_only_step() {
    let fields = "{f:a: {f:x: {}, f:y: {}, f:z: {}}, f:b: {f:x: {}, f:y: {}}}";
    let joined = |patterns: &[&[&str]]| {
        let patterns = patterns.iter().map(|steps| pattern(steps));
        filtered(
            patterns.reduce(PathPattern::or).expect("there is one"),
            fields,
        )
    };

    assert_eq!(
        joined(&[&["a", "x"], &["a", "y"]]),
        json!({"f:a": {"f:x": {}, "f:y": {}}})
    );
    assert_eq!(
        joined(&[&["a", "x"], &["b", "y"], &["b", "x"]]),
        json!({"f:a": {"f:x": {}}, "f:b": {"f:y": {}}})
    );
    assert_eq!(
        joined(&[&["*", "x"], &["*", "y"]]),
        json!({"f:a": {"f:x": {}}, "f:b": {"f:x": {}}})
    );
    assert_eq!(joined(&[&["b", "x"], &[]]), yaml::<Value>(fields));
}

#[test]
fn live_object_that_is_wrong_is_told_from_the_config() {
    let mut schema = Schema::default();
    let text = crate::schema::Type {
        scalar: Some(crate::schema::Scalar::String),
        ..Default::default()
    };
    let id = schema.add(text);
    let ty = ObjectType::new(&schema, id.plain());
    let type_of = |_: &str| Some(ty);
    let filters = BTreeMap::new();
    let updater = Updater {
        versions: Versions {
            type_of: &type_of,
            convert: &|object, _| Ok(object.clone()),
        },
        version: "v1",
        filters: &filters,
    };
    let apply = |live: Value, config: Value| {
        let applied = updater.apply(&live, &config, Managers::new(), "it", false);
        applied.expect_err("one of them is wrong")
    };

    assert!(matches!(apply(json!(1), json!("a")), MergeError::Live(_)));
    assert!(matches!(apply(json!("a"), json!(1)), MergeError::Config(_)));
    let written = updater.update(&json!("a"), &json!(1), Managers::new(), "it");
    assert!(matches!(written, Err(MergeError::New(_))));
}

#[test]
fn set_with_named_fields_has_those_around_it() {
    let types: Value = yaml(
        "
        types:
        - name: root
          map:
            fields:
            - {name: named, type: {namedType: root}}
            - {name: list, type: {list: {elementType: {namedType: root}, elementRelationship: associative, keys: [name]}}}
            - {name: map, type: {map: {elementType: {namedType: root}}}}
        ",
    );
    let root = super::read::Typed::new(&types, "root");
    let fields: FieldSet = set(&json!({
        "f:named": {"f:named": {"f:value": {}}},
        "f:list": {"k:{\"name\":\"a\"}": {"f:named": {"f:value": {}}}},
        "f:map": {"f:a": {"f:named": {"f:value": {}}}},
    }));

    let named = fields.with_named_fields(Some(root.ty()));

    assert_eq!(
        named.to_fields_v1(),
        json!({
            "f:named": {".": {}, "f:named": {".": {}, "f:value": {}}},
            "f:list": {".": {}, "k:{\"name\":\"a\"}": {"f:named": {".": {}, "f:value": {}}}},
            "f:map": {".": {}, "f:a": {"f:named": {".": {}, "f:value": {}}}},
        })
    );
}
