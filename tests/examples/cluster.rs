//! Runs a real Kubernetes API server for a person until Ctrl-C; `tests/cluster/up` builds and calls it.

use kubehandler_tests::cluster::Cluster;
use tokio::signal::unix::{SignalKind, signal};

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a person reads it"
)]
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let cluster = tokio::select! {
        cluster = Cluster::start() => cluster?,
        _ = tokio::signal::ctrl_c() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
    };

    println!("export KUBECONFIG={}", cluster.kubeconfig_path().display());
    eprintln!("The cluster is ready: paste the line above into another terminal. Ctrl-C ends it.");

    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
