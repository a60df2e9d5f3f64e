//! What takes the requests of a client: address, headers, credentials, redirects.

use std::{
    error::Error,
    sync::Arc,
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri,
    header::{AUTHORIZATION, LOCATION, PROXY_AUTHORIZATION, USER_AGENT},
    request::Parts,
};
use hyper::body::Incoming;
use hyper_util::{client::legacy, rt::TokioExecutor};
use kube::client::Body;
use parking_lot::Mutex;
use tower::Service;

use crate::{
    Printable,
    cluster::{
        credentials::Signer,
        dial::{DialError, Dialer},
        error::ClusterError,
        proxy::{Proxy, basic},
        server::Server,
        stage::Stages,
    },
};

/// As many as Go's client follows.
const MAX_REDIRECTS: usize = 10;

/// The most bytes that are read from a connection at once.
///
/// By default hyper reads 400 KiB when a list is fast. Buffers of that size, made between the objects
/// that an informer keeps, leave holes that objects then fill in part, so that the next list needs new
/// room.
const MAX_BUFFER: usize = 64 * 1024;

/// Who asks, for the server's audit log.
const AGENT: &str = concat!("kubehandler/", env!("CARGO_PKG_VERSION"));

type Http = legacy::Client<Dialer, Body>;

/// Why a request got no response.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error(transparent)]
    Address(#[from] http::Error),
    #[error(transparent)]
    Credentials(#[from] ClusterError),
    /// Says enough by itself, and names the host.
    #[error(transparent)]
    Dial(DialError),
    #[error(transparent)]
    Http(legacy::Error),
    #[error("the server redirects more than {MAX_REDIRECTS} times")]
    Redirects,
    #[error("the server redirects to `{}`, which is no address", Printable::new(.0))]
    Redirect(String),
    #[error(
        "the server redirects what is written to `{}`: set `server` to that",
        Printable::new(.0)
    )]
    Moved(String),
}

/// Sends the requests of a client to one server.
#[derive(Clone)]
pub(crate) struct Requests(Arc<Inner>);

struct Inner {
    server: Server,
    headers: Vec<(HeaderName, HeaderValue)>,
    signer: Signer,
    dialer: Dialer,
    stages: Stages,
    /// For a proxy that forwards requests of plain HTTP; tunnels know it already.
    proxy_auth: Option<HeaderValue>,
    /// The client, with connections that know these certificates.
    http: Mutex<((u64, u64), Http)>,
    /// What lives as long as the client.
    _keeper: Box<dyn Send + Sync>,
}

impl Requests {
    pub(crate) fn new(
        server: Server,
        headers: Vec<(HeaderName, HeaderValue)>,
        proxy: Option<&Proxy>,
        signer: Signer,
        dialer: Dialer,
        stages: Stages,
        keeper: Box<dyn Send + Sync>,
    ) -> Self {
        let forwards = proxy.filter(|proxy| proxy.forwards(false));
        let auth = forwards.and_then(|proxy| proxy.auth.as_ref());
        let proxy_auth = auth.map(|(user, password)| basic(user, password));
        let version = (signer.version(), dialer.version());
        let http = Mutex::new((version, http(&dialer)));
        Self(Arc::new(Inner {
            server,
            headers,
            signer,
            dialer,
            stages,
            proxy_auth,
            http,
            _keeper: keeper,
        }))
    }
}

fn http(dialer: &Dialer) -> Http {
    legacy::Client::builder(TokioExecutor::new())
        .http1_max_buf_size(MAX_BUFFER)
        .build(dialer.clone())
}

impl Service<Request<Body>> for Requests {
    type Response = Response<Incoming>;
    type Error = RequestError;
    type Future = BoxFuture<'static, Result<Self::Response, RequestError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), RequestError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let inner = self.0.clone();
        Box::pin(async move { inner.send(request).await })
    }
}

impl Inner {
    async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>, RequestError> {
        let (mut parts, body) = request.into_parts();
        parts.uri = self.server.join(&parts.uri)?;
        for (name, value) in &self.headers {
            parts.headers.append(name, value.clone());
        }
        if !parts.headers.contains_key(USER_AGENT) {
            let agent = HeaderValue::from_static(AGENT);
            parts.headers.insert(USER_AGENT, agent);
        }
        let generation = self.signer.sign(&mut parts.headers).await?;
        let response = self.follow(parts, body).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            self.signer.rejected(generation);
            self.dialer.rejected();
        }
        Ok(response)
    }

    /// Sends a request, and again wherever a GET is redirected to.
    async fn follow(
        &self,
        mut parts: Parts,
        body: Body,
    ) -> Result<Response<Incoming>, RequestError> {
        let can_follow = matches!(parts.method, Method::GET | Method::HEAD);
        if !can_follow {
            let from = parts.uri.clone();
            let response = self.once(Request::from_parts(parts, body)).await?;
            return match redirect(&response, &from)? {
                // A client would read it as what it asked for.
                Some(target) => Err(RequestError::Moved(target.to_string())),
                None => Ok(response),
            };
        }
        for _ in 0..=MAX_REDIRECTS {
            let mut request = Request::new(Body::empty());
            *request.method_mut() = parts.method.clone();
            *request.uri_mut() = parts.uri.clone();
            *request.headers_mut() = parts.headers.clone();
            let response = self.once(request).await?;
            let Some(target) = redirect(&response, &parts.uri)? else {
                return Ok(response);
            };
            if !is_same_origin(&target, &parts.uri) {
                disown(&mut parts.headers);
            }
            parts.uri = target;
        }
        Err(RequestError::Redirects)
    }

    async fn once(&self, mut request: Request<Body>) -> Result<Response<Incoming>, RequestError> {
        let server = &self.server;
        let _stage = self.stages.enter(format_args!("an answer from `{server}`"));
        if request.uri().scheme_str() == Some("http")
            && let Some(auth) = &self.proxy_auth
        {
            let headers = request.headers_mut();
            headers.insert(PROXY_AUTHORIZATION, auth.clone());
        }
        let http = self.http();
        match http.request(request).await {
            Ok(response) => Ok(response),
            Err(error) => Err(
                match error.source().and_then(|s| s.downcast_ref::<DialError>()) {
                    Some(dial) => RequestError::Dial(dial.clone()),
                    None => RequestError::Http(error),
                },
            ),
        }
    }

    /// Returns the client, with connections that know the current certificate.
    fn http(&self) -> Http {
        let mut http = self.http.lock();
        let version = (self.signer.version(), self.dialer.version());
        if http.0 != version {
            *http = (version, self::http(&self.dialer));
        }
        http.1.clone()
    }
}

/// Returns where a response redirects to, if it does.
fn redirect<B>(response: &Response<B>, from: &Uri) -> Result<Option<Uri>, RequestError> {
    let is_redirect = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let Some(location) = response.headers().get(LOCATION).filter(|_| is_redirect) else {
        return Ok(None);
    };
    let target = location.to_str().ok().and_then(|text| resolve(text, from));
    match target {
        Some(target) => Ok(Some(target)),
        None => Err(RequestError::Redirect(
            String::from_utf8_lossy(location.as_bytes()).into_owned(),
        )),
    }
}

fn resolve(location: &str, from: &Uri) -> Option<Uri> {
    let location = location.split('#').next().unwrap_or_default();
    let scheme = from.scheme_str()?;
    let absolute = if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{}{location}", from.authority()?)
    } else if location.contains("://") {
        location.to_owned()
    } else {
        let path = from.path();
        let directory = &path[..=path.rfind('/')?];
        format!("{scheme}://{}{directory}{location}", from.authority()?)
    };
    let target: Uri = absolute.parse().ok()?;
    let is_http = matches!(target.scheme_str(), Some("http" | "https"));
    (is_http && target.authority().is_some()).then_some(target)
}

fn is_same_origin(a: &Uri, b: &Uri) -> bool {
    let port = |uri: &Uri| {
        let default = if uri.scheme_str() == Some("https") {
            443
        } else {
            80
        };
        uri.port_u16().unwrap_or(default)
    };
    a.scheme() == b.scheme() && a.host() == b.host() && port(a) == port(b)
}

/// Takes out what another server is not to know.
fn disown(headers: &mut HeaderMap) {
    headers.remove(AUTHORIZATION);
    let impersonation: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with("impersonate-"))
        .cloned()
        .collect();
    for name in impersonation {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().expect(text)
    }

    #[test]
    fn locations_are_read_as_browsers_read_them() {
        let from = uri("https://a:1/x/y?z");
        for (location, expected) in [
            ("https://b/c?d#e", Some("https://b/c?d")),
            ("//b/c", Some("https://b/c")),
            ("/c?d", Some("https://a:1/c?d")),
            ("c", Some("https://a:1/x/c")),
            ("ftp://b/c", None),
            ("https://", None),
        ] {
            assert_eq!(resolve(location, &from), expected.map(uri), "{location}");
        }
    }

    #[test]
    fn another_server_does_not_learn_who_asks() {
        let mut headers = HeaderMap::new();
        for name in [
            "authorization",
            "impersonate-user",
            "impersonate-extra-a",
            "accept",
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static("x"));
        }

        disown(&mut headers);

        assert_eq!(
            headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(),
            ["accept"]
        );
        assert!(is_same_origin(&uri("https://a/x"), &uri("https://a:443/y")));
        for other in ["http://a", "https://b", "https://a:444"] {
            assert!(!is_same_origin(&uri(other), &uri("https://a")), "{other}");
        }
    }
}
