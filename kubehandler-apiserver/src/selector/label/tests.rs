//! What label selectors select, and which are refused.

use proptest::prelude::*;

use super::*;

fn selects(selector: &str, labels: &[(&str, &str)]) -> bool {
    let selector = LabelSelector::parse(selector).unwrap();
    selector.matches(|key| {
        labels
            .iter()
            .find(|label| label.0 == key)
            .map(|label| label.1)
    })
}

#[test]
fn each_operator_selects_what_it_says() {
    let web = [("app", "web"), ("n", "5"), ("empty", "")];
    let cases = [
        ("", true),
        ("app=web", true),
        ("app==web,n=5", true),
        ("app=web,n=6", false),
        ("app!=web", false),
        ("none!=web", true),
        ("app in (db, web)", true),
        ("app in (db)", false),
        ("none in (db)", false),
        ("app notin (db)", true),
        ("app notin (web,db)", false),
        ("none notin (db)", true),
        ("app", true),
        ("none", false),
        ("!app", false),
        ("!none", true),
        ("n>4", true),
        ("n>5", false),
        ("n<6", true),
        ("n<5", false),
        ("app>4", false),
        ("none<4", false),
        ("empty=", true),
        ("empty in ()", true),
        ("none=", false),
        ("app in (,web)", true),
        ("empty in (a,,b)", true),
        ("empty in (a,)", true),
        ("app in (a,)", false),
    ];

    for (selector, expected) in cases {
        assert_eq!(selects(selector, &web), expected, "{selector}");
    }
}

#[test]
fn keywords_can_be_keys_and_values() {
    assert!(selects("in in (notin)", &[("in", "notin")]));
    assert!(selects("notin=in", &[("notin", "in")]));
}

#[test]
fn selector_is_written_in_the_order_of_its_keys() {
    let cases = [
        ("", ""),
        ("b=2,a", "a,b=2"),
        (" x  in(c , a,a) ,!y", "x in (a,c),!y"),
        (
            "a==1,b!=2,c notin (), d>3,e<4",
            "a==1,b!=2,c notin (),d>3,e<4",
        ),
        ("a\0b", "a"),
        ("\0-", ""),
    ];

    for (text, expected) in cases {
        let parsed = LabelSelector::parse(text).map(|selector| selector.to_string());
        let expected = match text {
            "a\0b" => Err(
                "unable to parse requirement: found 'b', expected: in, notin, =, ==, \
                           !=, gt, lt"
                    .to_owned(),
            ),
            _ => Ok(expected.to_owned()),
        };
        assert_eq!(parsed, expected, "{text:?}");
    }
}

#[test]
fn nothing_required_is_everything() {
    assert!(LabelSelector::parse("").unwrap().is_everything());
    assert!(!LabelSelector::parse("a").unwrap().is_everything());
}

#[test]
fn bad_grammar_is_refused_in_the_words_of_the_real_server() {
    let requirement = "unable to parse requirement: ";
    let cases = [
        (
            ",a",
            "found ',', expected: !, identifier, or 'end of string'",
        ),
        (
            "(",
            "found '(', expected: !, identifier, or 'end of string'",
        ),
        ("a=b=c", "found '=', expected: ',' or 'end of string'"),
        ("!a b", "found 'b', expected: ',' or 'end of string'"),
        ("a,", "found '', expected: identifier after ','"),
        ("a,,b", "found ',', expected: identifier after ','"),
        ("a in (x", "R found '', expected: ',' or ')'"),
        ("a b", "R found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        (
            "a!!b",
            "R found '!', expected: in, notin, =, ==, !=, gt, lt",
        ),
        ("a in b", "R found 'b' expected: '('"),
        ("a in (=", "R found '=', expected: ',', ')' or identifier"),
        ("a in (,=)", "R found '=', expected: ',', or identifier"),
        ("a==)", "R found ')', expected: identifier"),
        ("!", "R found '', expected: identifier"),
    ];

    for (text, expected) in cases {
        let expected = expected.replace("R ", requirement);
        assert_eq!(LabelSelector::parse(text), Err(expected), "{text}");
    }
}

#[test]
fn bad_keys_and_values_are_refused_in_the_words_of_the_real_server() {
    const KEY: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    const VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
    let long = "a".repeat(64);
    let cases = [
        ("-a".to_owned(), format!("<nil>: Invalid value: \"-a\": name part {KEY}")),
        (
            "A/b/c".to_owned(),
            format!("<nil>: Invalid value: \"A/b/c\": a valid label key {KEY} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"),
        ),
        ("/x".to_owned(), "<nil>: Invalid value: \"/x\": prefix part must be non-empty".to_owned()),
        (
            "a/".to_owned(),
            format!("<nil>: Invalid value: \"a/\": name part must be non-empty; name part {KEY}"),
        ),
        (
            "e_x/x".to_owned(),
            r#"<nil>: Invalid value: "e_x/x": prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"#.to_owned(),
        ),
        (
            long.clone(),
            format!("<nil>: Invalid value: \"{long}\": name part must be no more than 63 bytes"),
        ),
        ("a=-b".to_owned(), format!("values[0][a]: Invalid value: \"-b\": {VALUE}")),
        (
            "a in (_c,-b,x)".to_owned(),
            format!("[values[0][a]: Invalid value: \"-b\": {VALUE}, values[1][a]: Invalid value: \"_c\": {VALUE}]"),
        ),
        (
            format!("a={long}"),
            format!("values[0][a]: Invalid value: \"{long}\": must be no more than 63 bytes"),
        ),
        (
            "a>x".to_owned(),
            "values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer".to_owned(),
        ),
    ];

    for (text, expected) in cases {
        let expected = format!("unable to parse requirement: {expected}");
        assert_eq!(LabelSelector::parse(&text), Err(expected), "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".*") {
        let _ = LabelSelector::parse(&text);
    }

    #[test]
    fn what_is_read_is_written_so_that_it_reads_the_same(
        text in r"(in|notin|a|b/c|!|=|==|!=|<|>|\(|\)|,| |5|-){0,12}",
    ) {
        if let Ok(selector) = LabelSelector::parse(&text) {
            let again = LabelSelector::parse(&selector.to_string());
            prop_assert_eq!(again, Ok(selector));
        }
    }
}
