//! What the current context of a kubeconfig comes down to.
//!
//! Refused is what `clientcmd` refuses (`tools/clientcmd/validation.go` of client-go), before
//! anything is sent.

use std::{fs::File, path::Path};

use base64::{Engine, alphabet, engine};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::{
    Printable,
    cluster::{
        access::{Access, Credentials, Identity, Roots, TextOrFile, Tls, impersonation},
        environment::Environment,
        error::{ClusterError, Place},
        kubeconfig::{AuthInfo, ClusterEntry, ContextEntry, Entries, Exec, Kubeconfig},
        proxy::Proxy,
        server::Server,
    },
    log::warn,
};

/// The extension of a cluster that its credentials plugins are given.
const PLUGIN_EXTENSION: &str = "client.authentication.k8s.io/exec";

/// As Go reads base64: with its padding, line ends anywhere.
const BASE64: engine::GeneralPurpose =
    engine::GeneralPurpose::new(&alphabet::STANDARD, engine::general_purpose::PAD);

type Result<T> = std::result::Result<T, ClusterError>;

/// Finds out how to reach the cluster of this context, or of the current one.
pub(crate) fn select(
    kubeconfig: &Kubeconfig,
    context: Option<&str>,
    environment: &Environment,
) -> Result<Access> {
    let (name, context) = find_context(kubeconfig, context)?;
    let cluster = find_cluster(kubeconfig, name, context)?;
    let user = find_user(kubeconfig, name, context);
    let mut access = reach(&cluster, environment)?;
    if let Some(user) = user {
        identify(&mut access, &user, &cluster)?;
    }
    if access.credentials.is_none()
        && let Some(user_info) = access.server.user_info()
    {
        let (username, password) = crate::cluster::proxy::user_and_password(user_info);
        access.credentials = Credentials::Basic {
            username,
            password: password.into(),
        };
    }
    if !context.namespace.is_empty() {
        access.namespace.clone_from(&context.namespace);
    }
    Ok(access)
}

/// An entry, and where it stands.
struct Selected<'a, T> {
    value: &'a T,
    place: Place,
}

fn find_context<'a>(
    kubeconfig: &'a Kubeconfig,
    named: Option<&'a str>,
) -> Result<(&'a str, &'a ContextEntry)> {
    let place = kubeconfig.place();
    if kubeconfig.is_empty() {
        return Err(place.invalid("the kubeconfig is empty: it names no cluster"));
    }
    let Some(name) = named.or(kubeconfig.current_context.as_deref()) else {
        return Err(place.invalid(format!(
            "`current-context` is not set: choose one with `kubectl config use-context`; {}",
            there_are(&kubeconfig.contexts, "contexts")
        )));
    };
    match kubeconfig.contexts.get(name) {
        Some(entry) => Ok((name, &entry.value)),
        None => Err(place.entry("context", name).invalid(format!(
            "there is no such context; {}",
            there_are(&kubeconfig.contexts, "contexts")
        ))),
    }
}

fn find_cluster<'a>(
    kubeconfig: &'a Kubeconfig,
    context: &str,
    ContextEntry { cluster, .. }: &ContextEntry,
) -> Result<Selected<'a, ClusterEntry>> {
    let place = kubeconfig.place().entry("context", context);
    if let Some(entry) = kubeconfig.clusters.get(cluster) {
        return Ok(Selected {
            value: &entry.value,
            place: Place::file(entry.file.clone()).entry("cluster", cluster),
        });
    }
    let there_are = there_are(&kubeconfig.clusters, "clusters");
    Err(place.invalid(if cluster.is_empty() {
        format!("it names no cluster; {there_are}")
    } else {
        let cluster = Printable::new(cluster);
        format!("its cluster `{cluster}` does not exist; {there_are}")
    }))
}

/// A user that does not exist has no credentials, as for kubectl.
fn find_user<'a>(
    kubeconfig: &'a Kubeconfig,
    context: &str,
    ContextEntry { user, .. }: &ContextEntry,
) -> Option<Selected<'a, AuthInfo>> {
    if let Some(entry) = kubeconfig.users.get(user) {
        return Some(Selected {
            value: &entry.value,
            place: Place::file(entry.file.clone()).entry("user", user),
        });
    }
    if !user.is_empty() {
        let place = kubeconfig.place().entry("context", context);
        let (user, there_are) = (Printable::new(user), there_are(&kubeconfig.users, "users"));
        warn!(
            "{place}: its user `{user}` does not exist, so that no credentials are sent; {there_are}"
        );
    }
    None
}

fn there_are<T>(entries: &Entries<T>, what: &str) -> String {
    if entries.is_empty() {
        return format!("there are no {what}");
    }
    let names: Vec<String> = entries.keys().map(|name| format!("`{name}`")).collect();
    format!("its {what} are {}", Printable::new(names.join(", ")))
}

/// Returns how to reach a cluster, without credentials.
fn reach(
    Selected { value, place }: &Selected<'_, ClusterEntry>,
    environment: &Environment,
) -> Result<Access> {
    let invalid = |reason: String| place.invalid(reason);
    if value.server.is_empty() {
        return Err(place.invalid("it has no `server`: write `server: https://host:port`"));
    }
    let authority = text(
        &value.certificate_authority,
        Some(&value.certificate_authority_data),
        "certificate-authority",
        place,
    )?;
    let has_tls = authority.is_some() || value.insecure_skip_tls_verify;
    if authority.is_some() && value.insecure_skip_tls_verify {
        return Err(place.invalid(
            "`certificate-authority` contradicts `insecure-skip-tls-verify`: remove one of them",
        ));
    }
    let server = Server::parse(&value.server, has_tls).map_err(invalid)?;
    let proxy = if value.proxy_url.is_empty() {
        Proxy::of_environment(&environment.proxies, &server).map_err(invalid)?
    } else {
        let proxy = Proxy::parse(&value.proxy_url);
        Some(proxy.map_err(|error| place.invalid(format!("`proxy-url`: {error}")))?)
    };
    Ok(Access {
        server,
        namespace: "default".to_owned(),
        tls: Tls {
            roots: authority.map_or(Roots::System, |text| Roots::Pem(text, place.clone())),
            is_insecure: value.insecure_skip_tls_verify,
            server_name: some(&value.tls_server_name),
            identity: None,
        },
        credentials: Credentials::None,
        headers: Vec::new(),
        proxy,
        place: place.clone(),
    })
}

/// Adds what the user proves itself with.
fn identify(
    access: &mut Access,
    Selected { value: user, place }: &Selected<'_, AuthInfo>,
    cluster: &Selected<'_, ClusterEntry>,
) -> Result<()> {
    access.tls.identity = identity(
        &user.client_certificate,
        Some(&user.client_certificate_data),
        &user.client_key,
        user.client_key_data
            .as_ref()
            .map(ExposeSecret::expose_secret),
        place,
    )?;
    let place = || place.clone();
    let has_basic = !user.username.is_empty() || user.password.is_some();
    if has_basic && user.token.is_some() {
        return Err(place().invalid("it has a token and a password: remove one of them"));
    }
    if let Some(exec) = &user.exec {
        check_plugin(exec, &place())?;
        if user.auth_provider.is_some() {
            return Err(place().invalid("it has `exec` and `auth-provider`: remove one of them"));
        }
    }
    access.headers = impersonation(
        &user.impersonate,
        &user.impersonate_uid,
        &user.impersonate_groups,
        &user.impersonate_user_extra,
        &place(),
    )?;
    // A plugin runs only where there are no other credentials.
    access.credentials = if user.token.is_some() || !user.token_file.is_empty() {
        Credentials::Token {
            text: user.token.clone(),
            file: some(&user.token_file).map(Into::into),
            place: place(),
        }
    } else if has_basic {
        Credentials::Basic {
            username: user.username.clone(),
            password: user.password.clone().unwrap_or_default(),
        }
    } else if let Some(config) = &user.auth_provider {
        Credentials::Provider {
            config: config.clone(),
            place: place(),
        }
    } else if let Some(exec) = &user.exec
        && access.tls.identity.is_none()
    {
        Credentials::Plugin {
            exec: exec.clone(),
            cluster: exec
                .provide_cluster_info
                .then(|| cluster_info(access, cluster.value)),
            place: place(),
        }
    } else {
        Credentials::None
    };
    Ok(())
}

/// Takes the client's certificate with its key, each given as base64 or as the path of a file.
pub(crate) fn identity(
    certificate: &str,
    certificate_data: Option<&str>,
    key: &str,
    key_data: Option<&str>,
    place: &Place,
) -> Result<Option<Identity>> {
    let certificate = text(certificate, certificate_data, "client-certificate", place)?;
    let key = text(key, key_data, "client-key", place)?;
    match (certificate, key) {
        (None, _) => Ok(None),
        (Some(_), None) => Err(place.invalid(
            "it has a client certificate without its key: set `client-key` or `client-key-data`",
        )),
        (Some(certificate), Some(key)) => Ok(Some(Identity {
            certificate,
            key,
            place: place.clone(),
        })),
    }
}

pub(crate) fn check_plugin(exec: &Exec, place: &Place) -> Result<()> {
    if exec.command.is_empty() {
        return Err(place.invalid("its `exec` has no `command`"));
    }
    let is_v1 = match &*exec.api_version {
        "client.authentication.k8s.io/v1" => true,
        "client.authentication.k8s.io/v1beta1" => false,
        other => {
            let other = Printable::new(other);
            return Err(place.invalid(format!(
                "the `apiVersion` of its `exec` is `{other}`: write `client.authentication.k8s.io/v1`, and update the plugin if it answers in another"
            )));
        }
    };
    match &*exec.interactive_mode {
        "Never" | "IfAvailable" | "Always" => {}
        "" if !is_v1 => {}
        "" => {
            return Err(place.invalid(
                "its `exec` has no `interactiveMode`: write `Never`, `IfAvailable` or `Always`",
            ));
        }
        other => {
            let other = Printable::new(other);
            return Err(place.invalid(format!(
                "the `interactiveMode` of its `exec` is `{other}`: write `Never`, `IfAvailable` or `Always`"
            )));
        }
    }
    if exec.env.iter().any(|variable| variable.name.is_empty()) {
        return Err(place.invalid("a variable in the `env` of its `exec` has no `name`"));
    }
    Ok(())
}

/// What a plugin learns of the cluster: `ClusterEntry` of `client.authentication.k8s.io/v1`.
fn cluster_info(access: &Access, cluster: &ClusterEntry) -> Value {
    let mut info = json!({ "server": cluster.server });
    if let Some(name) = some(&cluster.tls_server_name) {
        info["tls-server-name"] = name.into();
    }
    if cluster.insecure_skip_tls_verify {
        info["insecure-skip-tls-verify"] = true.into();
    }
    if let Roots::Pem(text, _) = &access.tls.roots
        && let Ok(pem) = text.read()
    {
        info["certificate-authority-data"] = BASE64.encode(pem).into();
    }
    if let Some(url) = some(&cluster.proxy_url) {
        info["proxy-url"] = url.into();
    }
    let extension = cluster
        .extensions
        .iter()
        .find(|e| e.name == PLUGIN_EXTENSION);
    info["config"] = extension.map_or(Value::Null, |e| e.extension.clone());
    info
}

/// Takes what is given as base64, or as the path of a file, which must be readable.
fn text(file: &str, data: Option<&str>, key: &str, place: &Place) -> Result<Option<TextOrFile>> {
    let data = data.filter(|data| !data.is_empty());
    if let Some(data) = data {
        if !file.is_empty() {
            return Err(place.invalid(format!(
                "`{key}` and `{key}-data` are both set: remove one of them"
            )));
        }
        let data: String = data.chars().filter(|c| !c.is_whitespace()).collect();
        let bytes = BASE64.decode(data).map_err(|_| {
            place.invalid(format!(
                "`{key}-data` is no base64: encode the PEM file, as `base64 -w0` does"
            ))
        })?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        return Ok(Some(TextOrFile::Inline(text.into())));
    }
    if file.is_empty() {
        return Ok(None);
    }
    if let Err(error) = File::open(Path::new(file)) {
        let file = Printable::new(file);
        return Err(place.invalid(format!("its `{key}` `{file}` cannot be read: {error}")));
    }
    Ok(Some(TextOrFile::File(file.into())))
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
