//! The server on a socket: HTTP/1.1 and HTTP/2 without TLS, for kubectl and clients elsewhere.

#[cfg(test)]
mod tests;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use hyper::{
    rt::Executor,
    server::conn::{http1, http2},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use serde_json::json;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream, ToSocketAddrs, lookup_host},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::server::{
    ApiServer,
    guard::{Guarded, Hosts},
};

/// What bounds the connections.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// How many are served at once; more wait to be accepted.
    connections: usize,
    /// How long one may take to send the head of a request.
    head_timeout: Duration,
}

const LIMITS: Limits = Limits {
    connections: 16_384,
    head_timeout: Duration::from_secs(30),
};

/// What a connection begins with that speaks HTTP/2 without having asked (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long to wait for the rest of a preface that came in pieces.
const PREFACE_PAUSE: Duration = Duration::from_millis(10);

/// How many connections the kernel holds until they are accepted, if it lets us.
const BACKLOG: u32 = 8_192;

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
    /// There is no TLS and no authentication: every client that reaches the port may do everything. Bind it to
    /// the loopback.
    ///
    /// Web pages cannot reach it: a request whose `Origin` is not on this machine gets 403, and one
    /// whose `Host` is neither a loopback name, the address that is bound, nor
    /// [allowed](crate::ApiServerBuilder::allow_host) gets 421. What is below `/kubehandler/` is closed
    /// to every page, and takes a POST as `application/json` only.
    ///
    /// # Errors
    ///
    /// Fails if the address cannot be bound.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn listen(&self, address: impl ToSocketAddrs) -> io::Result<Listening> {
        self.listen_within(address, LIMITS).await
    }

    async fn listen_within(
        &self,
        address: impl ToSocketAddrs,
        limits: Limits,
    ) -> io::Result<Listening> {
        let listener = bind(address).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let service = Guarded {
            service: self.service(),
            hosts: Hosts::new(address.ip(), &self.allowed_hosts),
        };
        let accept = accept(listener, service, limits, tasks.clone(), stop.clone());
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
    service: Guarded,
    limits: Limits,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let permits = Arc::new(Semaphore::new(limits.connections));
    let accept_all = async {
        loop {
            let permit = Arc::clone(&permits).acquire_owned().await;
            let Ok((stream, _)) = listener.accept().await else {
                sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let executor = Tracked {
                tasks: tasks.clone(),
                stop: stop.clone(),
            };
            let connection = serve(stream, service.clone(), limits, executor.clone());
            executor.execute(async move {
                connection.await;
                drop(permit);
            });
        }
    };
    stop.run_until_cancelled(accept_all).await;
}

async fn serve(stream: TcpStream, service: Guarded, limits: Limits, executor: Tracked) {
    // A watch's lines are small, and each is wanted at once.
    let _ = stream.set_nodelay(true);
    let Ok(Ok(is_http2)) = timeout(limits.head_timeout, begins_with_preface(&stream)).await else {
        return; // It was idle for too long.
    };
    let service = TowerToHyperService::new(service);
    let stream = TokioIo::new(stream);
    // A connection that breaks is its client's business.
    if is_http2 {
        let mut builder = http2::Builder::new(executor);
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(1_000);
        let _ = builder.serve_connection(stream, service).await;
    } else {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head_timeout);
        let _ = builder.serve_connection(stream, service).await;
    }
}

/// Binds the first address that can be bound.
async fn bind(address: impl ToSocketAddrs) -> io::Result<TcpListener> {
    let mut failed = io::Error::new(io::ErrorKind::InvalidInput, "the address names no host");
    for address in lookup_host(address).await? {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        socket.set_reuseaddr(cfg!(unix))?; // As tokio does; elsewhere it would share the port.
        match socket.bind(address).and_then(|()| socket.listen(BACKLOG)) {
            Ok(listener) => return Ok(listener),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Looks at the first bytes, and leaves them where they are.
async fn begins_with_preface(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0; PREFACE.len()];
    loop {
        let length = stream.peek(&mut first).await?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if !PREFACE.starts_with(&first[..length]) {
            return Ok(false);
        }
        if length == PREFACE.len() {
            return Ok(true);
        }
        sleep(PREFACE_PAUSE).await;
    }
}

/// Runs the tasks of connections, until all are to stop.
#[derive(Clone, Debug)]
struct Tracked {
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl<F> Executor<F> for Tracked
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, task: F) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            stop.run_until_cancelled(task).await;
        });
    }
}
