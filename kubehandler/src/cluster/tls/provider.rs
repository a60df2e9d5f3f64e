//! The cryptographic algorithms that TLS uses.

use std::sync::Arc;

use tokio_rustls::rustls::crypto::CryptoProvider;

/// Returns the cryptography that the program has chosen, or that a feature names.
pub(super) fn provider() -> Result<Arc<CryptoProvider>, String> {
    if let Some(provider) = CryptoProvider::get_default() {
        return Ok(provider.clone());
    }
    #[cfg(feature = "ring")]
    let provider = Ok(tokio_rustls::rustls::crypto::ring::default_provider());
    #[cfg(all(feature = "aws-lc-rs", not(feature = "ring")))]
    let provider = Ok(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    #[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
    let provider = Err("HTTPS needs the feature `ring` or `aws-lc-rs` of kubehandler".to_owned());
    provider.map(Arc::new)
}
