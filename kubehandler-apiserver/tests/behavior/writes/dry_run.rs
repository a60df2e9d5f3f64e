//! What a dry run takes that a write does not.

use http::Method;
use kubehandler_apiserver::ApiServer;
use serde_json::json;

use super::ask;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[tokio::test]
async fn object_with_a_version_is_made_in_a_dry_run_alone() {
    let server = ApiServer::new();
    let secret = json!({ "metadata": { "name": "s", "resourceVersion": "5" } });
    let dry = &format!("{MAPS}?dryRun=All");

    let (code, answer) = ask(&server, Method::POST, dry, secret.clone()).await;
    assert_eq!(code, 201, "{answer}");
    assert_eq!(answer["metadata"]["resourceVersion"], "5");
    assert_eq!(
        ask(&server, Method::POST, MAPS, secret.clone()).await.0,
        500
    );

    let named = json!({ "metadata": { "name": "s" } });
    assert_eq!(ask(&server, Method::POST, MAPS, named).await.0, 201);
    assert_eq!(ask(&server, Method::POST, dry, secret).await.0, 409);
}
