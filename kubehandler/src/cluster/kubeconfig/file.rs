//! One kubeconfig file.
//!
//! What is missing or null is empty, and what is not known is passed over, as in Go.
//! Source: `k8s.io/client-go/tools/clientcmd/api/v1`.

use std::{
    collections::BTreeMap,
    fmt,
    path::{MAIN_SEPARATOR, Path},
};

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::Printable;

/// What a file says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct File {
    #[serde(deserialize_with = "or_default")]
    kind: String,
    #[serde(rename = "apiVersion", deserialize_with = "or_default")]
    api_version: String,
    #[serde(rename = "current-context", deserialize_with = "or_default")]
    pub(super) current_context: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) clusters: Vec<NamedEntry<ClusterEntry>>,
    #[serde(deserialize_with = "or_default")]
    pub(super) users: Vec<NamedEntry<AuthInfo>>,
    #[serde(deserialize_with = "or_default")]
    pub(super) contexts: Vec<NamedEntry<ContextEntry>>,
}

/// An entry of a list.
#[derive(Debug)]
pub(super) struct NamedEntry<T> {
    pub(super) name: String,
    pub(super) value: T,
}

/// An entry as it stands in a file: the key of its value depends on the list.
macro_rules! listed {
    ($listed:ident, $key:ident: $value:ty) => {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct $listed {
            #[serde(deserialize_with = "or_default")]
            name: String,
            #[serde(deserialize_with = "or_default")]
            $key: $value,
        }

        impl From<$listed> for NamedEntry<$value> {
            fn from(listed: $listed) -> Self {
                Self {
                    name: listed.name,
                    value: listed.$key,
                }
            }
        }

        impl<'de> Deserialize<'de> for NamedEntry<$value> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $listed::deserialize(deserializer).map(Into::into)
            }
        }
    };
}

listed!(ListedCluster, cluster: ClusterEntry);
listed!(ListedUser, user: AuthInfo);
listed!(ListedContext, context: ContextEntry);

/// How to reach a server.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct ClusterEntry {
    #[serde(deserialize_with = "or_default")]
    pub(crate) server: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) tls_server_name: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) insecure_skip_tls_verify: bool,
    #[serde(deserialize_with = "or_default")]
    pub(crate) certificate_authority: String,
    /// Base64.
    #[serde(deserialize_with = "or_default")]
    pub(crate) certificate_authority_data: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) proxy_url: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) extensions: Vec<Extension>,
}

/// What an extension of the name `client.authentication.k8s.io/exec` says is given to plugins.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Extension {
    #[serde(deserialize_with = "or_default")]
    pub(crate) name: String,
    pub(crate) extension: Value,
}

/// Who somebody is, and how that is proven.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct AuthInfo {
    #[serde(deserialize_with = "or_default")]
    pub(crate) client_certificate: String,
    /// Base64.
    #[serde(deserialize_with = "or_default")]
    pub(crate) client_certificate_data: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) client_key: String,
    /// Base64.
    #[serde(deserialize_with = "secret")]
    pub(crate) client_key_data: Option<SecretString>,
    #[serde(deserialize_with = "secret")]
    pub(crate) token: Option<SecretString>,
    #[serde(rename = "tokenFile", deserialize_with = "or_default")]
    pub(crate) token_file: String,
    #[serde(rename = "as", deserialize_with = "or_default")]
    pub(crate) impersonate: String,
    #[serde(rename = "as-uid", deserialize_with = "or_default")]
    pub(crate) impersonate_uid: String,
    #[serde(rename = "as-groups", deserialize_with = "or_default")]
    pub(crate) impersonate_groups: Vec<String>,
    #[serde(rename = "as-user-extra", deserialize_with = "or_default")]
    pub(crate) impersonate_user_extra: BTreeMap<String, Vec<String>>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) username: String,
    #[serde(deserialize_with = "secret")]
    pub(crate) password: Option<SecretString>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) auth_provider: Option<ProviderConfig>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) exec: Option<Exec>,
}

/// A way to get a token that is built into the client.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ProviderConfig {
    #[serde(deserialize_with = "or_default")]
    pub(crate) name: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) config: BTreeMap<String, String>,
}

impl fmt::Debug for ProviderConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The values may be tokens.
        f.debug_struct("ProviderConfig")
            .field("name", &self.name)
            .field("config", &self.config.keys())
            .finish()
    }
}

/// A credentials plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Exec {
    #[serde(deserialize_with = "or_default")]
    pub(crate) api_version: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) command: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) args: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) env: Vec<Variable>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) install_hint: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) provide_cluster_info: bool,
    #[serde(deserialize_with = "or_default")]
    pub(crate) interactive_mode: String,
    /// Variables that the plugin does not get; only a program can say so.
    #[serde(skip)]
    pub(crate) drop_env: Vec<String>,
}

#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Variable {
    #[serde(deserialize_with = "or_default")]
    pub(crate) name: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) value: String,
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=..", self.name)
    }
}

/// A cluster and a user that belong together.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ContextEntry {
    #[serde(deserialize_with = "or_default")]
    pub(crate) cluster: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) user: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) namespace: String,
}

fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.is_empty()).map(Into::into))
}

impl File {
    /// Reads a file of JSON or YAML, of which the first document counts.
    ///
    /// # Errors
    ///
    /// Says what is wrong, without quoting the file.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = decode(bytes)?;
        let file = match json(&text) {
            Some(file) => file,
            None => yaml(&text)?.unwrap_or_default(),
        };
        let is_kubeconfig = matches!(&*file.kind, "" | "Config");
        if !is_kubeconfig || !matches!(&*file.api_version, "" | "v1") {
            let (kind, version) = (
                Printable::new(&file.kind),
                Printable::new(&file.api_version),
            );
            return Err(format!(
                "it is no kubeconfig: its kind is `{kind}` of `{version}`, not `Config` of `v1`"
            ));
        }
        Ok(file)
    }

    /// Makes the paths in it absolute; they are relative to its directory.
    pub(super) fn resolve(&mut self, directory: &Path) {
        for NamedEntry { value, .. } in &mut self.clusters {
            resolve(directory, &mut value.certificate_authority);
        }
        for NamedEntry { value, .. } in &mut self.users {
            resolve(directory, &mut value.client_certificate);
            resolve(directory, &mut value.client_key);
            resolve(directory, &mut value.token_file);
            if let Some(exec) = &mut value.exec
                && exec.command.contains(MAIN_SEPARATOR)
            {
                resolve(directory, &mut exec.command);
            }
        }
    }
}

fn resolve(directory: &Path, path: &mut String) {
    if path.is_empty() || Path::new(&*path).is_absolute() {
        return;
    }
    let joined = directory.join(&*path);
    let absolute = std::path::absolute(&joined).unwrap_or(joined);
    // A directory whose name is no UTF-8 cannot be named by a kubeconfig either.
    if let Some(absolute) = absolute.to_str() {
        absolute.clone_into(path);
    }
}

fn json(text: &str) -> Option<File> {
    let is_json = text.trim_start().starts_with('{');
    is_json.then(|| serde_json::from_str(text).ok()).flatten()
}

fn yaml(text: &str) -> Result<Option<File>, String> {
    let options = serde_saphyr::options! {
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::LastWins,
    };
    // Go does not look at the other documents, which may be anything.
    let mut bytes = text.as_bytes();
    let mut documents = serde_saphyr::read_with_options::<_, Option<File>>(&mut bytes, options);
    let first = documents.next().transpose();
    let first = first.map_err(|error| match error.location() {
        None => "it is not a valid kubeconfig".to_owned(),
        Some(at) => format!(
            "it is not a valid kubeconfig: see line {} column {}",
            at.line(),
            at.column()
        ),
    })?;
    Ok(first.flatten())
}

/// Takes the text out of UTF-8 or UTF-16, with or without a byte order mark.
fn decode(bytes: &[u8]) -> Result<String, String> {
    let utf_16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (units, rest) = bytes.as_chunks::<2>();
        let text = String::from_utf16(&units.iter().copied().map(unit).collect::<Vec<_>>());
        text.ok().filter(|_| rest.is_empty())
    };
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => utf_16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf_16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        _ => String::from_utf8(bytes.to_vec()).ok(),
    };
    text.ok_or_else(|| "it is neither UTF-8 nor UTF-16 text".to_owned())
}
