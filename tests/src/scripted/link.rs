//! A slow link to a scripted server: its bytes come at so many a second, and no faster.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::Request;
use http_body::Frame;
use http_body_util::{BodyStream, StreamBody};
use kubehandler::kube::{Client, client::Body};
use tokio::time::{Instant, sleep_until};

use super::{Asked, ReplyBody, ScriptedServer, lock};

/// A link between a server and its clients, with one rate for all that goes over it.
#[derive(Clone, Debug)]
pub struct Link {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    server: ScriptedServer,
    bytes_per_second: u64,
    packet: usize,
    /// When the link has delivered all that it was given.
    free: Mutex<Instant>,
    carried: AtomicU64,
}

impl ScriptedServer {
    /// Returns a link to this server that carries so many bytes a second, in packets of `packet` bytes.
    #[must_use]
    pub fn link(&self, bytes_per_second: u64, packet: usize) -> Link {
        let inner = Inner {
            server: self.clone(),
            bytes_per_second,
            packet,
            free: Mutex::new(Instant::now()),
            carried: AtomicU64::new(0),
        };
        Link {
            inner: Arc::new(inner),
        }
    }
}

impl Link {
    /// Returns a client at the other end of the link.
    #[must_use]
    pub fn client(&self) -> Client {
        let link = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let link = link.clone();
            async move {
                let answer = link.inner.server.answer(&Asked::of(&request)).await?;
                Ok::<_, io::Error>(answer.map(|body| link.carry(body)))
            }
        });
        Client::new(service, "default")
    }

    /// Returns the number of bytes that came through.
    #[must_use]
    pub fn carried(&self) -> u64 {
        self.inner.carried.load(Ordering::SeqCst)
    }

    /// Returns the time that the bytes which came through needed at least.
    #[must_use]
    pub fn needed(&self) -> Duration {
        self.time_of(self.carried())
    }

    fn time_of(&self, bytes: u64) -> Duration {
        Duration::from_nanos(bytes * 1_000_000_000 / self.inner.bytes_per_second)
    }

    fn carry(&self, body: ReplyBody) -> ReplyBody {
        let link = self.clone();
        let packets = BodyStream::new(body).flat_map(move |frame| {
            let packets = match frame.map(Frame::into_data) {
                Ok(Ok(bytes)) => link.packets(bytes).into_iter().map(Ok).collect(),
                Ok(Err(_)) => Vec::new(),
                Err(error) => vec![Err(error)],
            };
            let link = link.clone();
            stream::iter(packets).then(move |packet| link.clone().deliver(packet))
        });
        StreamBody::new(packets.boxed())
    }

    fn packets(&self, mut bytes: Bytes) -> Vec<Bytes> {
        let mut packets = Vec::new();
        while !bytes.is_empty() {
            packets.push(bytes.split_to(self.inner.packet.min(bytes.len())));
        }
        packets
    }

    async fn deliver(self, packet: io::Result<Bytes>) -> io::Result<Frame<Bytes>> {
        let packet = packet?;
        let length = packet.len() as u64;
        let delivered = {
            let mut free = lock(&self.inner.free);
            *free = (*free).max(Instant::now()) + self.time_of(length);
            *free
        };
        sleep_until(delivered).await;
        self.inner.carried.fetch_add(length, Ordering::SeqCst);
        Ok(Frame::data(packet))
    }
}
