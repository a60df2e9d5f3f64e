//! TLS as kubectl has it: whom to trust, as whom to appear.

mod identity;
mod pem;
mod provider;
mod verifier;

use std::sync::Arc;

use tokio_rustls::{
    TlsConnector,
    rustls::{
        CertificateError, ClientConfig, Error as TlsError, InvalidMessage,
        client::{ResolvesClientCert, Resumption, danger::ServerCertVerifier},
        crypto::CryptoProvider,
        pki_types::ServerName,
    },
};

pub(crate) use identity::PluginIdentity;

use crate::cluster::{
    access::{Roots, Tls},
    dial::Stream,
    error::{ClusterError, Place},
    tls::{
        identity::FromFiles,
        provider::provider,
        verifier::{Anything, Bundle},
    },
};

/// What it takes to speak TLS with a server, and with a proxy in front of it.
#[derive(Clone)]
pub(crate) struct TlsClient {
    config: Arc<ClientConfig>,
    server_name: Option<ServerName<'static>>,
    files: Option<FromFiles>,
}

impl TlsClient {
    /// Prepares TLS; a credentials plugin may give the client's certificate later.
    ///
    /// # Errors
    ///
    /// Fails if a certificate or a key cannot be used, and says why.
    pub(crate) fn new(
        tls: Tls,
        place: &Place,
        plugin: Option<&PluginIdentity>,
    ) -> Result<Self, ClusterError> {
        let provider = provider().map_err(|reason| place.invalid(reason))?;
        let server_name = tls.server_name.map(|name| {
            ServerName::try_from(name).map_err(|_| {
                place.invalid("`tls-server-name` is neither a DNS name nor an address")
            })
        });
        let server_name = server_name.transpose()?;
        let verifier: Arc<dyn ServerCertVerifier> = if tls.is_insecure {
            Arc::new(Anything::new(provider.clone()))
        } else {
            verifier(tls.roots, place, &provider)?
        };
        let files = tls
            .identity
            .map(|identity| FromFiles::new(identity, provider.clone()));
        let files = files.transpose()?;
        let identity: Option<Arc<dyn ResolvesClientCert>> = match (&files, plugin) {
            (Some(files), _) => Some(Arc::new(files.clone())),
            (None, Some(plugin)) => Some(Arc::new(plugin.clone())),
            (None, None) => None,
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| place.invalid(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match identity {
            Some(identity) => builder.with_client_cert_resolver(identity),
            None => builder.with_no_client_auth(),
        };
        // A resumed session would be that of an authority or an identity of the past.
        config.resumption = Resumption::disabled();
        Ok(Self {
            config: Arc::new(config),
            server_name,
            files,
        })
    }

    /// Returns a number that is another one for another certificate of the client.
    pub(crate) fn version(&self) -> u64 {
        self.files.as_ref().map_or(0, FromFiles::version)
    }

    /// Notes that the server did not accept the client's certificate.
    pub(crate) fn rejected(&self) {
        if let Some(files) = &self.files {
            files.refresh();
        }
    }

    /// Makes a connection to the server, or to whatever it redirects to, a secure one.
    ///
    /// # Errors
    ///
    /// Says why the handshake failed, and what to do about it.
    pub(crate) async fn to_server(&self, host: &str, io: Stream) -> Result<Stream, String> {
        match &self.server_name {
            Some(name) => self.shake_hands(name.clone(), io).await,
            None => self.to_host(host, io).await,
        }
    }

    /// Makes a connection to a proxy a secure one.
    ///
    /// # Errors
    ///
    /// Says why the handshake failed, and what to do about it.
    pub(crate) async fn to_host(&self, host: &str, io: Stream) -> Result<Stream, String> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| "its host is neither a DNS name nor an address".to_owned())?;
        self.shake_hands(name, io).await
    }

    async fn shake_hands(&self, name: ServerName<'static>, io: Stream) -> Result<Stream, String> {
        let connector = TlsConnector::from(self.config.clone());
        let secure = connector.connect(name, io).await;
        let secure = secure.map_err(|error| {
            let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
            inner.map_or_else(|| error.to_string(), explain)
        })?;
        Ok(Box::new(secure))
    }
}

fn verifier(
    roots: Roots,
    place: &Place,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, ClusterError> {
    let invalid = |reason: String| place.invalid(reason);
    Ok(match roots {
        Roots::System => Arc::new(
            rustls_platform_verifier::Verifier::new(provider.clone()).map_err(|error| {
                invalid(format!(
                    "the system's certificate authorities cannot be read: {error}"
                ))
            })?,
        ),
        Roots::Pem(text, place) => Arc::new(
            Bundle::new(text, provider.clone())
                .map_err(|reason| place.invalid(format!("`certificate-authority`: {reason}")))?,
        ),
        Roots::Der(certificates) => {
            Arc::new(Bundle::of_der(certificates, provider.clone()).map_err(invalid)?)
        }
    })
}

/// Says why a handshake failed, and what to do about it.
pub(crate) fn explain(error: &TlsError) -> String {
    let error = match error {
        TlsError::InvalidCertificate(error) => error,
        TlsError::InvalidMessage(InvalidMessage::InvalidContentType) => {
            return "the server does not speak TLS there: write `http://`, or correct the port"
                .to_owned();
        }
        TlsError::AlertReceived(alert) => {
            return format!(
                "the server refused the handshake: {alert:?}; check the client's certificate, and that the server knows TLS 1.2 or 1.3"
            );
        }
        other => return other.to_string(),
    };
    let advice = match error {
        // Of an authority that has only its name in common with the one that is trusted.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "it is signed by an authority that is not trusted; set `certificate-authority` to the certificate of its issuer"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "set `tls-server-name` to a name that it is for"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "check the clock of this machine"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "renew it, or check the clock of this machine"
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            return "the server's certificate, or one above it, has a signature that TLS does not accept here, such as SHA-1 or one of P-521: issue it anew, or use the feature `aws-lc-rs` for P-521".to_owned();
        }
        CertificateError::Other(other)
            if format!("{other:?}").contains("UnsupportedCertVersion") =>
        {
            "it is of X.509 version 1, where TLS needs version 3; issue it anew, with its names as subjectAltName"
        }
        _ => "check the certificate authority and the server name",
    };
    format!("invalid server certificate: {error}; {advice}")
}
