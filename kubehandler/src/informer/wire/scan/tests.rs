use proptest::prelude::*;
use serde_json::{Value, json, value::RawValue};

use super::*;

/// Walks a whole document into a `Value`, each object and array in place.
fn walk(text: &[u8]) -> Result<Value, Malformed> {
    let scalar = |text: &[u8]| serde_json::from_slice(text).map_err(|_| malformed("JSON", 0));
    match text.first() {
        Some(b'{') => {
            let mut members = Members::of(text)?;
            let object = walk_members(&mut members)?;
            members.ends_the_text().map(|()| object)
        }
        Some(b'[') => {
            let mut elements = Elements::of(text)?;
            walk_elements(&mut elements)
        }
        _ => scalar(text),
    }
}

fn walk_members(members: &mut Members<'_>) -> Result<Value, Malformed> {
    let mut object = serde_json::Map::new();
    while let Some(Name { name, start }) = members.next()? {
        assert_eq!(members.text()[start], b'"');
        let name = String::from_utf8(name.into_owned()).map_err(|_| malformed("text", start))?;
        let value = match members.first_byte() {
            Some(b'{') => {
                let mut inner = members.members()?;
                let value = walk_members(&mut inner)?;
                members.leave(inner.at());
                value
            }
            Some(b'[') => {
                let mut inner = members.elements()?;
                let value = walk_elements(&mut inner)?;
                members.leave(inner.at());
                value
            }
            _ => walk(members.value()?)?,
        };
        object.insert(name, value);
    }
    Ok(Value::Object(object))
}

fn walk_elements(elements: &mut Elements<'_>) -> Result<Value, Malformed> {
    let mut array = Vec::new();
    while elements.next()? {
        array.push(match elements.first_byte() {
            Some(b'{') => {
                let mut inner = elements.members()?;
                let value = walk_members(&mut inner)?;
                elements.leave(inner.at());
                value
            }
            // Passed over here, and walked on its own.
            _ => walk(elements.value()?)?,
        });
    }
    Ok(Value::Array(array))
}

fn document() -> impl Strategy<Value = Value> {
    let text = prop_oneof!["[a-z]{0,12}", "[\"\\\\/{}\\[\\],:a-z\u{1}é😀]{0,20}",];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|number| Value::from(f64::from(number) / 4.0)),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((text.clone(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn walked_document_is_the_document(value in document(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) };

        prop_assert_eq!(walk(&text.expect("JSON")), Ok(value));
    }

    #[test]
    fn no_text_panics_and_every_cut_document_is_refused(value in document(), cut in any::<prop::sample::Index>()) {
        let whole = serde_json::to_vec(&json!([value])).expect("JSON");
        let cut = &whole[..cut.index(whole.len())];

        prop_assert!(walk(cut).is_err());
    }

    #[test]
    fn whatever_serde_takes_is_walked(text in "[\\[\\]{}:,\"\\\\ 0-9a-z\\n.-]{0,24}") {
        let is_json = serde_json::from_str::<Box<RawValue>>(&text).is_ok();

        let walked = walk(text.trim_ascii().as_bytes());

        if is_json && text.trim_ascii().starts_with(['{', '[']) {
            prop_assert!(walked.is_ok(), "{text}: {walked:?}");
        }
    }
}

#[test]
fn object_that_breaks_the_grammar_where_it_is_walked_is_refused() {
    for text in [
        "",
        "{",
        "[]",
        "7",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1}x",
        "{\"a\":{}",
        "{\"a\":\"b}",
        "{a:1}",
        "{\"a\":1]",
        "{\"a\\\"",
    ] {
        let read = || {
            let mut members = Members::of(text.as_bytes())?;
            while members.next()?.is_some() {
                members.value()?;
            }
            members.ends_the_text()
        };

        assert!(read().is_err(), "{text}");
    }
}

#[test]
fn name_and_text_are_read_however_they_are_written() {
    let mut members = Members::of(br#"{"na\u006de": "we\u0062"}"#).expect("an object");
    let Name { name, start } = members.next().expect("a member").expect("one");

    assert_eq!((&*name, start), (&b"name"[..], 1));
    let value = members.value().expect("a value");
    assert_eq!(text(value).expect("a string"), "web");
    assert_eq!(text(b"null").expect("null"), "");
    assert!(text(b"7").is_err());
    assert!(text(b"\"a\nb\"").is_err());
}

/// Each was given to Go 1.26's `encoding/json`.
#[test]
fn string_reads_as_go_reads_it() {
    for (json, meant) in [
        (
            &br#""a\"\\\/\b\f\n\r\tz""#[..],
            Some("a\"\\/\u{8}\u{c}\n\r\tz"),
        ),
        (br#""\u0041\u00e9\u20AC""#, Some("A\u{e9}\u{20ac}")),
        (br#""\ud83d\ude00""#, Some("\u{1f600}")),
        (br#""\ud800""#, Some("\u{fffd}")),
        (br#""\ud800\u0041""#, Some("\u{fffd}A")),
        (br#""\ud800\ud83d\ude00""#, Some("\u{fffd}\u{1f600}")),
        (br#""\ude00x\ud800""#, Some("\u{fffd}x\u{fffd}")),
        (br#""\ud800\n""#, Some("\u{fffd}\n")),
        (b"\"\xff\"", Some("\u{fffd}")),
        (b"\"\xe2\x82x\"", Some("\u{fffd}\u{fffd}x")),
        (b"\"\xed\xa0\x80\"", Some("\u{fffd}\u{fffd}\u{fffd}")),
        (b"\"\xe2\x82\\u0041\"", Some("\u{fffd}\u{fffd}A")),
        (br#""\ud800\u""#, None),
        (br#""\u12g4""#, None),
        (br#""\u123""#, None),
        (br#""\x41""#, None),
        (b"\"\t\"", None),
        (br#""a"b""#, None),
        (b"\"", None),
    ] {
        assert_eq!(text(json).ok().as_deref(), meant, "{}", json.escape_ascii());
    }
}

#[test]
fn arrays_within_arrays_take_no_stack() {
    let deep = format!(
        "{}7,{{\"a\":[8]}}{},9]",
        "[".repeat(200_000),
        "]".repeat(199_999)
    );
    let mut elements = Elements::of(deep.as_bytes()).expect("an array");
    let (mut depth, mut found) = (0, Vec::new());

    while elements.next_flat(&mut depth).expect("JSON") {
        found.push(elements.value().expect("a value"));
    }

    assert_eq!(found, [&b"7"[..], b"{\"a\":[8]}", b"9"]);
    assert_eq!(super::depth(deep.as_bytes()), 200_002);
    assert_eq!(super::depth(br#"{"a":"[[[\"[","b":[],"c":[{}]}"#), 3);
}
