//! How tokens are written and read.

use proptest::prelude::*;

use super::*;

#[test]
fn token_is_the_one_the_real_server_makes() {
    let token = ContinueToken {
        resource_version: 569,
        start_key: "a\0".to_owned(),
    };

    let text = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6NTY5LCJzdGFydCI6Ii9hXHUwMDAwIn0";
    assert_eq!(token.encode(), text);
    assert_eq!(ContinueToken::decode(text), Ok(token));
}

#[test]
fn slash_before_the_key_is_no_part_of_it() {
    let decode = |start| {
        let json = format!(r#"{{"v":"meta.k8s.io/v1","rv":1,"start":"{start}"}}"#);
        ContinueToken::decode(&BASE64.encode(json)).map(|token| token.start_key)
    };

    assert_eq!(decode("a/b").as_deref(), Ok("a/b"));
    assert_eq!(decode("/a/b").as_deref(), Ok("a/b"));
    for start in ["//a", "a/", "a//b", "./a", "a/.."] {
        assert!(decode(start).is_err(), "{start}");
    }
}

#[test]
fn bad_token_is_refused_in_the_words_of_the_real_server() {
    let invalid = "invalid continue token: continue key is not valid: ";
    let cases = [
        ("x", "illegal base64 data at input byte 0"),
        ("ab=c", "illegal base64 data at input byte 2"),
        ("abc\nde", "illegal base64 data at input byte 5"),
        (
            "abcd",
            "invalid character 'i' looking for beginning of value",
        ),
        (
            "W10",
            "json: cannot unmarshal array into Go value of type storage.continueToken",
        ),
        ("bnVsbA", "server does not recognize this encoded version "),
        ("e30", "server does not recognize this encoded version "),
        (
            "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MCwic3RhcnQiOiJhIn0",
            "incorrect encoded start resourceVersion (version meta.k8s.io/v1)",
        ),
        (
            "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6IngiLCJzdGFydCI6ImEifQ",
            "json: cannot unmarshal string into Go struct field continueToken.rv of type int64",
        ),
        (
            "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiIifQ",
            "encoded start key empty (version meta.k8s.io/v1)",
        ),
        (
            "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiIuLi9hIn0",
            "../a",
        ),
    ];

    for (token, expected) in cases {
        let message = ContinueToken::decode(token).unwrap_err().message;
        assert_eq!(message, format!("{invalid}{expected}"), "{token}");
    }
}

proptest! {
    #[test]
    fn any_token_is_read_or_refused(token in ".*|[A-Za-z0-9_-]{0,40}") {
        let _ = ContinueToken::decode(&token);
    }

    #[test]
    fn token_comes_back_as_it_went(
        resource_version in prop_oneof![Just(-1_i64), 1..i64::MAX],
        start_key in "[a-z]{1,5}(/[a-z]{1,5})?\0?",
    ) {
        let token = ContinueToken { resource_version, start_key };
        prop_assert_eq!(ContinueToken::decode(&token.encode()), Ok(token));
    }
}
