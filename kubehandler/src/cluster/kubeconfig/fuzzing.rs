//! Kubeconfigs read from memory, and written as JSON, for the fuzz targets.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{AuthInfo, ClusterEntry, ClusterError, Entries, Exec, Kubeconfig, PathBuf};

impl Kubeconfig {
    /// Reads and merges these texts as [`Kubeconfig::read`] does with files.
    pub(crate) fn of_texts(files: &[(PathBuf, Vec<u8>)]) -> Result<Self, ClusterError> {
        let mut kubeconfig = Self::default();
        for (file, bytes) in files {
            kubeconfig.add(file, bytes)?;
        }
        kubeconfig.files = files.iter().map(|(file, _)| file.clone()).collect();
        Ok(kubeconfig)
    }

    /// Writes all that was understood, secrets included.
    pub(crate) fn to_json(&self) -> Value {
        let clusters = listed(&self.clusters, "cluster", cluster);
        let users = listed(&self.users, "user", user);
        let contexts = listed(&self.contexts, "context", |context| {
            json!({
                "cluster": context.cluster,
                "user": context.user,
                "namespace": context.namespace,
            })
        });
        json!({
            "current-context": self.current_context,
            "clusters": clusters,
            "users": users,
            "contexts": contexts,
        })
    }
}

fn listed<T>(entries: &Entries<T>, key: &str, write: impl Fn(&T) -> Value) -> Vec<Value> {
    let entries = entries.iter();
    entries
        .map(|(name, entry)| json!({ "name": name, key: write(&entry.value) }))
        .collect()
}

fn cluster(cluster: &ClusterEntry) -> Value {
    let extensions = cluster.extensions.iter();
    let extensions: Vec<Value> = extensions
        .map(|extension| json!({ "name": extension.name, "extension": extension.extension }))
        .collect();
    json!({
        "server": cluster.server,
        "tls-server-name": cluster.tls_server_name,
        "insecure-skip-tls-verify": cluster.insecure_skip_tls_verify,
        "certificate-authority": cluster.certificate_authority,
        "certificate-authority-data": cluster.certificate_authority_data,
        "proxy-url": cluster.proxy_url,
        "extensions": extensions,
    })
}

fn user(user: &AuthInfo) -> Value {
    let provider = user.auth_provider.as_ref();
    let exec = user.exec.as_ref();
    json!({
        "client-certificate": user.client_certificate,
        "client-certificate-data": user.client_certificate_data,
        "client-key": user.client_key,
        "client-key-data": exposed(user.client_key_data.as_ref()),
        "token": exposed(user.token.as_ref()),
        "tokenFile": user.token_file,
        "as": user.impersonate,
        "as-uid": user.impersonate_uid,
        "as-groups": user.impersonate_groups,
        "as-user-extra": user.impersonate_user_extra,
        "username": user.username,
        "password": exposed(user.password.as_ref()),
        "auth-provider": provider.map(|it| json!({ "name": it.name, "config": it.config })),
        "exec": exec.map(plugin),
    })
}

fn plugin(exec: &Exec) -> Value {
    let variables = exec.env.iter();
    let variables: Vec<Value> = variables
        .map(|variable| json!({ "name": variable.name, "value": variable.value }))
        .collect();
    json!({
        "apiVersion": exec.api_version,
        "command": exec.command,
        "args": exec.args,
        "env": variables,
        "installHint": exec.install_hint,
        "provideClusterInfo": exec.provide_cluster_info,
        "interactiveMode": exec.interactive_mode,
    })
}

fn exposed(secret: Option<&SecretString>) -> Option<&str> {
    secret.map(ExposeSecret::expose_secret)
}
