//! Which options are read, and which are refused.

use proptest::prelude::*;

use super::*;
use crate::wire::query::Query;

fn list(query: &str) -> Result<ListOptions, Failure> {
    ListOptions::parse(&Query::parse(query))
}

/// Returns the code and the end of the message, behind what all refusals of the options say.
pub(super) fn refused<T: std::fmt::Debug>(result: Result<T, Failure>) -> (u16, String) {
    let failure = result.unwrap_err();
    let message = &failure.message;
    let end = message
        .split_once(" \"\" is invalid: ")
        .map_or(message.as_str(), |(_, end)| end);
    (failure.code, end.to_owned())
}

#[test]
fn list_reads_all_its_options() {
    let options = list(
        "labelSelector=a%3Db&fieldSelector=metadata.name%3Dx&limit=5&continue=c&timeoutSeconds=9\
         &allowWatchBookmarks=true&resourceVersion=7&resourceVersionMatch=&pretty",
    )
    .unwrap();

    assert_eq!(options.labels.to_string(), "a=b");
    assert_eq!(options.fields.exact("metadata.name"), Some("x"));
    assert_eq!((options.limit, options.page()), (5, Some(5)));
    assert_eq!(options.continue_token, "c");
    assert_eq!(options.timeout_seconds, Some(9));
    assert!(options.allows_bookmarks);
    assert!(!options.is_watch);
    assert_eq!(options.resource_version, "7");
    assert_eq!(options.version_match, None);
    assert_eq!(options.sends_initial_events, None);
}

#[test]
fn list_of_whatever_is_at_hand_is_not_cut() {
    for query in ["limit=0", "limit=-1", "limit=5&resourceVersion=0", ""] {
        assert_eq!(list(query).unwrap().page(), None, "{query}");
    }
}

#[test]
fn bad_list_and_watch_are_refused_in_the_words_of_the_real_server() {
    const UNLESS: &str = "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided";
    const CONTINUED: &str = "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided";
    const REQUIRES: &str = "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
    const WATCH: &str = "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
    const INITIAL: &str = "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list";
    const ZERO: &str = "resourceVersionMatch: Forbidden: resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
    const VALUES: &str = "resourceVersionMatch: Unsupported value: \"x\": supported values: \"Exact\", \"NotOlderThan\", \"\"";
    const WATCH_VALUES: &str =
        "resourceVersionMatch: Unsupported value: \"x\": supported values: \"NotOlderThan\"";
    let cases = [
        (
            "limit=x",
            400,
            "strconv.ParseInt: parsing \"x\": invalid syntax".to_owned(),
        ),
        (
            "fieldSelector=x&labelSelector=!",
            400,
            "unable to parse requirement: found '', expected: identifier".to_owned(),
        ),
        ("resourceVersionMatch=Exact", 422, UNLESS.to_owned()),
        (
            "resourceVersionMatch=Exact&continue=a",
            422,
            format!("[{UNLESS}, {CONTINUED}]"),
        ),
        (
            "resourceVersionMatch=x&resourceVersion=1",
            422,
            VALUES.to_owned(),
        ),
        (
            "resourceVersionMatch=Exact&resourceVersion=0",
            422,
            ZERO.to_owned(),
        ),
        ("sendInitialEvents=false", 422, INITIAL.to_owned()),
        (
            "sendInitialEvents&resourceVersionMatch=x",
            422,
            format!("[{UNLESS}, {VALUES}, {INITIAL}]"),
        ),
        ("watch&sendInitialEvents", 422, REQUIRES.to_owned()),
        (
            "watch&resourceVersionMatch=x",
            422,
            format!("[{WATCH}, {WATCH_VALUES}]"),
        ),
        (
            "watch&resourceVersionMatch=NotOlderThan",
            422,
            WATCH.to_owned(),
        ),
        (
            "watch&sendInitialEvents=0&resourceVersionMatch=NotOlderThan&continue=a",
            422,
            CONTINUED.to_owned(),
        ),
    ];

    for (query, code, message) in cases {
        assert_eq!(refused(list(query)), (code, message), "{query}");
    }
    assert_eq!(
        list("sendInitialEvents").unwrap_err().message,
        format!("ListOptions.meta.k8s.io \"\" is invalid: {INITIAL}")
    );
}

#[test]
fn watch_without_a_version_begins_with_what_there_is() {
    let cases = [
        ("watch", Some(true)),
        ("watch&resourceVersion=0", Some(true)),
        ("watch&resourceVersion=5", None),
        (
            "watch&sendInitialEvents=false&resourceVersionMatch=NotOlderThan",
            Some(false),
        ),
        ("", None),
    ];

    for (query, expected) in cases {
        assert_eq!(
            list(query).unwrap().sends_initial_events,
            expected,
            "{query}"
        );
    }
}

#[test]
fn list_starts_where_version_match_limit_and_token_say() {
    let token = ContinueToken {
        resource_version: 9,
        start_key: "default/a\0".to_owned(),
    };
    let continued = format!("continue={}", token.encode());
    let cases = [
        ("", ListStart::Latest),
        ("resourceVersion=0", ListStart::NotOlderThan(0)),
        ("resourceVersion=0&limit=5", ListStart::NotOlderThan(0)),
        ("resourceVersion=7", ListStart::NotOlderThan(7)),
        ("resourceVersion=7&limit=5", ListStart::Exact(7)),
        (
            "resourceVersion=7&resourceVersionMatch=Exact",
            ListStart::Exact(7),
        ),
        (
            "resourceVersion=7&limit=5&resourceVersionMatch=NotOlderThan",
            ListStart::NotOlderThan(7),
        ),
        (&continued, ListStart::Continue(token.clone())),
        (
            &format!("{continued}&resourceVersion=0"),
            ListStart::Continue(token),
        ),
    ];

    for (query, expected) in cases {
        assert_eq!(
            list(query).unwrap().list_start().unwrap(),
            expected,
            "{query}"
        );
    }
}

#[test]
fn bad_version_is_refused_by_each_verb_in_its_way() {
    let why =
        "resourceVersion: Invalid value: \"-1\": strconv.ParseUint: parsing \"-1\": invalid syntax";
    let options = list("watch&resourceVersion=-1").unwrap();

    let listed = list("resourceVersion=-1").unwrap().list_start();
    assert_eq!(
        refused(listed),
        (400, format!("invalid resource version: {why}"))
    );
    assert_eq!(refused(options.watch_start()), (500, why.to_owned()));
    assert_eq!(options.watch_start().unwrap_err().reason, "");
    let got = GetOptions::parse(&Query::parse("resourceVersion=-1"));
    assert_eq!(refused(got), (500, why.to_owned()));
}

#[test]
fn version_and_token_exclude_each_other() {
    let token = ContinueToken {
        resource_version: 9,
        start_key: "a".to_owned(),
    }
    .encode();
    let start = |query: String| list(&query).unwrap().list_start();

    assert_eq!(
        refused(start(format!("continue={token}&resourceVersion=5"))),
        (
            400,
            "specifying resource version is not allowed when using continue".to_owned()
        )
    );
}

#[test]
fn get_reads_its_version_and_refuses_export() {
    let get = |query| GetOptions::parse(&Query::parse(query));

    assert_eq!(get("").unwrap().resource_version, ResourceVersion::Unset);
    assert_eq!(
        get("export=0&resourceVersion=0").unwrap().resource_version,
        ResourceVersion::Any
    );
    assert_eq!(
        get("resourceVersion=5&resourceVersion=x")
            .unwrap()
            .resource_version,
        ResourceVersion::At(5)
    );
    assert_eq!(
        refused(get("export")).1,
        "the export parameter, deprecated since v1.14, is no longer supported"
    );
}

#[test]
fn write_reads_all_its_options() {
    let query = Query::parse("dryRun=All&fieldManager=me&fieldValidation=Strict&force=1");

    let expected = WriteOptions {
        is_forced: false,
        is_dry_run: true,
        field_manager: "me".to_owned(),
        field_validation: super::write::FieldValidation::Strict,
    };
    assert_eq!(WriteOptions::create(&query), Ok(expected.clone()));
    assert_eq!(WriteOptions::update(&query), Ok(expected));
    assert_eq!(
        WriteOptions::create(&Query::default()),
        Ok(WriteOptions::default())
    );
}

#[test]
fn bad_write_is_refused_in_the_words_of_the_real_server() {
    let create = |query: &str| WriteOptions::create(&Query::parse(query));
    let long = "a".repeat(129);
    let cases = [
        (
            "dryRun=",
            "dryRun: Unsupported value: [\"\"]: supported values: \"All\"",
        ),
        (
            "dryRun=All&dryRun=x",
            "dryRun: Unsupported value: [\"All\",\"x\"]: supported values: \"All\"",
        ),
        (
            "fieldValidation=x",
            "fieldValidation: Unsupported value: \"x\": supported values: \"\", \"Ignore\", \"Strict\", \"Warn\"",
        ),
        (
            &format!("fieldManager={long}"),
            "fieldManager: Too long: may not be more than 128 bytes",
        ),
        (
            "fieldManager=%C3%A9%E2%80%8B",
            "fieldManager: Invalid value: \"é\\u200b\": invalid character U+200B (at position 2)",
        ),
        (
            "fieldManager=%0a&dryRun=y",
            "[fieldManager: Invalid value: \"\\n\": invalid character U+000A (at position 0), dryRun: Unsupported value: [\"y\"]: supported values: \"All\"]",
        ),
    ];

    for (query, expected) in cases {
        assert_eq!(
            refused(create(query)),
            (422, expected.to_owned()),
            "{query}"
        );
    }
    assert_eq!(
        WriteOptions::patch(&Query::parse("force=false"))
            .unwrap_err()
            .message,
        "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be specified for non-apply patch"
    );
}

proptest! {
    #[test]
    fn any_query_and_body_are_read_or_refused(query in ".*", body in prop::collection::vec(any::<u8>(), 0..40)) {
        let query = Query::parse(&query);
        let _ = ListOptions::parse(&query).and_then(|options| options.list_start());
        let _ = WriteOptions::patch(&query);
        let _ = DeleteOptions::parse(&query, None, &body);
    }
}
