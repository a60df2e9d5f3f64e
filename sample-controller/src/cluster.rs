//! Which cluster to use.

use std::path::PathBuf;

use anyhow::ensure;
use clap::ValueEnum;
use kubehandler::Cluster;

/// Which cluster to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClusterKind {
    /// The one of the kubeconfig, else the one this runs in, else an embedded one.
    #[default]
    Auto,
    /// An API server in memory, with pods that come and go.
    Embedded,
    /// The one that the kubeconfig names.
    Kubeconfig,
    /// The one this runs in, as the pod's service account.
    Incluster,
}

/// Finds the cluster. A file or a context that is named means the kubeconfig.
pub(crate) fn find(
    kind: ClusterKind,
    file: Option<PathBuf>,
    context: Option<String>,
) -> anyhow::Result<Cluster> {
    let is_named = file.is_some() || context.is_some();
    ensure!(
        !is_named || matches!(kind, ClusterKind::Auto | ClusterKind::Kubeconfig),
        "`--kubeconfig` and `--context` need `--cluster kubeconfig`, or no `--cluster` at all"
    );
    let cluster = match kind {
        ClusterKind::Embedded => Cluster::embedded(),
        ClusterKind::Incluster => Cluster::in_cluster(),
        ClusterKind::Auto if is_named => file.map_or_else(Cluster::find, Cluster::kubeconfig),
        ClusterKind::Auto => Cluster::find().or_embedded(),
        ClusterKind::Kubeconfig => match file.or_else(default_file) {
            Some(file) => Cluster::kubeconfig(file),
            None => Cluster::find(),
        },
    };
    Ok(match context {
        Some(context) => cluster.context(context),
        None => cluster,
    })
}

/// Where the kubeconfig lies if `KUBECONFIG` does not say.
fn default_file() -> Option<PathBuf> {
    let is_named = std::env::var_os("KUBECONFIG").is_some_and(|files| !files.is_empty());
    let home = std::env::home_dir().filter(|_| !is_named)?;
    Some(home.join(".kube/config"))
}
