//! What proves who the client is, put into each request.

mod bearer;
mod plugin;
mod provider;
mod token_file;

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use secrecy::ExposeSecret;

use crate::cluster::{
    access::{Access, Credentials},
    error::ClusterError,
    proxy::basic,
    reread::{Reread, aside},
    stage::{AnswerTimes, Stages},
    tls::PluginIdentity,
};

#[cfg(fuzzing)]
pub(crate) use plugin::fuzzing;

use bearer::{Generation, bearer};
use plugin::Plugin;
use provider::Provider;
use token_file::token_file;

/// Signs requests.
pub(crate) enum Signer {
    Nobody,
    /// Always the same.
    Header(HeaderValue),
    TokenFile(Reread<HeaderValue>),
    Plugin(Arc<Plugin>),
    Provider(Provider),
}

impl Signer {
    /// Takes credentials out of `access`, and gets the first ones from a plugin.
    ///
    /// # Errors
    ///
    /// Fails if they cannot be used, or if a plugin does not answer in time.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends a plugin that runs.
    pub(crate) async fn new(
        access: &mut Access,
        stages: &Stages,
        times: AnswerTimes,
    ) -> Result<Self, ClusterError> {
        Ok(match std::mem::take(&mut access.credentials) {
            Credentials::None => Self::Nobody,
            Credentials::Basic { username, password } => {
                Self::Header(basic(&username, password.expose_secret()))
            }
            Credentials::Token {
                text,
                file: None,
                place,
            } => Self::Header(bearer(&text.unwrap_or_default(), &place)?),
            Credentials::Token {
                text,
                file: Some(file),
                place,
            } => {
                let read = move || token_file(file, text.as_ref(), place);
                Self::TokenFile(aside(stages, read).await?)
            }
            Credentials::Plugin {
                exec,
                cluster,
                place,
            } => {
                let plugin = Plugin::new(exec, cluster, place, stages.clone(), times);
                let plugin = Arc::new(plugin);
                plugin.start().await?;
                Self::Plugin(plugin)
            }
            Credentials::Provider { config, place } => {
                Self::Provider(Provider::new(config, place, times.alone).await?)
            }
        })
    }

    /// Returns where a plugin puts the client's certificate, if there is a plugin.
    pub(crate) fn identity(&self) -> Option<&PluginIdentity> {
        match self {
            Self::Plugin(plugin) => Some(plugin.identity()),
            _ => None,
        }
    }

    /// Returns a number that is another one once a plugin has given another certificate.
    pub(crate) fn version(&self) -> u64 {
        self.identity().map_or(0, PluginIdentity::version)
    }

    /// Signs a request, unless it is signed already.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not stop a plugin that runs; its answer is for the next request.
    pub(crate) async fn sign(&self, headers: &mut HeaderMap) -> Result<Generation, ClusterError> {
        if headers.contains_key(AUTHORIZATION) {
            return Ok(Generation::default());
        }
        let (value, generation) = match self {
            Self::Nobody => (None, Generation::default()),
            Self::Header(value) => (Some(value.clone()), Generation::default()),
            Self::TokenFile(file) => (Some(file.current()), Generation::default()),
            Self::Provider(provider) => (provider.current().await?, Generation::default()),
            Self::Plugin(plugin) => plugin.current().await?,
        };
        if let Some(value) = value {
            headers.insert(AUTHORIZATION, value);
        }
        Ok(generation)
    }

    /// Notes that the server did not accept credentials of this generation.
    pub(crate) fn rejected(&self, generation: Generation) {
        match self {
            Self::TokenFile(file) => file.refresh(),
            Self::Plugin(plugin) => plugin.rejected(generation),
            Self::Nobody | Self::Header(_) | Self::Provider(_) => {}
        }
    }
}
