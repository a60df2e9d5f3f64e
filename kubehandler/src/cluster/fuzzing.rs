//! What the fuzz targets of `kubehandler/fuzz` reach: the readers of what finds a cluster.
//!
//! It is built with `--cfg fuzzing` only, and is no part of the public API.

use std::path::PathBuf;

use http::Uri;
use serde_json::Value;

pub use super::credentials::fuzzing::{Taken, take_answer};
use super::{
    Access, AnswerTimes, CONNECT_TIMEOUT, Cluster, Credentials, Environment, Signer, Stages,
    TlsClient, access::Roots, environment::ProxyVariables, error::ClusterError, kubeconfig,
    proxy::Proxy, reread::aside, select::select, server::Server,
};

/// Some kubeconfig files, read and merged.
#[derive(Debug)]
pub struct Kubeconfig(kubeconfig::Kubeconfig);

/// How a context of a kubeconfig reaches its cluster.
#[derive(Debug)]
pub struct Reached {
    /// All that was understood, without secrets.
    pub access: String,
    /// The address of the server.
    pub server: ServerParts,
    /// The proxy, if there is one.
    pub proxy: Option<ProxyParts>,
    /// Credentials or a certificate are sent to the server, or a plugin is run for them.
    pub has_credentials: bool,
}

impl Kubeconfig {
    /// Reads and merges these texts; each stands in the file beside it.
    ///
    /// # Errors
    ///
    /// Fails as reading the files does.
    pub fn read(files: &[(PathBuf, Vec<u8>)]) -> Result<Self, ClusterError> {
        kubeconfig::Kubeconfig::of_texts(files).map(Self)
    }

    /// Writes all that was understood, secrets included.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.0.to_json()
    }

    /// Makes what a client needs for this context, except that no credentials plugin runs.
    ///
    /// # Errors
    ///
    /// Fails as connecting does.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops it at once.
    pub async fn reach(&self, context: Option<&str>) -> Result<Reached, ClusterError> {
        let environment = Environment::default();
        let mut access = select(&self.0, context, &environment)?;
        let shown = format!("{access:?}");
        Cluster::find().guard(&mut access, &environment);
        let reached = Reached {
            access: shown,
            server: ServerParts::of(&access.server),
            proxy: access.proxy.as_ref().map(ProxyParts::of),
            has_credentials: !access.credentials.is_none() || access.tls.identity.is_some(),
        };
        let stages = Stages::default();
        if !matches!(access.credentials, Credentials::Plugin { .. }) {
            Signer::new(&mut access, &stages, AnswerTimes::of(CONNECT_TIMEOUT)).await?;
        }
        if access.server.is_https() {
            let Access { mut tls, place, .. } = access;
            // Reading the authorities of the system takes longer than all the rest.
            tls.is_insecure |= matches!(tls.roots, Roots::System);
            aside(&stages, move || TlsClient::new(tls, &place, None)).await?;
        }
        Ok(reached)
    }
}

/// The parts of a server's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerParts {
    /// The scheme is https.
    pub is_https: bool,
    /// The host, without the brackets of an IPv6 address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The address as messages show it.
    pub shown: String,
    /// The address of a request for `/api?limit=1`, unless it cannot be made.
    pub request: Option<String>,
}

impl ServerParts {
    /// Reads the address of a server; one without a scheme is of https if `has_tls`.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it.
    pub fn parse(text: &str, has_tls: bool) -> Result<Self, String> {
        Server::parse(text, has_tls).map(|server| Self::of(&server))
    }

    fn of(server: &Server) -> Self {
        let (host, port) = server.host();
        let request = server.join(&Uri::from_static("/api?limit=1"));
        Self {
            is_https: server.is_https(),
            host: host.to_owned(),
            port,
            shown: server.to_string(),
            request: request.ok().map(|uri| uri.to_string()),
        }
    }
}

/// The parts of a proxy's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyParts {
    /// The address to connect to.
    pub uri: String,
    /// The address as messages and logs show it.
    pub shown: String,
    /// The user and the password.
    pub auth: Option<(String, String)>,
}

impl ProxyParts {
    /// Reads the address of a proxy.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it.
    pub fn parse(url: &str) -> Result<Self, String> {
        Proxy::parse(url).map(|proxy| Self::of(&proxy))
    }

    /// Finds the proxy that `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` name for a server.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the server or with a variable.
    pub fn of_environment(
        server: &str,
        https: Option<&str>,
        http: Option<&str>,
        none: Option<&str>,
    ) -> Result<Option<Self>, String> {
        let variables = ProxyVariables {
            https: https.map(Into::into),
            http: http.map(Into::into),
            none: none.map(Into::into),
        };
        let server = Server::parse(server, true)?;
        let proxy = Proxy::of_environment(&variables, &server)?;
        Ok(proxy.as_ref().map(Self::of))
    }

    fn of(proxy: &Proxy) -> Self {
        Self {
            uri: proxy.uri().to_string(),
            shown: format!("{proxy} {proxy:?}"),
            auth: proxy.auth.clone(),
        }
    }
}
