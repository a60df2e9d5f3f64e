//! Values, paths and sets as texts.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::read::set;
use crate::merge::{
    FieldPath, FieldSet, PathElement,
    printed::{as_source, plain},
    values::{compare, equal},
};

fn key(fields: &[(&str, Value)]) -> PathElement {
    let fields = fields.iter();
    PathElement::Key(
        fields
            .map(|(name, value)| ((*name).into(), value.clone()))
            .collect(),
    )
}

#[test]
fn values_of_all_types_have_one_order() {
    let values = [
        json!(-1),
        json!(0.5),
        json!(1),
        json!(1.14),
        json!(u64::MAX),
        json!(""),
        json!("a"),
        json!("ab"),
        json!("b"),
        json!(false),
        json!(true),
        json!([]),
        json!([1]),
        json!([1, 2]),
        json!([2]),
        json!({}),
        json!({"a": 1}),
        json!({"a": 1, "b": 0}),
        json!({"a": 2}),
        json!({"b": 1}),
        json!(null),
    ];

    for (i, lhs) in values.iter().enumerate() {
        for (j, rhs) in values.iter().enumerate() {
            assert_eq!(compare(lhs, rhs), i.cmp(&j), "{lhs} and {rhs}");
            assert_eq!(equal(lhs, rhs), i == j, "{lhs} and {rhs}");
        }
    }
}

#[test]
fn numbers_are_equal_by_their_amount() {
    assert_eq!(compare(&json!(1), &json!(1.0)), Ordering::Equal);
    assert!(equal(&json!({"a": [1, 2.0]}), &json!({"a": [1.0, 2]})));
    assert!(!equal(
        &json!(9_007_199_254_740_993_i64),
        &json!(9_007_199_254_740_992_i64)
    ));
    assert!(equal(
        &json!(9_007_199_254_740_993_i64),
        &json!(9_007_199_254_740_992.0)
    ));
}

#[test]
fn path_is_printed_as_go_prints_it() {
    let field = PathElement::field;
    let cases = [
        (
            vec![field("foo"), PathElement::Index(1), field("baz")],
            ".foo[1].baz",
        ),
        (
            vec![
                field("foo"),
                key(&[
                    ("a", json!("b")),
                    ("c", json!(1)),
                    ("d", json!(1.5)),
                    ("e", json!(true)),
                    ("f", json!(null)),
                ]),
            ],
            r#".foo[a="b",c=1,d=1.5,e=true,f=null]"#,
        ),
        (
            vec![
                PathElement::Value(json!("say \"hi\" 🔑")),
                PathElement::Value(json!(1_000_000)),
                PathElement::Value(json!(1_000_000.0)),
                PathElement::Value(json!(0.000_012)),
                PathElement::Value(json!(80.0)),
                PathElement::Value(json!([1, "a"])),
                PathElement::Value(json!({"a": 1, "b": false})),
            ],
            r#"[="say \"hi\" 🔑"][=1000000][=1e+06][=1.2e-05][=80][=[1,"a"]][=a=1b=false]"#,
        ),
        (vec![field("field with space")], ".field with space"),
        (vec![], ""),
    ];

    for (path, expected) in cases {
        assert_eq!(FieldPath(path).to_string(), expected);
    }
}

#[test]
fn value_is_printed_as_go_prints_it() {
    let value = json!({"b": [1, 2.5, null], "a": "x", "c": {"d": true}});

    assert_eq!(plain(&value), "map[a:x b:[1 2.5 <nil>] c:map[d:true]]");
    assert_eq!(
        as_source(&value),
        "map[string]interface {}{\"a\":\"x\", \"b\":[]interface {}{1, 2.5, interface {}(nil)}, \"c\":map[string]interface {}{\"d\":true}}"
    );
}

#[test]
fn elements_come_fields_first() {
    let elements = [
        PathElement::field("a"),
        PathElement::field("b"),
        key(&[("a", json!(1))]),
        key(&[("a", json!(1)), ("b", json!(1))]),
        key(&[("a", json!(2))]),
        key(&[("b", json!(0))]),
        PathElement::Value(json!(1)),
        PathElement::Value(json!("a")),
        PathElement::Index(1),
        PathElement::Index(2),
    ];

    for (i, lhs) in elements.iter().enumerate() {
        for (j, rhs) in elements.iter().enumerate() {
            assert_eq!(lhs.cmp(rhs), i.cmp(&j), "{lhs} and {rhs}");
        }
    }
}

/// Returns the set with one element, as it is written once it was read.
fn reread(element: &str) -> Result<String, String> {
    let read = FieldSet::from_fields_v1(&json!({ element: {} }))?;
    serde_json::to_string(&read).map_err(|error| error.to_string())
}

#[test]
fn element_is_written_as_it_was_read() {
    let elements = [
        "i:0",
        "i:1234",
        "i:-1",
        "f:",
        "f:spec",
        "f: string-with-spaces   ",
        "f:a:b",
        r"f:spec-\n",
        "f:spec-🚀",
        r#"k:{"name":"my-container"}"#,
        r#"k:{"name":"   name with spaces   "}"#,
        r#"k:{"port":"8080","protocol":"TCP"}"#,
        r#"k:{"port":8080,"protocol":"TCP"}"#,
        r#"k:{"optionalField":null}"#,
        r#"k:{"jsonField":{"A":1,"B":null,"C":"D","E":{"F":"G"}}}"#,
        r#"k:{"listField":["1","2","3"]}"#,
        r#"k:{"name":"app with-unicøde"}"#,
        r#"k:{"name":"你好世界"}"#,
        "k:{}",
        "v:null",
        r#"v:"some-string""#,
        "v:1234",
        "v:1.5",
        "v:1e-07",
        "v:1e+21",
        "v:true",
        r#"v:{"some":" some  with spaces  "}"#,
        r#"v:"\u003cb\u003e\u0026\u2028\u0001\n""#,
    ];

    for element in elements {
        let expected = serde_json::to_string(&json!({ element: {} }));
        assert_eq!(reread(element), expected.map_err(|error| error.to_string()));
    }
}

#[test]
fn element_is_written_in_one_way() {
    let elements = [
        (r#"v: {"some":"json"}"#, r#"v:{"some":"json"}"#),
        (r#"k:{"name":"a"} "#, r#"k:{"name":"a"}"#),
        (r#"k:{"b":1,"a":2.0}"#, r#"k:{"a":2,"b":1}"#),
        (r#"k:{"name-\ud83d\ude80":"a"}"#, r#"k:{"name-🚀":"a"}"#),
        (r#"k:{"a<b":"a<b"}"#, r#"k:{"a<b":"a\u003cb"}"#),
        ("k:null", "k:{}"),
        (r#"v:"\u4f60\u597d""#, r#"v:"你好""#),
        ("v:100000000000000000000", "v:100000000000000000000"),
        ("i:+5", "i:5"),
    ];

    for (element, expected) in elements {
        let expected = serde_json::to_string(&json!({ expected: {} }));
        assert_eq!(reread(element), expected.map_err(|error| error.to_string()));
    }
}

#[test]
fn wrong_element_is_refused() {
    let elements = [
        "",
        ":",
        "v",
        "no-colon",
        "x",
        "i:index is not a number",
        "i:1.23",
        "i:",
        "i: 0",
        "i:0 ",
        "v:invalid json",
        "v:",
        "k:invalid json",
        r#"k:{"name":invalid}"#,
        r#"v:{"some":" \x41"}"#,
        r#"v:{"a":"b""#,
        r#"k:{"a":"b""#,
        r#"v:{"some":"json"} {"other":"json"}"#,
        r#"k:{"name":"a"} garbage"#,
    ];

    for element in elements {
        let error = reread(element).expect_err(element);
        let is_named = error.contains("missing colon") || error.contains(&format!("{element:?}"));
        assert!(is_named, "{error}");
    }
}

#[test]
fn elements_of_unknown_kinds_are_left_out() {
    let read = set(&json!({"r:Hello": {"f:a": {}}, "f:a": {"x:y": {}}, "::": 1}));

    assert_eq!(read.to_fields_v1(), json!({"f:a": {}}));
}

#[test]
fn set_is_an_object_of_objects() {
    for wrong in [
        json!([]),
        json!(42),
        json!("hi"),
        json!({"f:a": 1}),
        json!({"f:a": []}),
    ] {
        let error = FieldSet::from_fields_v1(&wrong).expect_err("it is no set");
        assert!(error.contains("expected an object or null"), "{error}");
    }
    for empty in [json!(null), json!({}), json!({".": {}})] {
        assert!(set(&empty).is_empty(), "{empty}");
    }
    assert_eq!(set(&json!({"f:a": null})), set(&json!({"f:a": {}})));
    for text in [
        r#"{"f:a":{},}"#,
        r#"{"f:a""#,
        r#"{"f:a":{}}{}"#,
        "",
        "{1:{}}",
    ] {
        assert!(serde_json::from_str::<FieldSet>(text).is_err(), "{text}");
    }
}

#[test]
fn set_is_written_in_its_order() {
    let text = r#"{"i:2":{},"v:true":{},"v:\"a\"":{},"v:3":{},"k:{\"name\":\"b\"}":{"f:x":{},".":{}},"k:{\"name\":\"a\"}":{},"f:b":{"f:c":{}},"f:a":{},"f:b":{"f:d":{}}}"#;
    let read: FieldSet = serde_json::from_str(text).expect("it is a set");

    let written = serde_json::to_string(&read).expect("a set is JSON");

    // What is below a field that is there twice is what came last.
    assert_eq!(
        written,
        r#"{"f:a":{},"f:b":{"f:d":{}},"k:{\"name\":\"a\"}":{},"k:{\"name\":\"b\"}":{".":{},"f:x":{}},"v:3":{},"v:\"a\"":{},"v:true":{},"i:2":{}}"#
    );
}

#[test]
fn field_does_not_bring_along_those_around_it() {
    let set = set(&json!({"f:a": {"f:b": {}, "f:c": {".": {}, "f:d": {}}}}));
    let path =
        |names: &[&str]| FieldPath(names.iter().map(|name| PathElement::field(name)).collect());

    assert!(set.has(&path(&["a", "b"])));
    assert!(set.has(&path(&["a", "c"])));
    assert!(set.has(&path(&["a", "c", "d"])));
    assert!(!set.has(&path(&["a"])));
    assert!(!set.has(&path(&["a", "b", "d"])));
    assert!(!set.has(&path(&[])));
    assert_eq!(set.len(), 3);
}
