//! One HTTP/1.1 connection that is kept: the cheapest client there is.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use kube::{Config, client::ConfigExt as _};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

/// A server, and how to get in.
#[derive(Clone)]
pub(crate) struct Target {
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
    authorization: Option<String>,
}

impl Target {
    /// The server at `address`, such as `127.0.0.1:40123`, without TLS.
    pub(crate) fn plain(address: &str) -> anyhow::Result<Self> {
        let (host, port) = address.split_once(':').context("no port")?;
        Ok(Self {
            host: host.to_owned(),
            port: port.parse()?,
            tls: None,
            authorization: None,
        })
    }

    /// The server of a kubeconfig, with TLS and the token.
    pub(crate) fn of(config: &Config, token: &str) -> anyhow::Result<Self> {
        let url = &config.cluster_url;
        Ok(Self {
            host: url.host().context("no host")?.to_owned(),
            port: url.port_u16().context("no port")?,
            tls: Some(TlsConnector::from(Arc::new(config.rustls_client_config()?))),
            authorization: Some(format!("Bearer {token}")),
        })
    }

    pub(crate) async fn connect(&self) -> anyhow::Result<Connection> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else {
            return Connection::over(stream, self).await;
        };
        let name = ServerName::try_from(self.host.clone())?;
        Connection::over(tls.connect(name, stream).await?, self).await
    }
}

/// A connection for one request after the other.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    authorization: Option<String>,
}

impl Connection {
    async fn over<S>(stream: S, target: &Target) -> anyhow::Result<Self>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends with the sender; what breaks it breaks the request too.
        tokio::spawn(connection);
        Ok(Self {
            sender,
            host: format!("{}:{}", target.host, target.port),
            authorization: target.authorization.clone(),
        })
    }

    /// Sends a request, and returns the body of the answer.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> anyhow::Result<Bytes> {
        let answer = self.start(method, path, body).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        ensure!(
            status.is_success(),
            "{status}: {}",
            String::from_utf8_lossy(&body)
        );
        Ok(body)
    }

    /// Sends a request, and returns an answer that may go on.
    pub(crate) async fn start(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> anyhow::Result<Response<Incoming>> {
        let mut request = Request::builder()
            .method(method.clone())
            .uri(path)
            .header(header::HOST, &self.host);
        if method == Method::PATCH {
            request = request.header(header::CONTENT_TYPE, "application/merge-patch+json");
        } else if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        self.sender.ready().await?;
        Ok(self
            .sender
            .send_request(request.body(Full::new(body))?)
            .await?)
    }
}
