//! The cluster of a first run: an API server in memory, and pods that live in it.

mod workload;

use std::{io, net::Ipv4Addr, thread};

use kubehandler_apiserver::ApiServer;
use tokio::{runtime, sync::oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

/// An API server in memory, with pods that come, get ready, fail and go; gone when it is dropped.
///
/// It runs on a thread of its own, as a cluster would run elsewhere.
#[derive(Debug)]
pub(crate) struct Embedded {
    url: String,
    _stop: DropGuard,
}

impl Embedded {
    /// Starts the server on a free port of the loopback.
    pub(crate) async fn start() -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let (told, url) = oneshot::channel();
        thread::Builder::new()
            .name("embedded-apiserver".to_owned())
            .spawn(move || runtime.block_on(stopped.run_until_cancelled(serve(told))))?;
        Ok(Self {
            url: url.await.map_err(io::Error::other)??,
            _stop: stop.drop_guard(),
        })
    }

    /// Returns where the server listens, such as `http://127.0.0.1:40123`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

async fn serve(told: oneshot::Sender<io::Result<String>>) {
    let server = ApiServer::builder().random_seed().system_clock().build();
    let client = server.client();
    workload::settle_in(&client).await;
    match server.listen((Ipv4Addr::LOCALHOST, 0)).await {
        Ok(listening) => {
            // The receiver is gone only if the program has ended.
            let _ = told.send(Ok(listening.url()));
            workload::live(&client).await;
        }
        Err(error) => {
            let _ = told.send(Err(error));
        }
    }
}
