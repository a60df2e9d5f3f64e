//! Which cluster to use.

use std::path::PathBuf;

use anyhow::ensure;
use clap::ValueEnum;
use kubehandler::{Cluster, kube::Config};

use crate::embedded::Embedded;

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

/// The cluster that is used.
#[derive(Debug)]
pub(crate) enum Chosen {
    /// It runs as long as this lives.
    Embedded(Embedded),
    Real(Cluster),
}

impl Chosen {
    /// Finds the cluster. A file or a context that is named means the kubeconfig.
    pub(crate) fn find(
        kind: ClusterKind,
        file: Option<PathBuf>,
        context: Option<String>,
    ) -> anyhow::Result<Self> {
        let is_named = file.is_some() || context.is_some();
        ensure!(
            !is_named || matches!(kind, ClusterKind::Auto | ClusterKind::Kubeconfig),
            "`--kubeconfig` and `--context` need `--cluster kubeconfig`, or no `--cluster` at all"
        );
        let kubeconfig = || {
            let cluster = file.map_or_else(Cluster::find, Cluster::kubeconfig);
            match context {
                Some(context) => cluster.context(context),
                None => cluster,
            }
        };
        Ok(match kind {
            ClusterKind::Kubeconfig => Self::Real(kubeconfig()),
            ClusterKind::Auto if is_named || has_kubeconfig() || is_in_cluster() => {
                Self::Real(kubeconfig())
            }
            ClusterKind::Incluster => Self::Real(Cluster::in_cluster()),
            ClusterKind::Embedded | ClusterKind::Auto => Self::Embedded(Embedded::start()?),
        })
    }

    /// Returns the URL of the embedded server, if that is what it is.
    pub(crate) fn embedded_url(&self) -> Option<&str> {
        match self {
            Self::Embedded(embedded) => Some(embedded.url()),
            Self::Real(_) => None,
        }
    }

    /// Returns what to connect to.
    pub(crate) fn cluster(&self) -> anyhow::Result<Cluster> {
        Ok(match self {
            Self::Embedded(embedded) => Cluster::config(Config::new(embedded.url().parse()?)),
            Self::Real(cluster) => cluster.clone(),
        })
    }
}

/// Whether a kubeconfig is named, or lies where kubectl looks for it.
fn has_kubeconfig() -> bool {
    let is_named = std::env::var_os("KUBECONFIG").is_some_and(|files| !files.is_empty());
    is_named || std::env::home_dir().is_some_and(|home| home.join(".kube/config").exists())
}

fn is_in_cluster() -> bool {
    std::env::var_os("KUBERNETES_SERVICE_HOST").is_some()
}
