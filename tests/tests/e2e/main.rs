//! What needs a real API server, or programs of others: conformance, clients, controllers, manifests.
//!
//! They are one test binary because the slowest scenario waits a minute for a real server's bookmark:
//! the others are played meanwhile.

mod clients;
mod cluster;
mod conformance;
mod kinds;
mod manifests;
mod refusals;

use kubehandler_tests::cluster::Cluster;
use tokio::sync::OnceCell;

/// Returns the cluster that the controllers share, or `None` where `KUBEBUILDER_ASSETS` is unset.
///
/// Each keeps to a namespace of its own.
async fn cluster() -> anyhow::Result<Option<&'static Cluster>> {
    // Never dropped; the servers end with the process all the same.
    static CLUSTER: OnceCell<Option<Cluster>> = OnceCell::const_new();
    let cluster = CLUSTER.get_or_try_init(Cluster::start_if_available).await?;
    Ok(cluster.as_ref())
}
