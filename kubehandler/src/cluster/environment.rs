//! What a program reads from outside to find its cluster.

use std::{env, ffi::OsString, path::PathBuf};

/// Where a pod finds the credentials of its service account.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The environment of a process, as far as it says where the cluster is.
///
/// Read once, so that tests can give another one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    /// `KUBECONFIG`.
    pub(crate) kubeconfig: Option<OsString>,
    pub(crate) home: Option<PathBuf>,
    /// `KUBERNETES_SERVICE_HOST`.
    pub(crate) service_host: Option<String>,
    /// `KUBERNETES_SERVICE_PORT`.
    pub(crate) service_port: Option<String>,
    /// `POD_NAMESPACE`, which a manifest may set.
    pub(crate) pod_namespace: Option<String>,
    /// The directory that holds the token of the pod's service account.
    pub(crate) service_account: PathBuf,
    pub(crate) proxies: ProxyVariables,
    /// `KUBEHANDLER_CREDENTIALS_OVER_HTTP` is `true`.
    pub(crate) credentials_over_http: bool,
}

/// The variables that name proxies.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProxyVariables {
    /// `HTTPS_PROXY`, else `https_proxy`.
    pub(crate) https: Option<String>,
    /// `HTTP_PROXY`, else `http_proxy`.
    pub(crate) http: Option<String>,
    /// `NO_PROXY`, else `no_proxy`.
    pub(crate) none: Option<String>,
}

impl Environment {
    /// Reads the environment of this process.
    pub(crate) fn of_process() -> Self {
        Self {
            kubeconfig: env::var_os("KUBECONFIG"),
            home: env::home_dir(),
            service_host: text("KUBERNETES_SERVICE_HOST"),
            service_port: text("KUBERNETES_SERVICE_PORT"),
            pod_namespace: text("POD_NAMESPACE"),
            service_account: SERVICE_ACCOUNT.into(),
            proxies: ProxyVariables {
                https: text("HTTPS_PROXY").or_else(|| text("https_proxy")),
                http: text("HTTP_PROXY").or_else(|| text("http_proxy")),
                none: text("NO_PROXY").or_else(|| text("no_proxy")),
            },
            credentials_over_http: text("KUBEHANDLER_CREDENTIALS_OVER_HTTP")
                .is_some_and(|value| value == "true" || value == "1"),
        }
    }

    /// Returns the files that `KUBECONFIG` lists, each once; `None` if it is not set or empty.
    pub(crate) fn listed_files(&self) -> Option<Vec<PathBuf>> {
        let listed = self
            .kubeconfig
            .as_ref()
            .filter(|listed| !listed.is_empty())?;
        let mut files: Vec<PathBuf> = Vec::new();
        for file in env::split_paths(listed) {
            if !file.as_os_str().is_empty() && !files.contains(&file) {
                files.push(file);
            }
        }
        Some(files)
    }

    /// Returns where kubectl looks if `KUBECONFIG` is not set.
    pub(crate) fn default_file(&self) -> Option<PathBuf> {
        let home = self.home.as_ref()?;
        Some(home.join(".kube").join("config"))
    }

    /// Returns true if this is a container of a pod that has a service account.
    pub(crate) fn is_pod(&self) -> bool {
        self.service_host.is_some() && self.service_port.is_some() && self.token_file().is_file()
    }

    pub(crate) fn token_file(&self) -> PathBuf {
        self.service_account.join("token")
    }
}

/// Returns a variable that is set, not empty, and UTF-8.
fn text(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(kubeconfig: Option<&str>) -> Option<Vec<PathBuf>> {
        let environment = Environment {
            kubeconfig: kubeconfig.map(OsString::from),
            ..Environment::default()
        };
        environment.listed_files()
    }

    #[cfg(unix)]
    #[test]
    fn files_are_listed_once_and_empty_names_are_left_out() {
        assert_eq!(listed(None), None);
        assert_eq!(listed(Some("")), None);
        assert_eq!(listed(Some(":")), Some(Vec::new()));
        assert_eq!(
            listed(Some("/a::/b:/a")),
            Some(vec!["/a".into(), "/b".into()])
        );
    }
}
