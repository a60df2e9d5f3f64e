//! One request, its answer, and the bytes of a watch, each with its time limit.

use bytes::Bytes;
use http::{Request, header};
use http_body_util::BodyExt;
use kube::{Client, client::Body};
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

use crate::informer::{
    config::Limits,
    failure::{ApiStatus, Failure},
    fields::Fields,
    frame::{Frame, Lines},
};

/// The most of an error's body that is read.
const MAX_ERROR_BODY: usize = 64 * 1024;

/// Sends a request and returns the body of its answer.
pub(crate) async fn send(
    client: &Client,
    request: Request<Body>,
    limits: &Limits,
) -> Result<Body, Failure> {
    let deadline = Instant::now() + limits.start;
    let answer = timeout_at(deadline, client.send(request))
        .await
        .map_err(|_| Failure::NoAnswer(limits.start))?
        .map_err(|error| Failure::transport(&error))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer.into_body());
    }
    let retry_after = answer
        .headers()
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map(Duration::from_secs);
    let mut body = answer.into_body();
    let mut text = Vec::new();
    // The status alone says enough if its body does not come.
    while text.len() < MAX_ERROR_BODY
        && let Ok(Ok(Some(bytes))) = timeout_at(deadline, chunk(&mut body)).await
    {
        text.extend_from_slice(&bytes);
    }
    let mut status = ApiStatus::of_answer(status.as_u16(), &text);
    status.retry_after = retry_after.or(status.retry_after);
    Err(Failure::Status(status))
}

/// Reads the whole body of a list.
pub(crate) async fn read_whole(mut body: Body, limits: &Limits) -> Result<Vec<u8>, Failure> {
    let mut whole = Vec::new();
    loop {
        let next = timeout(limits.list_idle, chunk(&mut body))
            .await
            .map_err(|_| Failure::Silent(limits.list_idle))?;
        match next? {
            Some(bytes) => whole.extend_from_slice(&bytes),
            None => return Ok(whole),
        }
    }
}

async fn chunk(body: &mut Body) -> Result<Option<Bytes>, Failure> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Failure::transport(&error))?;
        if let Ok(bytes) = frame.into_data() {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

/// An open watch.
#[derive(Debug)]
pub(crate) struct Stream {
    body: Body,
    lines: Lines,
    opened: Instant,
    is_over: bool,
}

/// What came next in a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// An event, to be read with [`Stream::frame`].
    Frame,
    /// The stream is over: closed by the server, or cut, perhaps within a line.
    End,
    /// Nothing came in time.
    Late,
}

impl Stream {
    /// Opens a watch.
    pub(crate) async fn open(
        client: &Client,
        request: Request<Body>,
        limits: &Limits,
    ) -> Result<Self, Failure> {
        let opened = Instant::now();
        let body = send(client, request, limits).await?;
        Ok(Self {
            body,
            lines: Lines::default(),
            opened,
            is_over: false,
        })
    }

    /// Returns when the watch was asked for.
    pub(crate) fn opened(&self) -> Instant {
        self.opened
    }

    /// Gives back the memory of a burst that is over.
    pub(crate) fn trim(&mut self) {
        self.lines.trim();
    }

    /// Takes the next event if it has come already.
    pub(crate) fn next_now(&mut self) -> bool {
        self.lines.next_line()
    }

    /// Waits for the next event.
    pub(crate) async fn next(&mut self, deadline: Instant) -> Next {
        loop {
            if self.lines.next_line() {
                return Next::Frame;
            }
            if self.is_over {
                // The last line may lack its end, or be cut: then it counts for nothing, and comes again.
                let is_whole = self.lines.next_rest() && self.frame(&Fields::default()).is_ok();
                return if is_whole { Next::Frame } else { Next::End };
            }
            if !self.read(deadline).await {
                return Next::Late;
            }
        }
    }

    /// Waits for the next bytes, or the end; false if neither came in time.
    pub(crate) async fn read(&mut self, deadline: Instant) -> bool {
        match timeout_at(deadline, chunk(&mut self.body)).await {
            Ok(Ok(Some(bytes))) => self.lines.push(&bytes),
            Ok(Ok(None) | Err(_)) => self.is_over = true,
            Err(_) => return false,
        }
        true
    }

    /// Returns true once no more bytes come.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Takes out all whole lines that have come.
    pub(crate) fn take_lines(&mut self) -> Option<Vec<u8>> {
        // The last line may lack its end.
        if self.is_over && Frame::read(self.lines.rest(), &Fields::default()).is_ok() {
            self.lines.push(b"\n");
        }
        self.lines.take_whole()
    }

    /// Puts bytes back that were taken out, and not needed.
    pub(crate) fn put_back(&mut self, bytes: &[u8]) {
        self.lines.put_back(bytes);
    }

    /// Reads the event that came last, less the fields of its object that are `dropped`.
    pub(crate) fn frame(&self, dropped: &Fields) -> Result<Frame<'_>, String> {
        Frame::read(self.lines.line(), dropped)
    }
}
