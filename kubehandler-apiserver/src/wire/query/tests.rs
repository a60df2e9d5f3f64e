//! How queries are read.

use super::*;

#[test]
fn pairs_are_unescaped_and_bad_ones_left_out() {
    let cases: [(&str, &[(&str, &str)]); 8] = [
        ("", &[]),
        ("&&", &[]),
        ("a=1&b=x+y%2B&a=2", &[("a", "1"), ("b", "x y+"), ("a", "2")]),
        ("watch&x=", &[("watch", ""), ("x", "")]),
        ("=a&a=b=c", &[("", "a"), ("a", "b=c")]),
        ("a=%zz&b=%4&c=%", &[]),
        ("a=1;b=2&c=3", &[("c", "3")]),
        ("%c3%a9=%41%00", &[("é", "A\0")]),
    ];

    for (text, expected) in cases {
        let query = Query::parse(text);
        let pairs: Vec<_> = query
            .pairs
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        assert_eq!(pairs, expected, "{text}");
    }
}

#[test]
fn too_many_parameters_are_none() {
    let most = vec!["a=1"; MAX_PARAMETERS].join("&");

    assert_eq!(Query::parse(&most).all("a").count(), MAX_PARAMETERS);
    assert_eq!(Query::parse(&format!("{most}&a=1")), Query::default());
}

#[test]
fn flag_says_yes_unless_it_says_no() {
    let cases = [
        ("", None),
        ("x=0", Some(false)),
        ("x=False", Some(false)),
        ("x", Some(true)),
        ("x=", Some(true)),
        ("x=no", Some(true)),
        ("x=false&x=true", Some(false)),
    ];

    for (text, expected) in cases {
        assert_eq!(Query::parse(text).flag("x"), expected, "{text}");
    }
}

#[test]
fn integer_is_decimal_and_has_64_bits() {
    let integer = |text| {
        Query::parse(text)
            .integer("x")
            .map_err(|failure| failure.message)
    };
    let refused = |value, why| Err(format!("strconv.ParseInt: parsing \"{value}\": {why}"));

    assert_eq!(integer(""), Ok(None));
    assert_eq!(integer("x=-5"), Ok(Some(-5)));
    assert_eq!(integer("x=%2b5"), Ok(Some(5)));
    assert_eq!(integer("x"), refused("", "invalid syntax"));
    assert_eq!(integer("x=1.5"), refused("1.5", "invalid syntax"));
    assert_eq!(integer("x=-"), refused("-", "invalid syntax"));
    assert_eq!(
        integer("x=99999999999999999999"),
        refused("99999999999999999999", "value out of range")
    );
}
