use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::{Deserialize, de::DeserializeOwned, de::IgnoredAny};
use serde_json::{Value, json, value::RawValue};

use super::*;
use crate::k8s::{Pod, Secret};

/// Stands for what must not be told.
const SECRET: &str = "hunter2";

/// Has every form of type that serde knows.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(dead_code)]
struct Everything {
    text: String,
    character: Option<char>,
    flag: bool,
    small: u8,
    signed: i64,
    float: f32,
    unit: (),
    pair: (u8, String),
    fixed: [bool; 2],
    list: Vec<Everything>,
    by_name: BTreeMap<String, u16>,
    by_number: BTreeMap<i32, bool>,
    by_flag: BTreeMap<bool, Word>,
    word: Word,
    tagged: Option<Tagged>,
    untagged: Option<Untagged>,
    strict: Option<Strict>,
    flat: Option<Flat>,
    newtype: Option<Newtype>,
    raw: Option<Box<RawValue>>,
    any: Value,
    ignored: Option<IgnoredAny>,
    #[serde(deserialize_with = "refuse")]
    refused: (),
}

#[derive(Debug, Default, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[allow(dead_code)]
enum Word {
    #[default]
    Unit,
    Newtype(Box<Word>),
    Tuple(u8, u8),
    Struct {
        a: u8,
    },
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind")]
#[allow(dead_code)]
enum Tagged {
    A { size: u8 },
    B,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[allow(dead_code)]
enum Untagged {
    Number(u8),
    Name(BTreeMap<String, bool>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Strict {
    a: u8,
    #[serde(default)]
    b: String,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
struct Flat {
    a: u8,
    #[serde(flatten)]
    rest: BTreeMap<String, bool>,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
struct Newtype(Option<u8>);

fn refuse<'de, D: serde::Deserializer<'de>>(json: D) -> Result<(), D::Error> {
    let value = Value::deserialize(json)?;
    Err(serde::de::Error::custom(format!(
        "invalid type: {value}, expected {value}"
    )))
}

fn told<T: DeserializeOwned>(json: &Value) -> String {
    let json = json.to_string();
    let error = serde_json::from_str::<T>(&json).err().expect("it is wrong");
    let told = explain::<T>(json.as_bytes())
        .expect("it is wrong")
        .to_string();
    assert!(!told.contains(SECRET), "{told} for {error}");
    told
}

#[test]
fn error_names_the_type_the_field_and_what_is_expected() {
    let json = r#"{"metadata":{},"spec":{"containers":[{"name":"a","tty":"hunter2"}]}}"#;
    let error = serde_json::from_str::<Pod>(json).expect_err("tty is a bool");

    let error = DecodeError::new::<Pod>(json.as_bytes(), &error);

    assert_eq!(
        error.to_string(),
        "the object is not a valid `Pod`: `spec.containers[0].tty`: invalid type: string, expected a boolean"
    );
    assert!(error.is_of::<Pod>());
    assert!(!error.is_of::<Secret>());
}

#[test]
fn no_form_of_error_tells_the_value() {
    for (wrong, expected) in [
        (
            json!({"text": {"a": SECRET}}),
            "`text`: invalid type: map, expected a string",
        ),
        (
            json!({"flag": SECRET}),
            "`flag`: invalid type: string, expected a boolean",
        ),
        (
            json!({"small": 4242}),
            "`small`: invalid value: integer, expected u8",
        ),
        (
            json!({"character": SECRET}),
            "`character`: invalid value: string, expected a character",
        ),
        (
            json!({"pair": [1]}),
            "`pair`: invalid length 1, expected a tuple of size 2",
        ),
        (
            json!({"pair": [1, "a", SECRET]}),
            "`pair`: invalid length 3, expected fewer elements",
        ),
        (
            json!({"list": [{}, {"text": 4242}]}),
            "`list[1].text`: invalid type: integer, expected a string",
        ),
        (
            json!({"byName": {"a.b": SECRET}}),
            "`byName.a.b`: invalid type: string, expected u16",
        ),
        (
            json!({"byNumber": {"x": true}}),
            "`byNumber.x`: invalid type: string, expected i32",
        ),
        (
            json!({"word": SECRET}),
            "`word`: unknown variant, expected one of `Unit`, `Newtype`, `Tuple`, `Struct`",
        ),
        (
            json!({"word": {"Struct": {"a": SECRET}}}),
            "`word.Struct.a`: invalid type: string, expected u8",
        ),
        (
            json!({"word": {"Struct": {}}}),
            "`word.Struct`: missing field `a`",
        ),
        (
            json!({"tagged": {"kind": SECRET}}),
            "`tagged.kind`: unknown variant, expected `A` or `B`",
        ),
        (
            json!({"tagged": [1]}),
            "`tagged[0]`: invalid type: integer, expected variant identifier",
        ),
        (
            json!({"untagged": SECRET}),
            "`untagged`: invalid value: its type refuses it",
        ),
        (
            json!({"strict": {"a": 1, "c": SECRET}}),
            "`strict.c`: unknown field, expected `a` or `b`",
        ),
        (
            json!({"flat": {"a": 1, "c": SECRET}}),
            "`flat`: invalid type: string, expected a boolean",
        ),
        (
            json!({"refused": SECRET}),
            "`refused`: invalid value: its type refuses it",
        ),
        (
            json!(SECRET),
            "invalid type: string, expected struct Everything",
        ),
    ] {
        assert_eq!(told::<Everything>(&wrong), expected, "{wrong}");
    }
    let twice = r#"{"a": 1, "a": 2}"#;
    let error = explain::<Strict>(twice.as_bytes()).expect("it is wrong");
    assert_eq!(error.to_string(), "duplicate field `a`");
}

#[test]
fn secret_whose_data_is_text_is_not_told() {
    let json = json!({"metadata": {"name": "a"}, "data": "hunter2\nFORGED"});

    let text = told::<Secret>(&json);

    assert!(
        text.starts_with("`data`: invalid type: string, expected "),
        "{text}"
    );
}

#[test]
fn text_that_is_no_json_is_not_told() {
    for json in [
        r#"{"text": "hunter2"#,
        r#"{"text": hunter2}"#,
        r#"{"text": "a" "hunter2"}"#,
        r#"{"text": "hunter2\x"}"#,
        r#"{"any": [hunter2]}"#,
        "",
        "hunter2",
    ] {
        let told = explain::<Everything>(json.as_bytes()).expect("it is wrong");
        let told = told.to_string();
        assert!(told.ends_with("not JSON"), "{told} for {json}");
        assert!(!told.contains(SECRET), "{told}");

        let error = serde_json::from_str::<Everything>(json).expect_err("it is wrong");
        assert!(WithoutValues(&error).to_string().starts_with("not JSON"));
    }
}

#[test]
fn path_is_cut_and_printable() {
    let mut json = json!(SECRET);
    for _ in 0..120 {
        json = json!({ "\n\u{1b}".repeat(5_000): json });
    }
    let json = json!({ "list": [{ "by\nName": json, "byName": { "a\n\u{202e}".repeat(5_000): SECRET } }] });

    let text = told::<Everything>(&json);

    assert!(text.starts_with(r"`list[0].byName.a\n\u{202e}"), "{text}");
    assert!(text.len() < 600, "{}", text.len());
    assert!(
        text.chars().all(kubehandler_queue::__private::is_printable),
        "{text}"
    );
}

#[test]
fn object_nested_deeper_than_it_is_decoded_is_not_explained_further() {
    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Nested {
        a: Option<Box<Nested>>,
    }
    let nested = |levels| format!("{}7{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
    let wrong = |json: &str| explain::<Nested>(json.as_bytes()).map(|told| told.to_string());

    let (within, beyond, passed_over) = with_stack(move || {
        let passed_over = format!(r#"{{"unknown": {}, "text": 1}}"#, nested(100_000));
        let told = explain::<Everything>(passed_over.as_bytes()).map(|told| told.to_string());
        (wrong(&nested(700)), wrong(&nested(100_000)), told)
    });

    let within = within.expect("it is wrong");
    let expected = "invalid type: integer, expected struct Nested";
    assert!(within.ends_with(expected), "{within}");
    let beyond = beyond.expect("it is wrong");
    let expected = "nested more than 768 levels deep";
    assert!(beyond.ends_with(expected), "{beyond}");
    // What is passed over may be as deep as it likes.
    let expected = "`text`: invalid type: integer, expected a string";
    assert_eq!(passed_over.as_deref(), Some(expected));
}

/// Runs on a stack such as deep objects are decoded on.
fn with_stack<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new().stack_size(60 << 20).spawn(run);
    let thread = thread.expect("there is room for a stack");
    thread.join().expect("it does not panic")
}

/// JSON whose names are those of the fields, and whose texts are secret.
fn documents() -> impl Strategy<Value = Value> {
    let names = prop_oneof![
        Just("text"),
        Just("character"),
        Just("flag"),
        Just("small"),
        Just("signed"),
        Just("float"),
        Just("unit"),
        Just("pair"),
        Just("fixed"),
        Just("list"),
        Just("byName"),
        Just("byNumber"),
        Just("byFlag"),
        Just("word"),
        Just("tagged"),
        Just("untagged"),
        Just("strict"),
        Just("flat"),
        Just("newtype"),
        Just("raw"),
        Just("any"),
        Just("ignored"),
        Just("a"),
        Just("b"),
        Just("kind"),
        Just("size"),
        Just("Unit"),
        Just("Newtype"),
        Just("Tuple"),
        Just("Struct"),
        Just("1"),
        Just("true"),
        Just("-7"),
    ];
    let leaves = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0_u64..4).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e6_f64..1e6).prop_map(Value::from),
        Just(json!(SECRET)),
        Just(json!("h")),
        Just(json!("Unit")),
        Just(json!("A")),
        Just(json!("with \"escapes\"\n")),
    ];
    leaves.prop_recursive(5, 40, 6, move |inner| {
        let members = proptest::collection::vec((names.clone(), inner.clone()), 0..6);
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Value::from),
            members.prop_map(|members| {
                let members = members.into_iter();
                Value::Object(
                    members
                        .map(|(name, value)| (name.to_owned(), value))
                        .collect(),
                )
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn what_decodes_is_not_explained_and_what_does_not_is(json in documents()) {
        let text = json.to_string();

        let decoded = serde_json::from_str::<Everything>(&text);
        let explained = explain::<Everything>(text.as_bytes()).map(|wrong| wrong.to_string());

        // `refused` has no document that it takes, and is in none.
        match (&decoded, &explained) {
            (Ok(_), None) | (Err(_), Some(_)) => {}
            _ => prop_assert!(false, "{text}: {decoded:?}, but {explained:?}"),
        }
        if let Some(explained) = explained {
            prop_assert!(!explained.contains(SECRET), "{explained}");
        }
        if let Err(error) = decoded {
            let without = WithoutValues(&error).to_string();
            prop_assert!(!without.contains(SECRET), "{without}");
        }
    }
}
