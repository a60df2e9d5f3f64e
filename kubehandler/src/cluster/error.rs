//! Why no client could be made for the cluster.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use crate::Printable;

/// Why no client could be made for the cluster.
///
/// Each message begins with the file and the entry that it is about, and says what to do. None
/// quotes a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// There is no kubeconfig, and this is no pod.
    #[error(
        "no Kubernetes cluster is configured: set KUBECONFIG, write ~/.kube/config, run in a cluster, or pass a client"
    )]
    NotConfigured,
    /// A configuration was found, or asked for, and cannot be used.
    #[error("{place}: {reason}")]
    #[non_exhaustive]
    Invalid {
        /// The file and the entry.
        place: Place,
        /// What is wrong there, and what to do.
        reason: String,
    },
    /// The credentials plugin was not done in time.
    #[error(
        "{place}: {} did not answer within {limit:?}; run it by hand, or allow it more time",
        Printable::new(what)
    )]
    #[non_exhaustive]
    NoAnswer {
        /// The file and the entry that name it.
        place: Place,
        /// What did not answer.
        what: String,
        /// The limit: see [`EventLoop::connect_timeout`](crate::EventLoop::connect_timeout).
        limit: Duration,
    },
}

/// The file and the entry that a message is about, printed as `` `/home/a/.kube/config`, user `dev` ``.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    source: PlaceSource,
    entry: Option<ConfigEntry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum PlaceSource {
    /// One file, or those that `KUBECONFIG` lists.
    Files(Arc<[PathBuf]>),
    /// The environment of a pod.
    Pod,
    /// A `kube::Config`, given by the program.
    Code,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct ConfigEntry {
    kind: &'static str,
    name: String,
}

impl Place {
    /// A file as a whole.
    pub(crate) fn file(file: PathBuf) -> Self {
        Self::files([file].into())
    }

    /// Files that count as one.
    pub(crate) fn files(files: Arc<[PathBuf]>) -> Self {
        Self {
            source: PlaceSource::Files(files),
            entry: None,
        }
    }

    /// The environment and the service account of a pod.
    pub(crate) fn pod() -> Self {
        Self {
            source: PlaceSource::Pod,
            entry: None,
        }
    }

    /// A configuration that the program gave.
    pub(crate) fn code() -> Self {
        Self {
            source: PlaceSource::Code,
            entry: None,
        }
    }

    /// An entry of these files, such as the `user` of a name.
    pub(crate) fn entry(&self, kind: &'static str, name: &str) -> Self {
        Self {
            source: self.source.clone(),
            entry: Some(ConfigEntry {
                kind,
                name: name.to_owned(),
            }),
        }
    }

    /// Makes the error that says what is wrong here.
    pub(crate) fn invalid(&self, reason: impl Into<String>) -> ClusterError {
        ClusterError::Invalid {
            place: self.clone(),
            reason: reason.into(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            PlaceSource::Files(files) => {
                for (n, file) in files.iter().enumerate() {
                    let comma = if n == 0 { "" } else { ", " };
                    write!(f, "{comma}`{}`", Printable::new(file.display()))?;
                }
            }
            PlaceSource::Pod => f.write_str("the pod's service account")?,
            PlaceSource::Code => f.write_str("the configuration given to the event loop")?,
        }
        if let Some(ConfigEntry { kind, name }) = &self.entry {
            write!(f, ", {kind} `{}`", Printable::new(name))?;
        }
        Ok(())
    }
}
