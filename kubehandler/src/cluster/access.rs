//! How to reach one cluster, and as whom: what every configuration comes down to.

#![cfg_attr(
    not(feature = "rustls-tls"),
    allow(dead_code, reason = "what TLS needs is read, and not used")
)]

use std::{
    fmt::{self, Write as _},
    path::PathBuf,
};

use http::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use crate::cluster::{
    error::{ClusterError, Place},
    kubeconfig::{Exec, ProviderConfig},
    proxy::Proxy,
    server::Server,
};

/// How to reach one cluster, and as whom.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) server: Server,
    /// The namespace of a request that names none.
    pub(crate) namespace: String,
    pub(crate) tls: Tls,
    pub(crate) credentials: Credentials,
    /// Sent with each request: whom to impersonate, and what a `kube::Config` asks for.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) proxy: Option<Proxy>,
    /// Where the server is configured.
    pub(crate) place: Place,
}

/// How to know the server, and how to be known by it.
#[derive(Debug, Default)]
pub(crate) struct Tls {
    pub(crate) roots: Roots,
    /// Any certificate is accepted.
    pub(crate) is_insecure: bool,
    /// The name that the server's certificate is for, if that is not its address.
    pub(crate) server_name: Option<String>,
    pub(crate) identity: Option<Identity>,
}

impl Tls {
    /// Returns true if anything is set.
    pub(crate) fn is_configured(&self) -> bool {
        let Self {
            roots,
            is_insecure,
            server_name,
            identity,
        } = self;
        let has_roots = !matches!(roots, Roots::System);
        has_roots || *is_insecure || server_name.is_some() || identity.is_some()
    }
}

/// Whom to trust.
#[derive(Debug, Default)]
pub(crate) enum Roots {
    /// The authorities of the system.
    #[default]
    System,
    Pem(TextOrFile, Place),
    Der(Vec<Vec<u8>>),
}

/// A certificate of the client, and its key.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) certificate: TextOrFile,
    pub(crate) key: TextOrFile,
    pub(crate) place: Place,
}

/// A text of a configuration, or the file that holds it and may change.
#[derive(Clone)]
pub(crate) enum TextOrFile {
    Inline(SecretString),
    File(PathBuf),
}

impl TextOrFile {
    /// Reads it.
    pub(crate) fn read(&self) -> std::io::Result<String> {
        match self {
            Self::Inline(text) => Ok(text.expose_secret().to_owned()),
            Self::File(file) => {
                let bytes = std::fs::read(file)?;
                // Only what is ASCII counts in PEM; text around it may be of any encoding.
                Ok(String::from_utf8_lossy(&bytes).into_owned())
            }
        }
    }
}

impl fmt::Debug for TextOrFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inline(_) => f.write_str("Inline(..)"),
            Self::File(file) => f.debug_tuple("File").field(file).finish(),
        }
    }
}

/// What proves who the client is, beside its certificate.
#[derive(Debug, Default)]
pub(crate) enum Credentials {
    #[default]
    None,
    Basic {
        username: String,
        password: SecretString,
    },
    /// The file counts, if there is one; the text, as long as it cannot be read.
    Token {
        text: Option<SecretString>,
        file: Option<PathBuf>,
        place: Place,
    },
    Plugin {
        exec: Exec,
        /// What the plugin learns of the cluster, if it asks for it.
        cluster: Option<serde_json::Value>,
        place: Place,
    },
    Provider {
        config: ProviderConfig,
        place: Place,
    },
}

impl Credentials {
    pub(crate) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

/// Returns the headers that ask the server to take the client for somebody else.
///
/// Source: <https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/>.
pub(crate) fn impersonation<'a>(
    user: &str,
    uid: &str,
    groups: &[String],
    extra: impl IntoIterator<Item = (&'a String, &'a Vec<String>)>,
    place: &Place,
) -> Result<Vec<(HeaderName, HeaderValue)>, ClusterError> {
    let mut headers = Vec::new();
    let value = |text: &str, what: &str| {
        HeaderValue::from_str(text)
            .map_err(|_| place.invalid(format!("`{what}` cannot be sent as a header")))
    };
    if !user.is_empty() {
        let name = HeaderName::from_static("impersonate-user");
        headers.push((name, value(user, "as")?));
    }
    if !uid.is_empty() {
        let name = HeaderName::from_static("impersonate-uid");
        headers.push((name, value(uid, "as-uid")?));
    }
    for group in groups {
        let name = HeaderName::from_static("impersonate-group");
        headers.push((name, value(group, "as-groups")?));
    }
    for (key, values) in extra {
        let name = format!("impersonate-extra-{}", escape(key));
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| place.invalid("a key of `as-user-extra` cannot be sent as a header"))?;
        for text in values {
            headers.push((name.clone(), value(text, "as-user-extra")?));
        }
    }
    if user.is_empty() && !headers.is_empty() {
        return Err(place.invalid(
            "a uid, groups or extra fields are impersonated without a user: set `as` as well",
        ));
    }
    Ok(headers)
}

/// Escapes what must not be in the name of a header with a percent sign, as Go's client does.
fn escape(key: &str) -> String {
    let mut escaped = String::new();
    for byte in key.bytes() {
        let is_token = byte.is_ascii_alphanumeric() || b"!#$&'*+-.^_`|~".contains(&byte);
        if is_token {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(user: &str, extra: &str) -> Result<Vec<(String, String)>, ClusterError> {
        let extra = (extra.to_owned(), vec!["a".to_owned(), "b".to_owned()]);
        let groups = ["dev".to_owned(), "ops".to_owned()];
        let headers = impersonation(user, "7", &groups, [(&extra.0, &extra.1)], &Place::code())?;
        let text = |value: HeaderValue| value.to_str().expect("ASCII").to_owned();
        let headers = headers.into_iter();
        Ok(headers
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect())
    }

    #[test]
    fn all_that_is_impersonated_is_sent() {
        let headers = headers("jane", "acme.com/Project ü").expect("it can be sent");

        let headers: Vec<_> = headers.iter().map(|(n, v)| (&**n, &**v)).collect();
        assert_eq!(
            headers,
            [
                ("impersonate-user", "jane"),
                ("impersonate-uid", "7"),
                ("impersonate-group", "dev"),
                ("impersonate-group", "ops"),
                ("impersonate-extra-acme.com%2fproject%20%c3%bc", "a"),
                ("impersonate-extra-acme.com%2fproject%20%c3%bc", "b"),
            ]
        );
    }

    #[test]
    fn groups_without_a_user_are_refused() {
        let error = headers("", "k").expect_err("there is no user");

        assert!(error.to_string().contains("set `as` as well"), "{error}");
    }
}
