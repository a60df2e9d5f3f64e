//! What is JSON, and what is said of what is not.

use proptest::prelude::*;
use serde_json::json;

use super::*;

#[test]
fn text_that_is_no_json_is_refused_in_the_words_of_the_real_server() {
    let cases = [
        ("", "unexpected end of JSON input"),
        ("[", "unexpected end of JSON input"),
        ("{\"a\":", "unexpected end of JSON input"),
        ("\"a", "unexpected end of JSON input"),
        (
            "tru",
            "invalid character ' ' in literal true (expecting 'e')",
        ),
        (
            "nulx",
            "invalid character 'x' in literal null (expecting 'l')",
        ),
        ("x", "invalid character 'x' looking for beginning of value"),
        (
            "'",
            "invalid character '\\'' looking for beginning of value",
        ),
        ("é", "invalid character 'Ã' looking for beginning of value"),
        (
            "[1,]",
            "invalid character ']' looking for beginning of value",
        ),
        ("[1 2]", "invalid character '2' after array element"),
        (
            "{,",
            "invalid character ',' looking for beginning of object key string",
        ),
        (
            "{\"a\":1,}",
            "invalid character '}' looking for beginning of object key string",
        ),
        ("{\"a\" 1}", "invalid character '1' after object key"),
        (
            "{\"a\":1 \"b\"}",
            "invalid character '\"' after object key:value pair",
        ),
        ("{} {", "invalid character '{' after top-level value"),
        ("01", "invalid character '1' after top-level value"),
        ("-x", "invalid character 'x' in numeric literal"),
        (
            "1.x",
            "invalid character 'x' after decimal point in numeric literal",
        ),
        (
            "1e+",
            "invalid character ' ' in exponent of numeric literal",
        ),
        ("\"\n\"", "invalid character '\\n' in string literal"),
        ("\"\\x", "invalid character 'x' in string escape code"),
        (
            "\"\\u12g",
            "invalid character 'g' in \\u hexadecimal character escape",
        ),
    ];

    for (text, expected) in cases {
        assert_eq!(parse(text.as_bytes()), Err(expected.to_owned()), "{text}");
    }
    assert_eq!(parse(b"\"\xff\""), Ok(json!("\u{fffd}")));
}

#[test]
fn deep_json_is_refused_and_does_no_harm() {
    let nested = |depth| parse(format!("{}{}", "[".repeat(depth), "]".repeat(depth)).as_bytes());

    assert!(nested(127).is_ok());
    for depth in [128, 10_000, 1_000_000] {
        assert_eq!(
            nested(depth),
            Err("exceeded max depth".to_owned()),
            "{depth}"
        );
    }
}

proptest! {
    #[test]
    fn json_that_passes_is_json(text in r#"[\[\]{}:,"0-9a-u\\. -]{0,12}"#) {
        let is_json = serde_json::from_str::<serde_json::Value>(&text).is_ok();
        prop_assert_eq!(parse(text.as_bytes()).is_ok(), is_json);
    }
}
