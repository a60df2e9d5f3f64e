//! The manifests of the sample controller are accepted by a real API server and ask for no more than they need.

use std::collections::BTreeSet;

use kubehandler_tests::cluster::Cluster;

const MANIFESTS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../sample-controller/manifests"
);
const ACCOUNT: &str = "system:serviceaccount:default:sample-controller";

#[tokio::test]
async fn server_accepts_the_manifests_under_the_restricted_profile() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::start_if_available().await? else {
        return Ok(());
    };
    // A deployment that breaks the profile is accepted with a warning, which is an error below.
    let profile = "pod-security.kubernetes.io/warn=restricted";
    cluster
        .kubectl(&["label", "namespace", "default", profile])
        .await?;

    let answer = cluster
        .kubectl(&[
            "apply",
            "--dry-run=server",
            "--warnings-as-errors",
            "--filename",
            MANIFESTS,
        ])
        .await?;

    let created = answer.lines().filter(|line| line.contains(" created "));
    assert_eq!(created.count(), 4, "{answer}");
    Ok(())
}

#[tokio::test]
async fn service_account_may_list_and_watch_pods_and_nothing_else() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::start_if_available().await? else {
        return Ok(());
    };
    // What every account may do, such as asking for the server's version, is no grant of ours.
    let ordinary = cluster.service_account("ordinary", Vec::new()).await?;
    cluster.kubectl(&["apply", "--filename", MANIFESTS]).await?;

    let ordinary = rights(&cluster, ordinary.name()).await?;
    let account = rights(&cluster, ACCOUNT).await?;

    let granted: Vec<_> = account.difference(&ordinary).collect();
    assert_eq!(granted, ["pods [] [] [list watch]"]);
    assert!(account.is_superset(&ordinary));
    Ok(())
}

/// Returns the lines of kubectl's table of what a user may do, with single spaces.
async fn rights(cluster: &Cluster, user: &str) -> anyhow::Result<BTreeSet<String>> {
    let table = cluster
        .kubectl(&["auth", "can-i", "--list", "--no-headers", "--as", user])
        .await?;
    let single_spaced = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(table.lines().map(single_spaced).collect())
}
