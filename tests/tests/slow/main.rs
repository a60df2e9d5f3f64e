//! What waits for real time: a real API server, programs of others, sockets, processes, many cases.
//!
//! One test binary, so that they wait together: the slowest scenario alone takes a minute, until a real
//! server sends a bookmark.

mod blocking;
mod clientcmd;
mod clients;
mod cluster;
mod conformance;
mod controller;
mod informer_random;
mod informer_replicas;
mod informer_socket;
mod kinds;
mod log_pipe;
mod manifests;
mod refusals;
mod shutdown;

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
