//! A relay between a controller and the API server, whose connections a test can cut.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinSet,
};
use tokio_util::task::AbortOnDropHandle;

/// Relays bytes to one address until it is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    cut: Arc<Notify>,
    _task: AbortOnDropHandle<()>,
}

impl Proxy {
    /// Listens on a loopback port and relays to `server`.
    pub(crate) async fn start(server: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let cut = Arc::new(Notify::new());
        let task = tokio::spawn(relay(listener, server, cut.clone()));
        Ok(Self {
            address,
            cut,
            _task: AbortOnDropHandle::new(task),
        })
    }

    /// Returns where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts every connection, in whatever it is; new ones are relayed.
    pub(crate) fn cut(&self) {
        self.cut.notify_waiters();
    }
}

async fn relay(listener: TcpListener, server: SocketAddr, cut: Arc<Notify>) {
    let mut connections = JoinSet::new();
    while let Ok((mut client, _)) = listener.accept().await {
        let cut = cut.clone();
        connections.spawn(async move {
            // Whatever goes wrong here is a lost connection for the client, and no more.
            let Ok(mut server) = TcpStream::connect(server).await else {
                return;
            };
            tokio::select! {
                () = cut.notified() => {}
                _ = copy_bidirectional(&mut client, &mut server) => {}
            }
        });
    }
}
