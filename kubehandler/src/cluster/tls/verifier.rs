//! Whom a server's certificate must be of.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};

use super::pem;
use crate::{cluster::access::Text, log::warn};

/// How often a file of authorities is read again, for connections that are made after.
const REREAD: Duration = Duration::from_secs(60);

/// Trusts the authorities of a bundle, and each certificate in it for its own names, as Go does.
///
/// A file is read again from time to time, and when a certificate is not trusted: authorities
/// change while a program runs.
pub(super) struct Bundle {
    source: Option<Text>,
    provider: Arc<CryptoProvider>,
    last: Mutex<(Instant, Trust)>,
}

/// What one reading of a bundle has brought.
#[derive(Clone)]
struct Trust {
    certificates: Arc<[CertificateDer<'static>]>,
    authorities: Arc<WebPkiServerVerifier>,
}

impl Bundle {
    /// Reads a bundle.
    ///
    /// # Errors
    ///
    /// Fails if it holds no certificate that can be used.
    pub(super) fn new(source: Text, provider: Arc<CryptoProvider>) -> Result<Self, String> {
        let trust = Trust::read(&source, &provider)?;
        Ok(Self {
            source: Some(source),
            provider,
            last: Mutex::new((Instant::now(), trust)),
        })
    }

    pub(super) fn of_der(
        certificates: Vec<Vec<u8>>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, String> {
        let certificates = certificates.into_iter().map(Into::into);
        let trust = Trust::new(certificates.collect(), &provider)?;
        Ok(Self {
            source: None,
            provider,
            last: Mutex::new((Instant::now(), trust)),
        })
    }

    fn current(&self) -> Trust {
        let mut last = self.last.lock();
        if last.0.elapsed() >= REREAD {
            self.reread(&mut last);
        }
        last.1.clone()
    }

    /// Reads the file again; returns what it says if that is something else.
    fn changed(&self) -> Option<Trust> {
        let mut last = self.last.lock();
        let before = last.1.certificates.clone();
        self.reread(&mut last);
        (before != last.1.certificates).then(|| last.1.clone())
    }

    fn reread(&self, (at, trust): &mut (Instant, Trust)) {
        *at = Instant::now();
        let Some(source @ Text::File(file)) = &self.source else {
            return;
        };
        match Trust::read(source, &self.provider) {
            Ok(new) if new.certificates != trust.certificates => *trust = new,
            Ok(_) => {}
            Err(error) => {
                let file = file.display();
                warn!(%file, error, "cannot read the certificate authorities again; the last ones count");
            }
        }
    }
}

impl Trust {
    fn read(source: &Text, provider: &Arc<CryptoProvider>) -> Result<Self, String> {
        let text = source
            .read()
            .map_err(|error| format!("it cannot be read: {error}"))?;
        let blocks = pem::blocks(&text).into_iter();
        let certificates =
            blocks.filter(|block| block.label == "CERTIFICATE" && !block.has_headers);
        Self::new(
            certificates.map(|block| block.der.into()).collect(),
            provider,
        )
    }

    fn new(
        certificates: Arc<[CertificateDer<'static>]>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        let (added, _) = roots.add_parsable_certificates(certificates.iter().cloned());
        if added == 0 {
            return Err(if certificates.is_empty() {
                "it holds no PEM block of the type CERTIFICATE".to_owned()
            } else {
                "none of its certificates can be read".to_owned()
            });
        }
        let authorities =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                .build()
                .map_err(|error| error.to_string())?;
        Ok(Self {
            certificates,
            authorities,
        })
    }

    fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let verified =
            self.authorities
                .verify_server_cert(end_entity, intermediates, server_name, &[], now);
        match verified {
            Err(TlsError::InvalidCertificate(error)) if is_of_the_issuer(&error) => {
                // Its dates have been checked by then.
                if !self.certificates.iter().any(|known| known == end_entity) {
                    return Err(error.into());
                }
                let certificate = ParsedCertificate::try_from(end_entity)?;
                verify_server_name(&certificate, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }
}

/// Returns true if only the signature is missing that an authority should have made.
fn is_of_the_issuer(error: &CertificateError) -> bool {
    match error {
        CertificateError::UnknownIssuer
        | CertificateError::BadSignature
        | CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => true,
        // A certificate that may sign others, as self-made ones may.
        CertificateError::Other(other) => format!("{other:?}").contains("CaUsedAsEndEntity"),
        _ => false,
    }
}

impl ServerCertVerifier for Bundle {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let verify = |trust: &Trust| trust.verify(end_entity, intermediates, server_name, now);
        let verified = verify(&self.current());
        match (verified, &self.source) {
            (Err(error), Some(Text::File(_))) => match self.changed() {
                Some(trust) => verify(&trust),
                None => Err(error),
            },
            (verified, _) => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bundle").field(&self.source).finish()
    }
}

/// Trusts any certificate: what `insecure-skip-tls-verify` asks for.
#[derive(Debug)]
pub(super) struct Anything {
    provider: Arc<CryptoProvider>,
}

impl Anything {
    pub(super) fn new(provider: Arc<CryptoProvider>) -> Self {
        Self { provider }
    }
}

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
