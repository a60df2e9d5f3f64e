//! Which requests a listener refuses: those of web pages, and those that name a foreign host.
//!
//! A page of any web site can send requests to the loopback; the browser names the site in `Origin`. A
//! page that is served under a name which leads to the loopback (DNS rebinding) could read the answers
//! too; the browser sends that name in `Host`. A client inside the process has no browser in between,
//! so nothing is refused there.

mod host;
#[cfg(test)]
mod tests;

use std::{
    future::ready,
    io,
    net::IpAddr,
    sync::Arc,
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use http::{HeaderMap, Method, Request, Response, Version, header};
use tower::Service;

use self::host::Host;
use crate::{
    failure::{Failure, quoted},
    group::GroupResource,
    pipeline::{is_control_path, service::ApiService},
    wire::{
        media::is_json,
        reply::{self, ReplyBody},
    },
};

/// How a page is related to the server it asks, in the browser's words.
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// The hosts by which a listener is reached.
#[derive(Clone, Debug)]
pub(crate) struct Hosts {
    /// The address it is bound to.
    bound: IpAddr,
    /// The hosts that the user allows.
    allowed: Arc<[Host]>,
}

impl Hosts {
    /// Takes the address that the listener is bound to, and the hosts that the user allows.
    pub(crate) fn new(bound: IpAddr, allowed: &[String]) -> Self {
        let allowed = allowed.iter().filter_map(|host| Host::alone(host));
        Self {
            bound: bound.to_canonical(),
            allowed: allowed.collect(),
        }
    }

    /// Fails with the reason if the request is refused.
    fn refuse<B>(&self, request: &Request<B>) -> Result<(), Failure> {
        self.check_host(request)?;
        let headers = request.headers();
        if !is_control_path(request.uri().path()) {
            return self.check_origin(headers);
        }
        if is_from_page(headers) {
            let why = "no web page can use what is below `/kubehandler/`";
            return Err(Failure::forbidden(GroupResource::none(), "", why));
        }
        // A page can send the other types without the browser asking the server first.
        if request.method() == Method::POST && !is_json(headers.get(header::CONTENT_TYPE)) {
            return Err(Failure::unsupported_media_type(&["application/json"]));
        }
        Ok(())
    }

    /// Fails unless every host that the request names is this listener's.
    fn check_host<B>(&self, request: &Request<B>) -> Result<(), Failure> {
        let named = request.headers().get_all(header::HOST);
        // HTTP/2 has it in the URI, and so has a request to a proxy.
        let authority = request.uri().authority();
        let count = named.iter().count();
        let is_said = match request.version() {
            // HTTP/1.0 does not need one, and browsers do not use it.
            Version::HTTP_09 | Version::HTTP_10 => true,
            Version::HTTP_11 => count > 0,
            _ => count > 0 || authority.is_some(),
        };
        if !is_said {
            return Err(Failure::bad_request("missing required Host header"));
        }
        if count > 1 {
            return Err(Failure::bad_request("too many Host headers"));
        }
        let named = named.iter().map(|host| host.to_str().unwrap_or_default());
        for text in named.chain(authority.map(http::uri::Authority::as_str)) {
            match Host::of_authority(text) {
                None => return Err(Failure::bad_request("malformed Host header")),
                Some(host) if !self.serves(&host) => return Err(Failure::misdirected(text)),
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Fails if the request is that of a page from elsewhere.
    fn check_origin(&self, headers: &HeaderMap) -> Result<(), Failure> {
        for origin in headers.get_all(header::ORIGIN) {
            let origin = String::from_utf8_lossy(origin.as_bytes());
            if !Host::of_origin(&origin).is_some_and(|host| self.owns(&host)) {
                let why = format!("pages of the origin {} are not served", quoted(&origin));
                return Err(Failure::forbidden(GroupResource::none(), "", &why));
            }
        }
        Ok(())
    }

    /// Returns true if the host is the loopback, the address of the listener, or one that is allowed.
    fn owns(&self, host: &Host) -> bool {
        host.is_loopback() || *host == Host::Address(self.bound) || self.allowed.contains(host)
    }

    /// Returns true if a client may reach the listener by this host.
    fn serves(&self, host: &Host) -> bool {
        // A listener that is bound to every address can be reached by any of them. An address cannot be
        // rebound: a page whose origin it is came from this server.
        let has_every_address = self.bound.is_unspecified();
        self.owns(host) || (has_every_address && matches!(host, Host::Address(_)))
    }
}

/// Returns true if a browser says that a page sends the request. It says `none` of an address that the
/// user typed.
fn is_from_page(headers: &HeaderMap) -> bool {
    let sites = headers.get_all(SEC_FETCH_SITE).iter();
    headers.contains_key(header::ORIGIN) || sites.into_iter().any(|site| site != "none")
}

/// The service of a listener.
#[derive(Clone, Debug)]
pub(crate) struct Guarded {
    pub(crate) service: ApiService,
    pub(crate) hosts: Hosts,
}

impl<B> Service<Request<B>> for Guarded
where
    ApiService: Service<
            Request<B>,
            Response = Response<ReplyBody>,
            Error = io::Error,
            Future = BoxFuture<'static, io::Result<Response<ReplyBody>>>,
        >,
{
    type Response = Response<ReplyBody>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.hosts.refuse(&request) {
            Ok(()) => self.service.call(request),
            Err(failure) => Box::pin(ready(Ok(reply::failure(&failure)))),
        }
    }
}
