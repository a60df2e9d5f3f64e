//! The real cluster that end-to-end tests run against keeps the promises of its helper.

use k8s_openapi::api::{core::v1::Pod, rbac::v1::PolicyRule};
use kube::{Api, api::ListParams};
use kubehandler_tests::cluster::Cluster;

#[tokio::test]
async fn cluster_serves_clients_and_kubectl_and_goes_with_its_owner() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::start_if_available().await? else {
        return Ok(());
    };

    let version = cluster.client().await?.apiserver_version().await?;
    let namespaces = cluster.kubectl(&["get", "namespaces"]).await?;
    let folder = cluster.kubeconfig_path().parent().map(ToOwned::to_owned);
    drop(cluster);

    assert!(version.git_version.starts_with("v1."), "{version:?}");
    assert!(namespaces.contains("default"), "{namespaces}");
    assert!(!folder.expect("kubeconfig is in a folder").exists());
    Ok(())
}

#[tokio::test]
async fn identities_may_do_what_their_rules_say_and_no_more() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::start_if_available().await? else {
        return Ok(());
    };
    let list_pods = PolicyRule {
        api_groups: Some(vec![String::new()]),
        resources: Some(vec!["pods".to_owned()]),
        verbs: vec!["list".to_owned()],
        ..PolicyRule::default()
    };
    let lister = cluster.service_account("lister", vec![list_pods]).await?;
    let lister = Api::<Pod>::all(cluster.client_as(&lister).await?);
    let stranger = Api::<Pod>::all(cluster.client_as(cluster.stranger()).await?);

    let allowed = lister.list(&ListParams::default()).await;
    let refused = [
        lister.get("web").await.err(),
        stranger.list(&ListParams::default()).await.err(),
    ];

    assert!(allowed.is_ok(), "{allowed:?}");
    for error in refused {
        assert!(
            matches!(&error, Some(kube::Error::Api(status)) if status.code == 403),
            "{error:?}"
        );
    }
    Ok(())
}
