//! A configuration of `kube`, as a program may give it.

use kube::{
    Config,
    config::{AuthInfo, ExecConfig, ExecInteractiveMode},
};
use secrecy::ExposeSecret;

use crate::cluster::{
    access::{Access, Credentials, Roots, TextOrFile, Tls, impersonation},
    error::{ClusterError, Place},
    kubeconfig::{Exec, ProviderConfig, Variable},
    proxy::Proxy,
    select,
    server::Server,
};

/// Takes over what a configuration of `kube` says.
pub(crate) fn of_config(config: &Config) -> Result<Access, ClusterError> {
    let place = Place::code();
    let server = Server::of_uri(&config.cluster_url).map_err(|reason| place.invalid(reason))?;
    let proxy = config.proxy_url.as_ref();
    let proxy = proxy.map(|url| Proxy::parse(&url.to_string()));
    let user = &config.auth_info;
    let identity = select::identity(
        user.client_certificate.as_deref().unwrap_or_default(),
        user.client_certificate_data.as_deref(),
        user.client_key.as_deref().unwrap_or_default(),
        user.client_key_data
            .as_ref()
            .map(ExposeSecret::expose_secret),
        &place,
    )?;
    let no_groups = Vec::new();
    let mut headers = impersonation(
        user.impersonate.as_deref().unwrap_or_default(),
        user.impersonate_uid.as_deref().unwrap_or_default(),
        user.impersonate_groups.as_ref().unwrap_or(&no_groups),
        user.impersonate_user_extra.iter().flatten(),
        &place,
    )?;
    headers.extend(config.headers.iter().cloned());
    Ok(Access {
        server,
        namespace: config.default_namespace.clone(),
        credentials: credentials(user, identity.is_some(), &place)?,
        tls: Tls {
            roots: roots(config, &place),
            is_insecure: config.accept_invalid_certs,
            server_name: config.tls_server_name.clone(),
            identity,
        },
        headers,
        proxy: proxy.transpose().map_err(|reason| place.invalid(reason))?,
        place,
    })
}

/// A file counts before what was read of it, as for `kube`.
fn roots(config: &Config, place: &Place) -> Roots {
    if let Some(file) = &config.root_cert_file {
        return Roots::Pem(TextOrFile::File(file.clone()), place.clone());
    }
    config.root_cert.clone().map_or(Roots::System, Roots::Der)
}

fn credentials(
    user: &AuthInfo,
    has_identity: bool,
    place: &Place,
) -> Result<Credentials, ClusterError> {
    let place = || place.clone();
    Ok(if user.token.is_some() || user.token_file.is_some() {
        Credentials::Token {
            text: user.token.clone(),
            file: user.token_file.clone().map(Into::into),
            place: place(),
        }
    } else if let (Some(username), Some(password)) = (&user.username, &user.password) {
        Credentials::Basic {
            username: username.clone(),
            password: password.clone(),
        }
    } else if let Some(provider) = &user.auth_provider {
        let config = provider.config.clone();
        Credentials::Provider {
            config: ProviderConfig {
                name: provider.name.clone(),
                config: config.into_iter().collect(),
            },
            place: place(),
        }
    } else if let Some(plugin) = &user.exec
        && !has_identity
    {
        let exec = exec(plugin);
        select::check_plugin(&exec, &place())?;
        let cluster = plugin
            .cluster
            .as_ref()
            .filter(|_| exec.provide_cluster_info);
        Credentials::Plugin {
            cluster: cluster.and_then(|cluster| serde_json::to_value(cluster).ok()),
            exec,
            place: place(),
        }
    } else {
        Credentials::None
    })
}

fn exec(plugin: &ExecConfig) -> Exec {
    let variables = plugin.env.iter().flatten();
    let text = |text: Option<&String>| text.cloned().unwrap_or_default();
    let mode = match plugin.interactive_mode {
        Some(ExecInteractiveMode::Never) => "Never",
        Some(ExecInteractiveMode::Always) => "Always",
        Some(ExecInteractiveMode::IfAvailable) | None => "IfAvailable",
    };
    Exec {
        api_version: text(plugin.api_version.as_ref()),
        command: text(plugin.command.as_ref()),
        args: plugin.args.clone().unwrap_or_default(),
        env: variables
            .map(|variable| Variable {
                name: text(variable.get("name")),
                value: text(variable.get("value")),
            })
            .collect(),
        install_hint: text(plugin.install_hint.as_ref()),
        provide_cluster_info: plugin.provide_cluster_info,
        interactive_mode: mode.to_owned(),
        drop_env: plugin.drop_env.clone().unwrap_or_default(),
    }
}
