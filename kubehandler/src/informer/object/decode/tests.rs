use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::k8s::ConfigMap;

/// Why a text was refused, shortly.
fn why(refused: Refused<'_>) -> String {
    match refused {
        Refused::Shape(_, error) => format!("shape: {error}"),
        Refused::Unread(unread) => unread.to_string(),
    }
}

fn read<T: DeserializeOwned + Send>(json: &[u8]) -> Result<T, String> {
    decode(json, why)
}

fn nested(depth: usize) -> String {
    format!(
        "{{\"a\":{}1{}}}",
        "{\"b\":".repeat(depth - 1),
        "}".repeat(depth - 1)
    )
}

#[derive(Debug, Deserialize)]
struct Strict {
    #[serde(default)]
    a: Value,
    text: Option<String>,
}

#[test]
fn value_is_decoded_up_to_the_documented_depth() {
    for depth in [1, 126, 127, 128, 200, MAX_DEPTH] {
        let mut value = read::<Value>(nested(depth).as_bytes()).expect("decoded");
        for _ in 0..depth {
            value = value
                .as_object_mut()
                .and_then(|it| it.values_mut().next())
                .expect("a level")
                .take();
        }
        assert_eq!(value, json!(1), "{depth}");
    }
}

#[test]
fn value_of_that_depth_is_dropped_on_half_of_the_stack_of_a_worker() {
    let thread = std::thread::Builder::new().stack_size(1 << 20);

    let dropped = thread.spawn(|| drop(read::<Value>(nested(MAX_DEPTH).as_bytes())));

    assert!(dropped.expect("a thread").join().is_ok());
}

#[test]
fn value_beyond_that_depth_is_refused_in_few_words() {
    for depth in [MAX_DEPTH + 1, 10_000, 1_000_000] {
        let refused = read::<Value>(nested(depth).as_bytes()).expect_err("too deep");

        let expected = format!("it is nested {depth} levels deep, and at most 768 are decoded");
        assert_eq!(refused, expected);
    }
}

#[test]
fn depth_that_nothing_is_decoded_from_does_not_count() {
    let json = format!(r#"{{"data":{{"a":"b"}},"other":{}}}"#, nested(50_000));

    let map = read::<ConfigMap>(json.as_bytes()).expect("decoded");

    assert_eq!(map.data.map(|data| data["a"].clone()).as_deref(), Some("b"));
}

#[test]
fn shape_of_a_deep_value_is_explained_where_there_is_the_stack_for_it() {
    let json = format!(r#"{{"a":{},"text":7}}"#, nested(700));

    let refused = decode::<Strict, String>(json.as_bytes(), |refused| {
        let Refused::Shape(text, error) = refused else {
            return "unread".to_owned();
        };
        let mut again = serde_json::Deserializer::from_str(text);
        again.disable_recursion_limit();
        assert!(Strict::deserialize(&mut again).is_err());
        error.to_string()
    });

    let refused = refused.expect_err("`text` is no number");
    assert!(
        refused.starts_with("invalid type: integer `7`"),
        "{refused}"
    );
}

#[test]
fn panic_of_the_type_is_its_caller_s_to_contain() {
    #[derive(Debug)]
    struct Panics;
    impl<'de> Deserialize<'de> for Panics {
        fn deserialize<D: serde::Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
            Value::deserialize(json)?;
            panic!("told to")
        }
    }

    let panicked = std::panic::catch_unwind(|| read::<Panics>(nested(300).as_bytes()));

    let panic = panicked.expect_err("a panic");
    assert_eq!(panic.downcast_ref(), Some(&"told to"));
}

/// serde's derived types refuse a member that comes twice.
#[test]
fn members_that_come_twice_are_decoded_and_the_last_counts() {
    let json = r#"{"text":"a","a":1,"text":"b","a":{"x":1,"x":2}}"#;

    let read = read::<Strict>(json.as_bytes()).expect("decoded");

    assert_eq!((read.text.as_deref(), read.a), (Some("b"), json!({"x": 2})));
}

#[test]
fn text_that_is_not_unicode_is_decoded_as_go_decodes_it() {
    let json =
        b"{\"text\":\"\xff\xe2\x82\\ud800\\ud83d\\ude00\",\"a\":{\"\\udc00\":\"\xff\"},\"\xff\":1}";

    let read = read::<Strict>(json).expect("decoded");

    assert_eq!(
        read.text.as_deref(),
        Some("\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{1f600}")
    );
    assert_eq!(read.a, json!({"\u{fffd}": "\u{fffd}"}));
}

#[test]
fn what_is_no_json_is_explained_as_it_stands() {
    for json in [
        "",
        "{",
        "{\"text\":\"\n\"}",
        "{\"text\":tru}",
        "{\"text\":1,\"text\":2}",
    ] {
        assert!(read::<Strict>(json.as_bytes()).is_err(), "{json}");
    }
}
