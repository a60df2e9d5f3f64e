//! Ways to get a token that are built into `kube`: `auth-provider`, which plugins have replaced.

use std::{collections::HashMap, future::ready, time::Duration};

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
        config: ProviderConfig,
        place: Place,
        limit: Duration,
    ) -> Result<Self, ClusterError> {
        let what = format!("`auth-provider` `{}`", config.name);
        if cfg!(not(feature = "oidc")) && config.config.contains_key("refresh-token") {
            warn!(
                "{place}: {what} is not renewed when its `id-token` expires: use the feature `oidc` of kubehandler"
            );
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
            .map_err(|error| place.invalid(format!("{what}: {}", chain(&error))))?;
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
        let signed = signed.map_err(|error| self.place.invalid(chain(&*error)))?;
        Ok(signed.headers().get(AUTHORIZATION).cloned())
    }
}
