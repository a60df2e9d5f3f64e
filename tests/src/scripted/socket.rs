//! The scripted server behind a real socket.

use std::{io, net::SocketAddr};

use futures::FutureExt;
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use kubehandler::kube::{Client, Config};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{Asked, ScriptedServer};

/// A scripted server that listens on a loopback port until this is dropped.
#[derive(Debug)]
pub struct Listening {
    address: SocketAddr,
    cut: CancellationToken,
    _task: AbortOnDropHandle<()>,
}

impl ScriptedServer {
    /// Listens on a loopback port of the system's choice.
    ///
    /// # Errors
    ///
    /// Fails if there is none to be had.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future listens on nothing.
    pub async fn listen(&self) -> io::Result<Listening> {
        self.listen_on(([127, 0, 0, 1], 0).into()).await
    }

    /// Listens on this address.
    ///
    /// # Errors
    ///
    /// Fails if it is not to be had.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future listens on nothing.
    pub async fn listen_on(&self, address: SocketAddr) -> io::Result<Listening> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let cut = CancellationToken::new();
        let task = tokio::spawn(serve(self.clone(), listener, cut.clone()));
        Ok(Listening {
            address,
            cut,
            _task: AbortOnDropHandle::new(task),
        })
    }
}

impl Listening {
    /// Returns a client that connects to the socket, as one from a kubeconfig does.
    ///
    /// # Errors
    ///
    /// Fails if the client cannot be made.
    ///
    /// # Panics
    ///
    /// Never: an address is always a URI.
    pub fn client(&self) -> Result<Client, kubehandler::kube::Error> {
        let address = format!("http://{}", self.address);
        let mut config = Config::new(address.parse().expect("an address is a URI"));
        config.default_retry = false;
        Client::try_from(config)
    }

    /// Returns the address that is listened on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes the socket and cuts every connection, in whatever it is.
    pub fn shut_down(&self) {
        self.cut.cancel();
    }
}

async fn serve(server: ScriptedServer, listener: TcpListener, cut: CancellationToken) {
    let mut connections = JoinSet::new();
    while let Some(Ok((socket, _))) = cut.run_until_cancelled(listener.accept()).await {
        let server = server.clone();
        connections.spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let server = server.clone();
                async move { server.answer(&Asked::of(&request)).await }.boxed()
            });
            // A connection that the client closes is no failure of the test.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(socket), service)
                .await;
        });
    }
}
