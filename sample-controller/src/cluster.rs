//! Which cluster to use, and how to reach it.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::ValueEnum;
use kubehandler::kube::{
    Config,
    config::{KubeConfigOptions, Kubeconfig},
};

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

/// How to reach the cluster.
#[derive(Debug)]
pub(crate) enum Cluster {
    Embedded(Embedded),
    Kubeconfig {
        file: Option<PathBuf>,
        context: Option<String>,
    },
    Incluster,
}

impl Cluster {
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
        let kind = match kind {
            ClusterKind::Auto if is_named || has_kubeconfig() => ClusterKind::Kubeconfig,
            ClusterKind::Auto if is_in_cluster() => ClusterKind::Incluster,
            ClusterKind::Auto => ClusterKind::Embedded,
            named => named,
        };
        Ok(match kind {
            ClusterKind::Kubeconfig => Self::Kubeconfig { file, context },
            ClusterKind::Incluster => Self::Incluster,
            ClusterKind::Embedded | ClusterKind::Auto => Self::Embedded(Embedded::start()?),
        })
    }

    /// Returns the URL of the embedded server, if that is what it is.
    pub(crate) fn embedded_url(&self) -> Option<&str> {
        match self {
            Self::Embedded(embedded) => Some(embedded.url()),
            _ => None,
        }
    }

    /// Returns how to connect.
    pub(crate) fn config(&self) -> impl Future<Output = anyhow::Result<Config>> + Send + 'static {
        enum Source {
            Url(String),
            Kubeconfig(Option<PathBuf>, KubeConfigOptions),
            Incluster,
        }
        let source = match self {
            Self::Embedded(embedded) => Source::Url(embedded.url().to_owned()),
            Self::Kubeconfig { file, context } => {
                let context = context.clone();
                let options = KubeConfigOptions {
                    context,
                    ..KubeConfigOptions::default()
                };
                Source::Kubeconfig(file.clone(), options)
            }
            Self::Incluster => Source::Incluster,
        };
        async move {
            match source {
                Source::Url(url) => Ok(Config::new(url.parse()?)),
                Source::Incluster => Config::incluster().context(
                    "cannot use the pod's service account; `--cluster auto` finds another cluster",
                ),
                Source::Kubeconfig(Some(file), options) => {
                    let config = Kubeconfig::read_from(&file)
                        .with_context(|| format!("cannot read kubeconfig `{}`", file.display()))?;
                    let config = Config::from_custom_kubeconfig(config, &options).await;
                    config.with_context(|| format!("cannot use kubeconfig `{}`", file.display()))
                }
                Source::Kubeconfig(None, options) => {
                    let what = options.context.as_ref().map_or_else(
                        || "the kubeconfig; `--cluster embedded` needs none".to_owned(),
                        |context| format!("context `{context}`"),
                    );
                    let config = Config::from_kubeconfig(&options).await;
                    config.with_context(|| format!("cannot use {what}"))
                }
            }
        }
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
