//! A connection to the server: name, address, proxy, TLS.

use std::{
    future::ready,
    io,
    net::{SocketAddr, ToSocketAddrs},
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Duration,
};

use futures::future::BoxFuture;
use http::{Uri, uri::Scheme};
use hyper_util::{
    client::legacy::connect::{Connected, Connection, HttpConnector},
    rt::TokioIo,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tower::Service;

use crate::{
    Printable,
    chain::chain,
    cluster::{
        access::Tls,
        error::Place,
        proxy::Proxy,
        server::host_of,
        stage::{Entered, Stages},
        thread::on_thread,
        tls::TlsClient,
    },
};

/// Less than a request may take, so that the error is that of the connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a handshake may take, with the server or with a proxy; as Go has it.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// As Go's dialer has it.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Bytes both ways, secured or not.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

pub(crate) type Stream = Box<dyn Io>;

/// Makes connections.
#[derive(Clone)]
pub(crate) struct Dialer(Arc<Inner>);

struct Inner {
    proxy: Option<Proxy>,
    /// Made when it is needed first, if the server is of plain HTTP.
    tls: OnceLock<Result<TlsClient, String>>,
    place: Place,
    stages: Stages,
}

/// Why there is no connection; names the host, and what to do.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct DialError(pub(super) String);

impl Dialer {
    pub(crate) fn new(
        proxy: Option<Proxy>,
        tls: Option<TlsClient>,
        place: Place,
        stages: Stages,
    ) -> Self {
        let slot = OnceLock::new();
        if let Some(tls) = tls {
            let _ = slot.set(Ok(tls));
        }
        Self(Arc::new(Inner {
            proxy,
            tls: slot,
            place,
            stages,
        }))
    }
}

impl Dialer {
    /// Returns a number that is another one for another certificate of the client.
    pub(crate) fn version(&self) -> u64 {
        self.known_tls().map_or(0, TlsClient::version)
    }

    /// Notes that the server did not accept the client's certificate.
    pub(crate) fn rejected(&self) {
        if let Some(tls) = self.known_tls() {
            tls.rejected();
        }
    }

    fn known_tls(&self) -> Option<&TlsClient> {
        self.0.tls.get()?.as_ref().ok()
    }
}

/// Waits no longer than a handshake may take.
async fn in_time<T>(handshake: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    timeout(HANDSHAKE_TIMEOUT, handshake)
        .await
        .unwrap_or_else(|_| Err(format!("no handshake within {HANDSHAKE_TIMEOUT:?}")))
}

impl Service<Uri> for Dialer {
    type Response = Dialed;
    type Error = DialError;
    type Future = BoxFuture<'static, Result<Dialed, DialError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let inner = self.0.clone();
        Box::pin(async move { inner.dial(&uri).await.map_err(DialError) })
    }
}

impl Inner {
    async fn dial(&self, uri: &Uri) -> Result<Dialed, String> {
        let is_https = uri.scheme() == Some(&Scheme::HTTPS);
        let authority = uri.authority().ok_or("the address has no host")?;
        let (host, port) = host_of(authority, is_https);
        let shown = Printable::new(authority).to_string();
        let stage = self.stages.enter(format_args!("a connection to `{shown}`"));
        let (stream, is_proxied) = match &self.proxy {
            None => (connect(host, port, &stage).await?, false),
            Some(proxy) => {
                let stream = self.through(proxy, uri, is_https, &stage).await;
                let stream = stream.map_err(|error| format!("proxy `{proxy}`: {error}"))?;
                (stream, proxy.forwards(is_https))
            }
        };
        if !is_https {
            return Ok(Dialed::new(stream, is_proxied));
        }
        stage.next(format_args!("the TLS handshake with `{shown}`"));
        let secure = in_time(self.tls()?.to_server(host, stream)).await;
        let secure = secure.map_err(|error| format!("TLS with `{shown}`: {error}"))?;
        Ok(Dialed::new(secure, false))
    }

    fn tls(&self) -> Result<&TlsClient, String> {
        let make =
            || TlsClient::new(Tls::default(), &self.place, None).map_err(|error| error.to_string());
        self.tls.get_or_init(make).as_ref().map_err(Clone::clone)
    }

    #[cfg(feature = "proxy")]
    async fn through(
        &self,
        proxy: &Proxy,
        uri: &Uri,
        is_https: bool,
        stage: &Entered,
    ) -> Result<Stream, String> {
        use hyper_util::client::legacy::connect::proxy::Tunnel;

        use crate::cluster::proxy::{Protocol, basic};

        let target = uri.authority().ok_or("the address has no host")?;
        let proxy_uri = proxy.uri();
        let authority = proxy_uri.authority().ok_or("it has no host")?;
        let (host, port) = host_of(authority, false);
        stage.next(format_args!("a connection to the proxy `{proxy}`"));
        let mut stream = connect(host, port, stage).await?;
        if proxy.protocol == Protocol::Https {
            stage.next(format_args!("the TLS handshake with the proxy `{proxy}`"));
            stream = in_time(self.tls()?.to_host(host, stream)).await?;
        }
        if proxy.forwards(is_https) {
            return Ok(stream);
        }
        stage.next(format_args!("the proxy `{proxy}`"));
        if proxy.protocol == Protocol::Socks5 {
            let auth = proxy.auth.as_ref();
            return in_time(socks(stream, host_of(target, is_https), auth)).await;
        }
        let mut stream = Some(Dialed::new(stream, false));
        let connected = tower::service_fn(move |_: Uri| {
            ready(
                stream
                    .take()
                    .ok_or(io::ErrorKind::NotConnected)
                    .map_err(io::Error::from),
            )
        });
        let mut tunnel = Tunnel::new(proxy_uri, connected);
        if let Some((user, password)) = &proxy.auth {
            tunnel = tunnel.with_auth(basic(user, password));
        }
        let dialed = tunnel.call(uri.clone());
        let dialed = in_time(async { dialed.await.map_err(|error| chain(&error)) }).await?;
        Ok(dialed.io.into_inner())
    }

    #[cfg(not(feature = "proxy"))]
    async fn through(&self, _: &Proxy, _: &Uri, _: bool, _: &Entered) -> Result<Stream, String> {
        Err("proxies need the feature `proxy` of kubehandler".to_owned())
    }
}

/// Asks a proxy of SOCKS 5 for a connection to a target, which it resolves itself.
///
/// As Go does, it offers to go without a user and a password as well: a proxy that knows the machine
/// wants none. RFC 1929 has no empty ones, so that they are not offered.
#[cfg(feature = "proxy")]
async fn socks(
    stream: Stream,
    target: (&str, u16),
    auth: Option<&(String, String)>,
) -> Result<Stream, String> {
    use tokio_socks::tcp::Socks5Stream;

    let auth = auth.filter(|(user, password)| !user.is_empty() && !password.is_empty());
    let connected = match auth {
        Some((user, password)) => {
            Socks5Stream::connect_with_password_and_socket(stream, target, user, password).await
        }
        None => Socks5Stream::connect_with_socket(stream, target).await,
    };
    let connected = connected.map_err(|error| chain(&error))?;
    Ok(connected.into_inner())
}

/// Opens a connection, to whichever address of the host answers first.
async fn connect(host: &str, port: u16, stage: &Entered) -> Result<Stream, String> {
    let shown = Printable::new(host).to_string();
    stage.next(format_args!("the address of `{shown}`"));
    let addresses = resolve(host, port).await;
    let addresses = addresses.map_err(|error| format!("cannot resolve `{shown}`: {error}"))?;
    stage.next(format_args!("a connection to `{shown}`, port {port}"));
    let resolved = tower::service_fn(move |_| ready(io::Result::Ok(addresses.clone().into_iter())));
    let mut connector = HttpConnector::new_with_resolver(resolved);
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector.set_keepalive(Some(KEEP_ALIVE));
    connector.set_nodelay(true);
    let uri = Uri::builder()
        .scheme("http")
        .authority(format!("host:{port}"))
        .path_and_query("/")
        .build()
        .map_err(|error| error.to_string())?;
    let connected = connector.call(uri).await;
    let connected = connected.map_err(|error| {
        format!(
            "cannot connect to `{shown}`, port {port}: {}",
            chain(&error)
        )
    })?;
    Ok(Box::new(connected.into_inner()))
}

/// Resolves a name; on a thread, as a resolver may take minutes.
async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let host = host.to_owned();
    let resolve = move || {
        let addresses = (&*host, port).to_socket_addrs()?;
        io::Result::Ok(addresses.collect::<Vec<_>>())
    };
    let addresses = on_thread("dns", resolve).await??;
    if addresses.is_empty() {
        return Err(io::Error::other("it has no address"));
    }
    Ok(addresses)
}

/// A connection that requests can be sent over.
pub(crate) struct Dialed {
    io: TokioIo<Stream>,
    is_proxied: bool,
}

impl Dialed {
    fn new(stream: Stream, is_proxied: bool) -> Self {
        Self {
            io: TokioIo::new(stream),
            is_proxied,
        }
    }
}

impl Connection for Dialed {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.is_proxied)
    }
}

impl hyper::rt::Read for Dialed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl hyper::rt::Write for Dialed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, buffers)
    }
}
