//! The client's own certificate, which may change while the program runs.

use std::{fmt, sync::Arc};

use parking_lot::Mutex;
use tokio_rustls::rustls::{
    Error as TlsError, InconsistentKeys, SignatureScheme,
    client::ResolvesClientCert,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer},
    sign::{CertifiedKey, SigningKey},
};

use super::pem::{self, Block};
use crate::{
    Printable,
    cluster::{
        access::{Identity, TextOrFile},
        error::ClusterError,
        reread::Reread,
    },
};

/// A certificate and a key out of a configuration, read again from time to time if they are files.
#[derive(Clone)]
pub(crate) struct FromFiles(Reread<Key>);

/// A key is that of its certificate: the chain tells one from another.
#[derive(Clone)]
struct Key(Arc<CertifiedKey>);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0.cert == other.0.cert
    }
}

impl FromFiles {
    pub(super) fn new(
        identity: Identity,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, ClusterError> {
        let key = read(&identity, &provider).map_err(|reason| identity.place.invalid(reason))?;
        let is_file = matches!(identity.certificate, TextOrFile::File(_))
            || matches!(identity.key, TextOrFile::File(_));
        let again = move || {
            let key = read(&identity, &provider);
            key.map_err(|reason| identity.place.invalid(reason).to_string())
        };
        Ok(Self(if is_file {
            Reread::file(key, again)
        } else {
            Reread::fixed(key)
        }))
    }

    /// Returns a number that is another one for another certificate.
    pub(super) fn version(&self) -> u64 {
        self.0.version()
    }

    /// Has the files read again: the server did not accept the certificate.
    pub(super) fn refresh(&self) {
        self.0.refresh();
    }
}

impl fmt::Debug for FromFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FromFiles")
    }
}

impl ResolvesClientCert for FromFiles {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.current().0)
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// The certificate that a credentials plugin gave last, if it gave one.
#[derive(Clone, Default)]
pub(crate) struct PluginIdentity(Arc<Mutex<Given>>);

#[derive(Default)]
struct Given {
    key: Option<Arc<CertifiedKey>>,
    version: u64,
}

impl PluginIdentity {
    /// Takes another certificate and key, as PEM.
    ///
    /// # Errors
    ///
    /// Says why they cannot be used.
    pub(crate) fn set(&self, pem: Option<(&str, &str)>) -> Result<(), String> {
        let provider = super::provider::provider()?;
        let key = pem.map(|(certificate, key)| certified_key(certificate, key, &provider));
        let key = key.transpose()?.map(Arc::new);
        let mut given = self.0.lock();
        if given.key.as_ref().map(|key| &key.cert) != key.as_ref().map(|key| &key.cert) {
            given.version += 1;
        }
        given.key = key;
        Ok(())
    }

    /// Returns a number that is another one for another certificate.
    pub(crate) fn version(&self) -> u64 {
        self.0.lock().version
    }
}

impl fmt::Debug for PluginIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PluginIdentity")
    }
}

impl ResolvesClientCert for PluginIdentity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.lock().key.clone()
    }

    fn has_certs(&self) -> bool {
        self.0.lock().key.is_some()
    }
}

fn read(identity: &Identity, provider: &CryptoProvider) -> Result<Key, String> {
    let text = |text: &TextOrFile, what: &str| {
        let read = text.read();
        read.map_err(|error| format!("`{what}` cannot be read: {error}"))
    };
    let certificate = text(&identity.certificate, "client-certificate")?;
    let key = text(&identity.key, "client-key")?;
    Ok(Key(Arc::new(certified_key(&certificate, &key, provider)?)))
}

fn certified_key(
    certificate: &str,
    key: &str,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, String> {
    let blocks = pem::blocks(certificate);
    let has_key = blocks.iter().any(is_key);
    let chain: Vec<CertificateDer<'static>> = blocks
        .into_iter()
        .filter(|block| block.label == "CERTIFICATE")
        .map(|block| block.der.into())
        .collect();
    if chain.is_empty() {
        return Err(if has_key {
            "the client certificate holds a key and no certificate: were both exchanged?".to_owned()
        } else {
            "the client certificate holds no PEM block of the type CERTIFICATE".to_owned()
        });
    }
    let key = signing_key(key, provider)?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) | Err(TlsError::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
        Err(TlsError::InconsistentKeys(_)) => {
            Err("the client key is not that of the client certificate".to_owned())
        }
        Err(error) => Err(format!("the client certificate cannot be used: {error}")),
    }
}

fn is_key(block: &Block) -> bool {
    block.label == "PRIVATE KEY" || block.label.ends_with(" PRIVATE KEY")
}

fn signing_key(key: &str, provider: &CryptoProvider) -> Result<Arc<dyn SigningKey>, String> {
    let blocks = pem::blocks(key);
    let Some(block) = blocks.into_iter().find(is_key) else {
        return Err("the client key holds no PEM block of a PRIVATE KEY".to_owned());
    };
    // Whatever the label says: there are keys under wrong ones, and Go reads them.
    let forms: [fn(Vec<u8>) -> PrivateKeyDer<'static>; 3] = [
        |der| PrivateKeyDer::Pkcs8(der.into()),
        |der| PrivateKeyDer::Pkcs1(der.into()),
        |der| PrivateKeyDer::Sec1(der.into()),
    ];
    let mut keys = forms.iter().filter_map(|form| {
        provider
            .key_provider
            .load_private_key(form(block.der.clone()))
            .ok()
    });
    keys.next().ok_or_else(|| {
        if block.has_headers || block.label == "ENCRYPTED PRIVATE KEY" {
            return "the client key is encrypted: decrypt it, as `openssl pkey -in KEY` does"
                .to_owned();
        }
        format!(
            "the client key, a `{}`, is of no kind that TLS accepts here: use RSA of 2048 to 8192 bits, ECDSA of P-256 or P-384, or Ed25519",
            Printable::new(&block.label)
        )
    })
}
