//! What is said of manifests that are wrong.

use super::*;

async fn error(manifests: &str) -> String {
    let loaded = ApiServer::new().load(manifests).await;
    loaded.expect_err(manifests).to_string()
}

#[tokio::test]
async fn name_that_yaml_reads_as_something_else_is_to_be_quoted() {
    for (name, expected) in [
        ("n", "a bool: quote it"),
        ("no", "a bool: quote it"),
        ("Off", "a bool: quote it"),
        ("y", "a bool: quote it"),
        ("true", "a bool: quote it"),
        ("1", "a number: quote it"),
        ("1.5", "a number: quote it"),
        ("0x10", "a number: quote it"),
        ("1e3", "a number: quote it"),
        ("null", "null: quote it, or give it a value"),
        ("~", "null: quote it, or give it a value"),
        ("", "null: quote it, or give it a value"),
        ("[a]", "a list: it must be text"),
        ("{a: b}", "a map: it must be text"),
    ] {
        let manifest = format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n");
        let expected = format!("document 1: `metadata.name` is {expected}");
        assert_eq!(error(&manifest).await, expected, "{name}");
    }
}

#[tokio::test]
async fn quoted_name_and_a_date_are_names() {
    for name in ["\"n\"", "'1'", "2024-01-01"] {
        let manifest = format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}}}");

        let loaded = ApiServer::new().load(&manifest).await;

        assert_eq!(loaded.ok(), Some(1), "{name}");
    }
}

#[tokio::test]
async fn text_that_yaml_reads_as_something_else_is_named_wherever_it_is() {
    for (manifest, expected) in [
        (
            "{apiVersion: 1, kind: ConfigMap, metadata: {name: a}}",
            "`apiVersion` is a number: quote it",
        ),
        (
            "{apiVersion: v1, kind: on, metadata: {name: a}}",
            "`kind` is a bool: quote it",
        ),
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: 7}}",
            "`metadata.namespace` is a number: quote it",
        ),
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: {version: 1.0}}}",
            "`metadata.labels.version` is a number: quote it",
        ),
        (
            "{apiVersion: v1, kind: Pod, metadata: {name: a, annotations: {prometheus.io/scrape: true}}}",
            "`metadata.annotations[\"prometheus.io/scrape\"]` is a bool: quote it",
        ),
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {port: 8080}}",
            "`data.port` is a number: quote it",
        ),
        (
            "{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {debug: yes}}",
            "`stringData.debug` is a bool: quote it",
        ),
        (
            "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: ConfigMap, metadata: {name: no}}]}",
            "`metadata.name` is a bool: quote it",
        ),
        (
            "{apiVersion: v1, kind: ConfigMap}",
            "`metadata.name` is missing",
        ),
        (
            "{kind: ConfigMap, metadata: {name: a}}",
            "`apiVersion` is missing",
        ),
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: \"\"}}",
            "`metadata.name` is empty",
        ),
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: a}",
            "`metadata` is text, no object",
        ),
        ("- a", "it is a list, no object"),
        ("hello", "it is text, no object"),
    ] {
        assert_eq!(error(manifest).await, format!("document 1: {expected}"));
    }
}

#[tokio::test]
async fn error_shows_no_value_of_a_secret() {
    let manifest = "{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {pin: 4711}}";

    assert!(!error(manifest).await.contains("4711"));
}

#[tokio::test]
async fn null_among_labels_and_data_is_empty_text() {
    let manifest =
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: {x: null}}, data: {k: ~}}";

    assert_eq!(ApiServer::new().load(manifest).await.ok(), Some(1));
}
