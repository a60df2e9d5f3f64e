//! The server on a socket: HTTP/1.1 and HTTP/2 without TLS, for kubectl and clients elsewhere.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use serde_json::json;
use tokio::{
    net::{TcpListener, TcpStream, ToSocketAddrs},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::{server::ApiServer, service::ApiService};

/// How many connections are served at once; more wait to be accepted.
const CONNECTIONS: usize = 16_384;

/// How long a connection may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long to wait when a connection cannot be accepted, for want of files, say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A server that listens; dropping it closes the socket and every connection.
#[derive(Debug)]
pub struct Listening {
    address: SocketAddr,
    tasks: TaskTracker,
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
}

impl ApiServer {
    /// Listens on `address`, such as `127.0.0.1:0` for a free port.
    ///
    /// There is no TLS and no authentication: whoever reaches the port may do everything. Bind it to
    /// the loopback.
    ///
    /// # Errors
    ///
    /// Fails if the address cannot be bound.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn listen(&self, address: impl ToSocketAddrs) -> io::Result<Listening> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let accept = accept(listener, self.service(), tasks.clone(), stop.clone());
        tasks.spawn(accept);
        tasks.close();
        let stop_on_drop = stop.clone().drop_guard();
        Ok(Listening {
            address,
            tasks,
            stop,
            _stop_on_drop: stop_on_drop,
        })
    }
}

impl Listening {
    /// Returns where the server listens, with the port that was found.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of the server, such as `http://127.0.0.1:40123`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns a kubeconfig that leads to the server, as JSON, which is YAML too.
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        let name = "embedded";
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": name, "cluster": { "server": self.url() } }],
            "users": [{ "name": name, "user": {} }],
            "contexts": [{
                "name": name,
                "context": { "cluster": name, "user": name, "namespace": "default" },
            }],
            "current-context": name,
        });
        format!("{config:#}\n")
    }

    /// Closes the socket and every connection, and waits until all are gone.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not undo the closing.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

async fn accept(
    listener: TcpListener,
    service: ApiService,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    let accept_all = async {
        loop {
            let permit = Arc::clone(&permits).acquire_owned().await;
            let Ok((stream, _)) = listener.accept().await else {
                sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let (service, stop) = (service.clone(), stop.clone());
            tasks.spawn(async move {
                stop.run_until_cancelled(serve(stream, service)).await;
                drop(permit);
            });
        }
    };
    stop.run_until_cancelled(accept_all).await;
}

async fn serve(stream: TcpStream, service: ApiService) {
    // A watch's lines are small, and each is wanted at once.
    let _ = stream.set_nodelay(true);
    // Nothing at all for so long is no client.
    if timeout(HEAD_TIMEOUT, stream.readable()).await.is_err() {
        return;
    }
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(1_000);
    let service = TowerToHyperService::new(service);
    // A connection that breaks is its client's business.
    let _ = builder
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
