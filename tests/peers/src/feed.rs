//! An API server within the process: it sends what was made before, and costs next to nothing.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use kube::Client;
use tokio::sync::Notify;

use crate::pods::{self, Pods};

/// What is to be sent to the one informer that watches.
///
/// Each list and watch goes on where the one before ended.
#[derive(Clone, Debug, Default)]
pub struct Feed(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// The informer has come for more than there is.
    exhausted: Notify,
}

#[derive(Debug, Default)]
struct State {
    unsent: VecDeque<Bytes>,
    waiting: Option<Waker>,
}

impl Feed {
    /// Returns a client of this server.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime.
    #[must_use]
    pub fn client(&self) -> Client {
        let feed = self.clone();
        let service = tower::service_fn(move |_: Request<kube::client::Body>| {
            let answer = Response::new(Sent(feed.clone()));
            async move { Ok::<_, Infallible>(answer) }
        });
        Client::new(service, "default")
    }

    /// Sends these bytes as one piece.
    pub fn send(&self, bytes: Bytes) {
        let mut state = self.state();
        state.unsent.push_back(bytes);
        if let Some(waiting) = state.waiting.take() {
            waiting.wake();
        }
    }

    /// Waits until the informer has done with all that was sent, and asks for more.
    ///
    /// For a runtime of one thread, on which nothing is sent meanwhile.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    pub async fn exhausted(&self) {
        while self.state().waiting.is_none() {
            self.0.exhausted.notified().await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The body of an answer, which does not end.
struct Sent(Feed);

impl Body for Sent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut state = self.0.state();
        if let Some(bytes) = state.unsent.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        state.waiting = Some(context.waker().clone());
        self.0.0.exhausted.notify_one();
        Poll::Pending
    }
}

/// Lines of a watch, made before they are sent.
#[derive(Debug, Default)]
pub struct Lines {
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Lines {
    /// Makes an event for every pod.
    #[must_use]
    pub fn round(pods: &Pods, kind: &str, round: u32) -> Self {
        let mut lines = Self::default();
        for index in 0..pods.count() {
            lines.add(|out| pods.write_event(kind, index, round, out));
        }
        lines
    }

    /// Makes a streaming list of every pod.
    #[must_use]
    pub fn list(pods: &Pods, round: u32) -> Self {
        let mut lines = Self::round(pods, "ADDED", round);
        let version = crate::version::of(round, pods.count().into());
        lines.add(|out| pods::write_bookmark(version, true, out));
        lines
    }

    /// Adds what `write` appends.
    pub fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.text);
        self.ends.push(self.text.len());
    }

    /// Returns pieces of so many lines each.
    #[must_use]
    pub fn pieces(self, lines: usize) -> Vec<Bytes> {
        let text = Bytes::from(self.text);
        let mut start = 0;
        let ends = self.ends.chunks(lines);
        let pieces = ends.filter_map(|ends| {
            let piece = text.slice(start..*ends.last()?);
            start += piece.len();
            Some(piece)
        });
        pieces.collect()
    }
}
