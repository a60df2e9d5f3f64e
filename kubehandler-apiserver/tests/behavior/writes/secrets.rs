//! `stringData` is written and never read.

use http::Method;
use kubehandler_apiserver::ApiServer;
use serde_json::{Value, json};

use super::ask;

const SECRETS: &str = "/api/v1/namespaces/default/secrets";

#[tokio::test]
async fn string_data_is_data_in_every_answer() {
    let server = ApiServer::new();
    let secret = json!({
        "metadata": { "name": "s" },
        "data": { "a": "b2xk", "z": "eg==" },
        "stringData": { "a": "new", "b": "ü" },
    });
    let data = json!({ "a": "bmV3", "b": "w7w=", "z": "eg==" });
    let one = &format!("{SECRETS}/s");
    let dry = format!("{SECRETS}?dryRun=All");

    for (method, path, body) in [
        (Method::POST, dry.as_str(), secret.clone()),
        (Method::POST, SECRETS, secret.clone()),
        (Method::PUT, one, secret),
        (Method::PATCH, one, json!({ "stringData": { "b": "ü" } })),
        (Method::GET, one, Value::Null),
    ] {
        let (code, answer) = ask(&server, method.clone(), path, body).await;

        assert!(matches!(code, 200 | 201), "{method} {path}: {answer}");
        assert_eq!(answer["data"], data, "{method} {path}: {answer}");
        assert!(
            answer.get("stringData").is_none(),
            "{method} {path}: {answer}"
        );
    }
    let (_, list) = ask(&server, Method::GET, SECRETS, Value::Null).await;
    assert_eq!(list["items"][0]["data"], data);
    let watch = format!("{SECRETS}?watch=true&timeoutSeconds=1");
    let (_, event) = ask(&server, Method::GET, &watch, Value::Null).await;
    assert_eq!(event["object"]["data"], data);
    assert!(!(list.to_string() + &event.to_string()).contains("stringData"));
}

#[tokio::test]
async fn string_data_of_a_manifest_is_data() {
    let server = ApiServer::new();
    let manifest = "{apiVersion: v1, kind: Secret, metadata: {name: s}, type: Opaque, \
                    data: {a: b2xk, z: eg==}, stringData: {a: new, b: ü}}";

    for _ in ["made", "replaced"] {
        server.load(manifest).await.expect("loaded");

        let (_, secret) = ask(&server, Method::GET, &format!("{SECRETS}/s"), Value::Null).await;
        assert_eq!(
            secret["data"],
            json!({ "a": "bmV3", "b": "w7w=", "z": "eg==" })
        );
        assert!(secret.get("stringData").is_none(), "{secret}");
    }
}
