//! Whom a server's certificate must be of.

use std::{fmt, sync::Arc};

use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor, verify_server_name,
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};

use super::pem;
use crate::{
    Printable,
    cluster::{access::TextOrFile, reread::Reread},
};

/// Trusts the authorities of a bundle, and each certificate in it for its own names, as Go does.
///
/// A file is read again from time to time, and when a certificate is not trusted: authorities
/// change while a program runs.
pub(super) struct Bundle {
    trust: Reread<Trust>,
    provider: Arc<CryptoProvider>,
}

/// What one reading of a bundle has brought.
#[derive(Clone)]
struct Trust {
    certificates: Arc<[CertificateDer<'static>]>,
    /// None if no certificate is one of an authority.
    authorities: Option<Arc<WebPkiServerVerifier>>,
}

impl PartialEq for Trust {
    fn eq(&self, other: &Self) -> bool {
        self.certificates == other.certificates
    }
}

impl Bundle {
    /// Reads a bundle.
    ///
    /// # Errors
    ///
    /// Fails if it holds no certificate that can be used.
    pub(super) fn new(source: TextOrFile, provider: Arc<CryptoProvider>) -> Result<Self, String> {
        let trust = Trust::read(&source, &provider)?;
        let trust = match &source {
            TextOrFile::Inline(_) => Reread::fixed(trust),
            TextOrFile::File(file) => {
                let (file, provider) = (file.display().to_string(), provider.clone());
                Reread::file(trust, move || {
                    Trust::read(&source, &provider)
                        .map_err(|reason| format!("`{}`: {reason}", Printable::new(&file)))
                })
            }
        };
        Ok(Self { trust, provider })
    }

    pub(super) fn of_der(
        certificates: Vec<Vec<u8>>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, String> {
        let certificates = certificates.into_iter().map(Into::into);
        let trust = Reread::fixed(Trust::new(certificates.collect(), &provider)?);
        Ok(Self { trust, provider })
    }
}

impl Trust {
    fn read(source: &TextOrFile, provider: &Arc<CryptoProvider>) -> Result<Self, String> {
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
        let readable = certificates
            .iter()
            .filter(|certificate| ParsedCertificate::try_from(*certificate).is_ok())
            .count();
        let authorities = certificates
            .iter()
            .filter(|certificate| is_authority(certificate, provider));
        let mut roots = RootCertStore::empty();
        let (added, _) = roots.add_parsable_certificates(authorities.cloned());
        if added == 0 && readable == 0 {
            return Err(if certificates.is_empty() {
                "it holds no PEM block of the type CERTIFICATE".to_owned()
            } else {
                "none of its certificates can be read".to_owned()
            });
        }
        let authorities = (added > 0).then(|| {
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build()
        });
        Ok(Self {
            certificates,
            authorities: authorities.transpose().map_err(|error| error.to_string())?,
        })
    }

    fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        now: UnixTime,
        provider: &CryptoProvider,
    ) -> Result<ServerCertVerified, TlsError> {
        if self.certificates.iter().any(|known| known == end_entity) {
            // It needs no signature; its dates and names count.
            match alone(end_entity, now, provider) {
                Err(TlsError::InvalidCertificate(error)) if !is_of_the_issuer(&error) => {
                    return Err(error.into());
                }
                _ => {}
            }
            let certificate = ParsedCertificate::try_from(end_entity)?;
            verify_server_name(&certificate, server_name)?;
            return Ok(ServerCertVerified::assertion());
        }
        match &self.authorities {
            Some(authorities) => {
                authorities.verify_server_cert(end_entity, intermediates, server_name, &[], now)
            }
            None => Err(CertificateError::UnknownIssuer.into()),
        }
    }
}

/// Verifies a certificate without a signature that is trusted: only that may be wrong with it.
fn alone(
    certificate: &CertificateDer<'_>,
    now: UnixTime,
    provider: &CryptoProvider,
) -> Result<(), TlsError> {
    verify_server_cert_signed_by_trust_anchor(
        &ParsedCertificate::try_from(certificate)?,
        &RootCertStore::empty(),
        &[],
        now,
        provider.signature_verification_algorithms.all,
    )
}

/// Returns true if a certificate may sign others: what is not said to, or is of the first version.
///
/// Any other would become an authority for every name. What a certificate is, rustls says only
/// when it is taken for a server's, and after its dates: those are tried that it names.
fn is_authority(certificate: &CertificateDer<'_>, provider: &CryptoProvider) -> bool {
    let mut at = UnixTime::now();
    for _ in 0..3 {
        match alone(certificate, at, provider) {
            Err(TlsError::InvalidCertificate(CertificateError::ExpiredContext {
                not_after,
                ..
            })) => at = not_after,
            Err(TlsError::InvalidCertificate(CertificateError::NotValidYetContext {
                not_before,
                ..
            })) => at = not_before,
            Err(TlsError::InvalidCertificate(CertificateError::Other(other))) => {
                let other = format!("{other:?}");
                return other.contains("CaUsedAsEndEntity")
                    || other.contains("UnsupportedCertVersion");
            }
            _ => return false,
        }
    }
    false
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
        let trust = self.trust.current();
        let verified = trust.verify(end_entity, intermediates, server_name, now, &self.provider);
        if verified.is_err() {
            self.trust.refresh(); // For the next connection.
        }
        verified
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
        f.write_str("Bundle")
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
