//! Ways to get a token that are built into `kube`: `auth-provider`, which plugins have replaced.

use std::{collections::HashMap, error::Error, future::ready, time::Duration};

use futures::future::BoxFuture;
use http::{HeaderValue, Request, Response, header::AUTHORIZATION};
use kube::{
    Config,
    client::{Body, ConfigExt, middleware::AuthLayer},
    config::AuthProviderConfig,
};
use tokio::{runtime::Handle, time::timeout};
use tower::{BoxError, Layer, ServiceExt};

use crate::{
    Printable,
    chain::chain,
    cluster::{
        error::{ClusterError, Place},
        kubeconfig::ProviderConfig,
        thread::on_thread,
    },
    log::warn,
};

/// An `auth-provider`, as far as `kube` knows it.
pub(crate) struct Provider {
    layer: Option<AuthLayer>,
    place: Place,
}

impl Provider {
    /// Sets it up, which may run a program.
    pub(super) async fn new(
        mut config: ProviderConfig,
        place: Place,
        limit: Duration,
    ) -> Result<Self, ClusterError> {
        let what = format!("`auth-provider` `{}`", Printable::new(&config.name));
        if cfg!(not(feature = "oidc")) && config.config.contains_key("refresh-token") {
            warn!(
                "{place}: {what} is not renewed when its `id-token` expires: use the feature `oidc` of kubehandler"
            );
        }
        // Not left to `kube`, which panics on what no header can hold.
        if let Some(token) = config.config.get_mut("id-token") {
            *token = token.trim().to_owned();
            HeaderValue::from_str(token).map_err(|_| {
                place.invalid(format!(
                    "{what}: its `id-token` holds characters that no header can hold, such as line ends"
                ))
            })?;
        }
        let mut kube = Config::new(http::Uri::from_static("http://localhost"));
        kube.auth_info.auth_provider = Some(AuthProviderConfig {
            name: config.name,
            config: HashMap::from_iter(config.config),
            ..AuthProviderConfig::default()
        });
        let runtime = Handle::current();
        // It may run a program to its end, on the thread that asks.
        let run = move || {
            let _runtime = runtime.enter();
            kube.auth_layer()
        };
        let made = timeout(limit, on_thread("credentials", run)).await;
        let made = made.map_err(|_| ClusterError::NoAnswer {
            place: place.clone(),
            what: what.clone(),
            limit,
        })?;
        let layer = made
            .map_err(|error| place.invalid(format!("{what}: {error}")))?
            .map_err(|error| place.invalid(format!("{what}: {}", shown(&error))))?;
        Ok(Self { layer, place })
    }

    /// Returns the header that it puts into a request.
    pub(super) async fn current(&self) -> Result<Option<HeaderValue>, ClusterError> {
        let Some(layer) = &self.layer else {
            return Ok(None);
        };
        let echo = tower::service_fn(|request: Request<Body>| {
            let mut response = Response::new(Body::empty());
            *response.headers_mut() = request.into_parts().0.headers;
            ready(Ok::<_, BoxError>(response))
        });
        let signing = layer.layer(echo).oneshot(Request::new(Body::empty()));
        let signing: BoxFuture<'static, Result<Response<Body>, BoxError>> = Box::pin(signing);
        let signed = signing.await;
        let signed = signed.map_err(|error| self.place.invalid(shown(&*error)))?;
        Ok(signed.headers().get(AUTHORIZATION).cloned())
    }
}

/// Errors of `kube` quote the configuration, and what a program prints, as they are.
fn shown(error: &(dyn Error + 'static)) -> String {
    Printable::new(chain(error)).at_most(2_000).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn white_space_counts_in_a_token_and_not_around_it() {
        let with_token = |token: &str| ProviderConfig {
            name: "oidc".to_owned(),
            config: [("id-token".to_owned(), token.to_owned())].into(),
        };
        let provider = |token| Provider::new(with_token(token), Place::code(), Duration::MAX);

        let around = provider(" A\r\n").await.expect("a token").current().await;
        let within = provider("hunter\n2").await.err();

        assert_eq!(around.expect("a token").expect("a header"), "Bearer A");
        let error = within.expect("no header can hold it").to_string();
        assert!(error.contains("its `id-token` holds characters"), "{error}");
        assert!(!error.contains("hunter"), "{error}");
    }

    #[tokio::test]
    async fn provider_that_is_not_known_is_named_on_one_line() {
        let config = ProviderConfig {
            name: "a\n\u{1b}[2J".to_owned(),
            ..ProviderConfig::default()
        };

        let provider = Provider::new(config, Place::code(), Duration::MAX).await;

        let error = provider.err().expect("it is not known").to_string();
        assert!(error.contains(r"`a\n\u{1b}[2J`"), "{error}");
        assert_eq!(Printable::new(&error).at_most(2_000).to_string(), error);
    }
}
