//! TLS in a build without it.

use crate::cluster::{
    access::Tls,
    dial::Stream,
    error::{ClusterError, Place},
};

const NEEDED: &str = "HTTPS needs the feature `rustls-tls` of kubehandler";

#[derive(Clone)]
pub(crate) enum TlsClient {}

impl TlsClient {
    pub(crate) fn new(
        _: Tls,
        place: &Place,
        _: Option<&PluginIdentity>,
    ) -> Result<Self, ClusterError> {
        Err(place.invalid(NEEDED))
    }

    pub(crate) fn version(&self) -> u64 {
        match *self {}
    }

    pub(crate) fn rejected(&self) {
        match *self {}
    }

    pub(crate) async fn to_server(&self, _: &str, _: Stream) -> Result<Stream, String> {
        match *self {}
    }

    #[cfg(feature = "proxy")]
    pub(crate) async fn to_host(&self, _: &str, _: Stream) -> Result<Stream, String> {
        match *self {}
    }
}

/// The certificate of a plugin, which nothing asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct PluginIdentity;

impl PluginIdentity {
    pub(crate) fn set(&self, pem: Option<(&str, &str)>) -> Result<(), String> {
        match pem {
            Some(_) => Err(NEEDED.to_owned()),
            None => Ok(()),
        }
    }

    pub(crate) fn version(&self) -> u64 {
        0
    }
}
