//! Keys and certificates of a test cluster, made anew each time it starts.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

/// What kube-apiserver and its clients need to trust each other; every field is PEM.
#[derive(Debug)]
pub(super) struct Pki {
    /// Certificate of the authority that signed `server_certificate`; clients trust it.
    pub(super) authority: String,
    /// Certificate of kube-apiserver, for 127.0.0.1 and localhost.
    pub(super) server_certificate: String,
    /// Key of `server_certificate`.
    pub(super) server_key: String,
    /// Key that signs the tokens of service accounts.
    pub(super) accounts_key: String,
    /// Public half of `accounts_key`.
    pub(super) accounts_public_key: String,
}

impl Pki {
    /// Makes all keys and certificates.
    pub(super) fn generate() -> anyhow::Result<Self> {
        let (authority, issuer) = authority().context("failed to make the authority")?;
        let server_key = KeyPair::generate()?;
        let server_certificate = server_params()?.signed_by(&server_key, &issuer)?;
        let accounts_key = KeyPair::generate()?;

        Ok(Self {
            authority,
            server_certificate: server_certificate.pem(),
            server_key: server_key.serialize_pem(),
            accounts_key: accounts_key.serialize_pem(),
            accounts_public_key: accounts_key.public_key_pem(),
        })
    }
}

/// Makes the certificate authority; it is apart from the server's own certificate
/// because rustls refuses one certificate in both roles.
fn authority() -> anyhow::Result<(String, Issuer<'static, KeyPair>)> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
        .distinguished_name
        .push(DnType::CommonName, "kubehandler test authority");

    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?.pem();
    Ok((certificate, Issuer::new(params, key)))
}

fn server_params() -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::new(["localhost".to_owned()])?;
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    params.subject_alt_names.push(SanType::IpAddress(loopback));
    params
        .distinguished_name
        .push(DnType::CommonName, "kube-apiserver");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}
