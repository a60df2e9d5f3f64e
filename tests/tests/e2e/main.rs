//! Whole controllers on a real API server: the sample, every sort of kind, and what is refused.
//!
//! The tests share one cluster; each keeps to namespaces of its own.

mod churn;
mod kinds;
mod pod_log;
mod proxy;
mod refusals;
mod sample;

use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api,
    api::{ObjectMeta, PostParams},
};
use kubehandler_tests::cluster::Cluster;
use tokio::sync::OnceCell;

/// Returns the cluster of this run, or `None` where `KUBEBUILDER_ASSETS` is unset.
async fn cluster() -> anyhow::Result<Option<&'static Cluster>> {
    // Never dropped; the servers end with the process all the same.
    static CLUSTER: OnceCell<Option<Cluster>> = OnceCell::const_new();
    let cluster = CLUSTER.get_or_try_init(Cluster::start_if_available).await?;
    Ok(cluster.as_ref())
}

async fn create_namespace(cluster: &Cluster, name: &str) -> anyhow::Result<()> {
    let namespace = Namespace {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    };
    let namespaces = Api::all(cluster.client().await?);
    namespaces
        .create(&PostParams::default(), &namespace)
        .await?;
    Ok(())
}
