//! Whole controllers on a real API server: every sort of kind, and what is refused.
//!
//! The tests share one cluster; each keeps to namespaces of its own.

mod kinds;
mod refusals;

use kubehandler_tests::cluster::Cluster;
use tokio::sync::OnceCell;

/// Returns the cluster of this run, or `None` where `KUBEBUILDER_ASSETS` is unset.
async fn cluster() -> anyhow::Result<Option<&'static Cluster>> {
    // Never dropped; the servers end with the process all the same.
    static CLUSTER: OnceCell<Option<Cluster>> = OnceCell::const_new();
    let cluster = CLUSTER.get_or_try_init(Cluster::start_if_available).await?;
    Ok(cluster.as_ref())
}
