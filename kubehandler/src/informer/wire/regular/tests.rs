use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn value(text: &str) -> Value {
    let mut json = serde_json::Deserializer::from_str(text);
    json.disable_recursion_limit();
    serde::Deserialize::deserialize(&mut json).expect("JSON")
}

#[test]
fn text_in_order_stays_as_it_is() {
    for text in [
        "{}",
        r#"{"a":1,"b":{"a":[1,{"a":2}]},"metadata":{"a":1}}"#,
        r#" { "a\n" : "\"\ud83d\ude00" } "#,
    ] {
        assert_eq!(regular(text), None, "{text}");
    }
}

#[test]
fn text_that_is_no_object_is_left_alone() {
    for text in [
        "",
        "7",
        "[]",
        r#"{"a":1,"a":2"#,
        r#"{"a":1,"a":2}}"#,
        r#"{"a":[{"b":1,,}],"a":2}"#,
    ] {
        assert_eq!(regular(text), None, "{text}");
    }
}

#[test]
fn last_of_two_members_counts_and_metadata_is_merged() {
    for (text, expected) in [
        (r#"{"a":1,"b":2,"a":[3]}"#, r#"{"a":[3],"b":2}"#),
        (r#"{"a":{"x":1},"a":{"y":2}}"#, r#"{"a":{"y":2}}"#),
        (r#"{"a":1,"a":null}"#, r#"{"a":null}"#),
        (r#"[{"a":1,"\u0061":2}]"#, r#"[{"a":2}]"#),
        (
            r#"{"metadata":{"l":{"x":1}},"metadata":{"l":{"y":2}}}"#,
            r#"{"metadata":{"l":{"x":1,"y":2}}}"#,
        ),
        (
            r#"{"metadata":{"o":[{"a":{"x":1},"a":{"y":2}}]}}"#,
            r#"{"metadata":{"o":[{"a":{"y":2}}]}}"#,
        ),
        (
            r#"{"metadata":{"name":"a","l":{},"name":null,"l":null},"metadata":null}"#,
            r#"{"metadata":{"name":"a","l":null}}"#,
        ),
    ] {
        // Only an object is made regular.
        let (text, expected) = match text.strip_prefix('[') {
            Some(_) => (format!(r#"{{"":{text}}}"#), format!(r#"{{"":{expected}}}"#)),
            None => (text.to_owned(), expected.to_owned()),
        };
        assert_eq!(regular(&text), Some(expected), "{text}");
    }
}

#[test]
fn half_of_a_surrogate_pair_becomes_a_replacement_character() {
    let text = r#"{"a\ud800":"\udc00x","b":["\ud83d\ude00",7]}"#;

    let mended = regular(text).expect("mended");

    assert_eq!(
        mended,
        "{\"a\u{fffd}\":\"\u{fffd}x\",\"b\":[\"\u{1f600}\",7]}"
    );
}

/// A document as text, of up to 10,000 levels, with white space, escapes, and names that come twice.
fn document() -> impl Strategy<Value = String> {
    let space = prop_oneof![4 => Just(""), 1 => "[ \r\n\t]{1,2}".prop_map(|_| " \t\r\n")];
    let text = "([ab\u{e9}\u{1f600}]|\\\\[nt\"/\\\\]|\\\\u006[1-3]|\\\\ud83d\\\\ude00){0,3}";
    let name = prop_oneof![Just("a"), Just("b"), Just("\\u0061"), Just("")];
    let scalar = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("-1.5e3".to_owned()),
        any::<u64>().prop_map(|number| number.to_string()),
        text.prop_map(|text| format!("\"{text}\"")),
    ];
    let inner = scalar.prop_recursive(5, 60, 6, move |inner| {
        let member = (space.clone(), name.clone(), space.clone(), inner.clone());
        let member = member.prop_map(|(before, name, after, value)| {
            format!("{before}\"{name}\"{after}:{before}{value}{after}")
        });
        prop_oneof![
            proptest::collection::vec(inner, 0..5).prop_map(|all| format!("[{}]", all.join(" ,"))),
            proptest::collection::vec(member, 0..6)
                .prop_map(|all| format!("{{{}}}", all.join(","))),
        ]
    });
    (
        inner,
        prop_oneof![9 => 0..4_usize, 1 => 9_900..9_990_usize],
        any::<bool>(),
    )
        .prop_map(|(inner, depth, twice)| {
            let (open, close) = if twice {
                ("{\"a\":0,\"a\":[", "]}")
            } else {
                ("[{\"b\":", "}]")
            };
            let (open, close) = (open.repeat(depth / 2), close.repeat(depth / 2));
            format!("{{\"x\":{open}{inner}{close}}}")
        })
}

/// Runs a test where `serde_json` can recurse.
fn with_stack(
    test: impl FnOnce() -> Result<(), TestCaseError> + Send,
) -> Result<(), TestCaseError> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(1 << 28);
        let test = thread.spawn_scoped(scope, test).expect("a thread");
        test.join().expect("no panic")
    })
}

proptest! {
    #[test]
    fn regular_text_says_the_same(text in document()) {
        with_stack(|| {
            // Of serde_json's map, too, the last member of a name is what is left.
            let expected = value(&text);
            let mended = regular(&text).unwrap_or_else(|| text.clone());
            prop_assert_eq!(value(&mended), expected);
            prop_assert_eq!(regular(&mended), None, "once is enough");
            Ok(())
        })?;
    }

    #[test]
    fn document_that_is_cut_or_damaged_does_no_harm(
        text in document(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = text.into_bytes();
        let cut = at.index(bytes.len());
        prop_assert_eq!(regular(&scan::lossy(&bytes[..cut])), None);
        bytes[cut] = byte;
        let damaged = scan::lossy(&bytes).into_owned();
        with_stack(|| {
            let is_json = serde_json::from_str::<&serde_json::value::RawValue>(&damaged).is_ok();
            if let Some(mended) = regular(&damaged) && is_json {
                prop_assert_eq!(regular(&mended), None);
            }
            Ok(())
        })?;
    }
}
