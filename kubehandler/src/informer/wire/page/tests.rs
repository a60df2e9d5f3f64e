use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn read(text: &[u8]) -> Result<Page<'_>, NoPage> {
    let mut reading = Reading::of(text)?;
    loop {
        if let Some(page) = reading.go_on("Pod", &Fields::default())? {
            return Ok(page);
        }
    }
}

/// The names of a page's items, `None` for one that cannot be read.
fn names(text: &str) -> Result<Vec<Option<String>>, NoPage> {
    let page = read(text.as_bytes())?;
    let names = page.items.into_iter();
    Ok(names
        .map(|item| Some(item.ok()?.key().to_string()))
        .collect())
}

fn some(names: &[&str]) -> Vec<Option<String>> {
    names.iter().map(|name| Some((*name).to_owned())).collect()
}

/// The version and the continue token of a page.
fn place(text: &str) -> (String, String) {
    let page = read(text.as_bytes()).expect("a page");
    (page.metadata.resource_version, page.metadata.continue_token)
}

#[test]
fn items_are_read_wherever_they_stand() {
    let items = r#""items":[{"metadata":{"name":"a"}}, {"metadata":{"name":"b"}} ]"#;
    let expected = Ok(some(&["a", "b"]));

    assert_eq!(names(&format!(r#"{{"metadata":{{}},{items}}}"#)), expected);
    assert_eq!(names(&format!(r#"{{{items},"metadata":{{}}}}"#)), expected);
    assert_eq!(
        names(&format!(r#"{{"metadata":{{}},{items},"kind":"PodList"}} "#)),
        expected
    );
}

#[test]
fn item_that_is_no_object_hides_no_other() {
    let text = r#"{"metadata":{},"items":[1,{},{"metadata":{"name":"a"}},[],null]}"#;

    assert_eq!(
        names(text),
        Ok(vec![None, None, Some("a".to_owned()), None, None])
    );
}

#[test]
fn list_without_items_is_known_by_its_kind() {
    for text in [
        r#"{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"5"}}"#,
        r#"{"kind":"PodList"}"#,
        r#"{"kind":"PodList","items":null}"#,
        r#"{"metadata":{},"items":null}"#,
        r#"{"metadata":{},"items":[]}"#,
        r#"{"items":[]}"#,
        r#"{"kind":null,"metadata":null,"items":[]}"#,
        r#"{"kind":"Flock","items":[]}"#,
        "\u{feff}{\"items\":[]}",
    ] {
        assert_eq!(names(text), Ok(vec![]), "{text}");
    }
}

#[test]
fn answer_that_does_not_look_like_a_list_is_refused() {
    for text in [
        "",
        "null",
        "[]",
        "\"items\"",
        "{}",
        r#"{"metadata":{}}"#,
        r#"{"metadata":{"resourceVersion":"5"}}"#,
        r#"{"items":null}"#,
        r#"{"kind":"Status","metadata":{}}"#,
        r#"{"kind":"Status","metadata":{},"items":[]}"#,
        r#"{"kind":"Pod","metadata":{"resourceVersion":"5"}}"#,
        r#"{"kind":"Pod","metadata":{"resourceVersion":"5"},"items":[]}"#,
        r#"{"kind":"APIResourceList","groupVersion":"v1","resources":[]}"#,
        r#"{"kind":"Table","metadata":{},"rows":[]}"#,
        r#"{"kind":7,"items":[]}"#,
        r#"{"metadata":{},"items":{}}"#,
        r#"{"metadata":{},"items":"a"}"#,
        r#"{"metadata":[],"items":[]}"#,
        r#"{"metadata":{"resourceVersion":1},"items":[]}"#,
        r#"{"metadata":{"continue":{}},"items":[]}"#,
        r#"{"metadata":{},"items":[]}x"#,
    ] {
        assert!(names(text).is_err(), "{text}");
    }
}

#[test]
fn status_in_place_of_a_list_counts_as_one() {
    let status = read(br#"{"kind":"Status","status":"Failure","reason":"Expired","code":410}"#);

    let failure = Failure::from(status.expect_err("a status"));

    assert_eq!(failure.code(), Some(410));
}

#[test]
fn null_and_missing_members_are_empty() {
    for (text, version, token) in [
        (
            r#"{"metadata":{"resourceVersion":"5","continue":null,"remainingItemCount":null},"items":[]}"#,
            "5",
            "",
        ),
        (
            r#"{"metadata":{"resourceVersion":null,"continue":"c"},"items":[]}"#,
            "",
            "c",
        ),
        (r#"{"metadata":null,"items":[]}"#, "", ""),
        (r#"{"items":[]}"#, "", ""),
        (
            r#"{"metadata":{"resource\u0056ersion":"\u0035"},"items":[]}"#,
            "5",
            "",
        ),
    ] {
        assert_eq!(
            place(text),
            (version.to_owned(), token.to_owned()),
            "{text}"
        );
    }
}

#[test]
fn of_two_members_of_one_name_the_last_counts() {
    let [a, b] = ["a", "b"].map(|name| format!(r#"{{"metadata":{{"name":"{name}"}}}}"#));
    let twice = format!(r#"{{"items":[{a},{a}],"items":[{b}]}}"#);
    let null = format!(r#"{{"kind":"PodList","items":[{a}],"items":null}}"#);
    let kind = format!(r#"{{"kind":"Status","kind":"PodList","items":[{a}],"kind":null}}"#);

    assert_eq!(names(&twice), Ok(some(&["b"])));
    assert_eq!(names(&null), Ok(vec![]));
    assert_eq!(names(&kind), Ok(some(&["a"])));
    let later = r#"{"metadata":{"resourceVersion":"5","continue":"c"},"items":[],
        "metadata":{"continue":"d"},"metadata":null,"metadata":{"continue":null}}"#;
    assert_eq!(place(later), ("5".to_owned(), "d".to_owned()));
}

/// Go finds no items there, and a controller would take its objects for deleted.
#[test]
fn misspelled_items_do_not_empty_a_list() {
    let a = r#"[{"metadata":{"name":"a"}}]"#;

    let misspelled = names(&format!(r#"{{"kind":"PodList","Items":{a}}}"#));
    let both = names(&format!(r#"{{"Items":{a},"items":[],"ITEMS":{a}}}"#));

    assert_eq!(misspelled, Ok(some(&["a"])));
    assert_eq!(both, Ok(vec![]));
}

#[test]
fn page_that_is_cut_anywhere_is_refused() {
    let whole = r#"{"metadata":{"continue":"x"},"items":[{"metadata":{"name":"a"}}],"kind":"L"}"#;
    assert!(names(whole).is_ok());

    for cut in 0..whole.len() {
        assert!(names(&whole[..cut]).is_err(), "cut at {cut}");
    }
}

#[test]
fn large_page_is_read_in_pieces() {
    let item = format!(
        r#"{{"metadata":{{"name":"a"}},"data":"{}"}}"#,
        "x".repeat(1000)
    );
    let body = format!(r#"{{"items":[{}]}}"#, vec![item; 1000].join(","));
    let mut reading = Reading::of(body.as_bytes()).expect("an object");
    let mut pieces = 1;
    let page = loop {
        match reading.go_on("Pod", &Fields::default()).expect("a list") {
            Some(page) => break page,
            None => pieces += 1,
        }
    };

    assert_eq!(page.items.len(), 1000);
    assert_eq!(pieces, body.len() / BUDGET + 1);
}

/// The members of a list, in the order in which they come.
fn members() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    let text = prop_oneof![
        Just(json!(null)),
        "[a-z\u{e9}\\\\\"]{0,3}".prop_map(Value::from)
    ];
    let metadata = (text.clone(), text.clone()).prop_map(|(version, token)| {
        json!({"resourceVersion": version, "continue": token, "remainingItemCount": null})
    });
    let item = prop_oneof![
        "[a-z]{0,2}".prop_map(|name| json!({"metadata": {"name": name}, "spec": {"items": []}})),
        Just(json!(null)),
        Just(json!({"metadata": null})),
    ];
    let items = proptest::collection::vec(item, 0..4).prop_map(Value::from);
    let kind = prop_oneof![Just("PodList"), Just("Status"), Just("Pod"), Just("")];
    let member = prop_oneof![
        (Just("metadata"), prop_oneof![Just(json!(null)), metadata]),
        (
            Just("items"),
            prop_oneof![Just(json!(null)), items.clone(), items]
        ),
        (
            Just("kind"),
            prop_oneof![Just(json!(null)), kind.prop_map(Value::from)]
        ),
        (Just("other"), text),
    ];
    proptest::collection::vec(member, 0..7)
}

/// What Go's decoder makes of the members: the version, the token and the names, if it is a list.
fn expected(members: &[(&str, Value)]) -> Option<(String, String, Vec<String>)> {
    let (mut version, mut token, mut kind) = (String::new(), String::new(), String::new());
    let (mut items, mut has_metadata) = (None, false);
    let set = |field: &mut String, value: &Value| {
        if let Some(text) = value.as_str() {
            text.clone_into(field);
        }
    };
    for (name, value) in members {
        match *name {
            "metadata" if value.is_object() => {
                has_metadata = true;
                set(&mut version, &value["resourceVersion"]);
                set(&mut token, &value["continue"]);
            }
            "items" => items = Some(value.clone()),
            "kind" => set(&mut kind, value),
            _ => {}
        }
    }
    let is_list = match &items {
        _ if kind == "Status" => false,
        Some(Value::Array(_)) => kind != "Pod",
        Some(_) if kind.is_empty() => has_metadata,
        _ => kind == "PodList",
    };
    let items = items.unwrap_or_default();
    let names = items.as_array().into_iter().flatten();
    let names = names.map(|item| {
        item["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    });
    is_list.then(|| (version, token, names.collect()))
}

proptest! {
    #[test]
    fn page_is_read_as_go_reads_it(members in members(), space in "[ \r\n\t]{0,2}") {
        let text: Vec<String> = members
            .iter()
            .map(|(name, value)| format!("{space}\"{name}\"{space}:{space}{value}{space}"))
            .collect();
        let text = format!("{space}{{{}}}{space}", text.join(","));

        let page = read(text.as_bytes()).ok().map(|page| {
            let names = page.items.into_iter().map(|item| item.map_or_else(
                |_| String::new(),
                |item| item.key().to_string(),
            ));
            (page.metadata.resource_version, page.metadata.continue_token, names.collect())
        });

        prop_assert_eq!(page, expected(&members), "{}", text);
    }
}
