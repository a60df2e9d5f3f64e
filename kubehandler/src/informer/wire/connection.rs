//! One request, its answer, and the bytes of a watch, each with its limits.

pub(crate) mod buffer;
mod lines;
mod whole;

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::BodyExt;
use kube::{Client, client::Body};
use tokio::{
    task::yield_now,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use crate::{
    budget::Budget,
    informer::wire::{
        connection::{
            buffer::Buffer,
            lines::{Lines, TooLong},
            whole::{NoRoom, WholeBody},
        },
        failure::{ApiStatus, Failure, Text},
        fields::Fields,
        frame::Frame,
        limits::Limits,
        pace::Pace,
    },
};

/// The most bytes of a watch that are taken at once.
///
/// An HTTP client hands out some 400 KiB when a list is fast. Buffers of that size, made between the
/// objects that stay, leave holes which objects then fill in part: each list needs new room, and the
/// heap grows for ever.
const MAX_PIECE: usize = 64 * 1024;

/// Sends a request and returns the body of its answer.
pub(crate) async fn send(
    client: &Client,
    request: Request<Body>,
    limits: &Limits,
) -> Result<Body, Failure> {
    let deadline = Instant::now() + limits.start;
    let answer = ask(client, request, limits.start).await?;
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
    while text.len() < limits.error_bytes
        && let Ok(Ok(Some(bytes))) = timeout_at(deadline, chunk(&mut body)).await
    {
        let room = limits.error_bytes - text.len();
        text.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
    let mut status = ApiStatus::of_answer(status.as_u16(), &text);
    status.retry_after = retry_after.or(status.retry_after);
    Err(Failure::Status(status))
}

/// Waits for the first line of an answer.
///
/// In a task of its own: a credentials plugin that hangs blocks the thread that asks, and a limit
/// on that thread would never be looked at.
async fn ask(
    client: &Client,
    request: Request<Body>,
    limit: Duration,
) -> Result<Response<Body>, Failure> {
    let is_running = Arc::new(AtomicBool::new(false));
    let asked = {
        let (client, is_running) = (client.clone(), is_running.clone());
        async move {
            let mut asked = pin!(client.send(request));
            poll_fn(|context| {
                is_running.store(true, Ordering::Release);
                let answer = asked.as_mut().poll(context);
                is_running.store(false, Ordering::Release);
                answer
            })
            .await
        }
    };
    let asked = AbortOnDropHandle::new(tokio::spawn(asked.in_current_span()));
    match timeout(limit, asked).await {
        Ok(Ok(answer)) => answer.map_err(|error| Failure::transport(&error)),
        Ok(Err(_)) => Err(Failure::Panicked),
        Err(_) if is_running.load(Ordering::Acquire) => Err(Failure::Blocked(limit)),
        Err(_) => Err(Failure::NoAnswer(limit)),
    }
}

/// Reads the whole body of a list; `came` gets the length of each piece.
pub(crate) async fn read_whole(
    mut body: Body,
    limits: &Limits,
    mut came: impl FnMut(usize),
) -> Result<WholeBody, Failure> {
    let mut pace = limits.pace();
    let mut budget = Budget::default();
    let mut whole = WholeBody::new(limits.page_bytes);
    loop {
        let start = Instant::now();
        let next = timeout(pace.left(), chunk(&mut body))
            .await
            .map_err(|_| Failure::Stalled(Text::List, pace.stall()))?;
        let Some(bytes) = next? else {
            return Ok(whole);
        };
        let length = bytes.len();
        pace.came(length, start.elapsed());
        came(length);
        whole.push(bytes).await.map_err(|no_room| match no_room {
            NoRoom::TooLong => Failure::TooLong {
                text: Text::List,
                max: limits.page_bytes,
            },
            NoRoom::NoMemory(error) => Failure::transport(&error),
        })?;
        budget.spend(length).await;
    }
}

/// Waits for bytes, or for the end.
async fn chunk(body: &mut Body) -> Result<Option<Bytes>, Failure> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Failure::transport(&error))?;
        match frame.into_data() {
            Ok(bytes) if !bytes.is_empty() => return Ok(Some(bytes)),
            // Frames without bytes may come without end, and are no progress.
            _ => yield_now().await,
        }
    }
    Ok(None)
}

/// The body of a watch, in pieces of at most [`MAX_PIECE`].
#[derive(Debug)]
struct Pieces {
    body: Body,
    /// What came, and was not taken yet.
    left: Bytes,
}

impl Pieces {
    fn new(body: Body) -> Self {
        Self {
            body,
            left: Bytes::new(),
        }
    }

    /// Waits for the next piece, or for the end.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        if self.left.is_empty() {
            let Some(bytes) = chunk(&mut self.body).await? else {
                return Ok(None);
            };
            self.left = bytes;
        }
        let length = self.left.len().min(MAX_PIECE);
        Ok(Some(self.left.split_to(length)))
    }
}

/// An open watch.
#[derive(Debug)]
pub(crate) struct WatchStream {
    pieces: Pieces,
    lines: Lines,
    opened: Instant,
    /// When the watch has lasted long enough.
    last_call: Instant,
    limits: Limits,
    /// Of the list, or of the event that has begun.
    pace: Pace,
    is_over: bool,
}

/// What came next in a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NextFrame {
    /// An event, to be read with [`WatchStream::frame`].
    Frame,
    /// The stream is over: closed by the server, or cut, perhaps within a line.
    End,
    /// Nothing came in time.
    Late,
}

impl WatchStream {
    /// Opens a watch.
    pub(crate) async fn open(
        client: &Client,
        request: Request<Body>,
        limits: &Limits,
    ) -> Result<Self, Failure> {
        let opened = Instant::now();
        let body = send(client, request, limits).await?;
        Ok(Self {
            pieces: Pieces::new(body),
            lines: Lines::new(limits.event_bytes),
            opened,
            last_call: opened + limits.watch + limits.watch_grace,
            limits: *limits,
            pace: limits.pace(),
            is_over: false,
        })
    }

    /// Returns when the watch was asked for.
    pub(crate) fn opened(&self) -> Instant {
        self.opened
    }

    /// Returns when the watch is to be over, whether the server closes it or not.
    pub(crate) fn last_call(&self) -> Instant {
        self.last_call
    }

    /// Goes on as a watch, after the list that it began with; these lines of it are still to be read.
    pub(crate) fn follow_list(&mut self, rest: &[u8]) {
        self.lines.put_back(rest);
        self.trim();
        self.pace = self.limits.pace();
        self.last_call = Instant::now() + self.limits.watch;
    }

    /// Gives back the memory of a burst that is over.
    pub(crate) fn trim(&mut self) {
        self.lines.trim();
    }

    /// Takes the next event if it has come already.
    ///
    /// # Errors
    ///
    /// Fails if it is too long.
    pub(crate) fn next_now(&mut self) -> Result<bool, Failure> {
        self.lines.next_line().map_err(|TooLong| self.too_long())
    }

    /// Waits for the next event.
    ///
    /// # Errors
    ///
    /// Fails if an event that has begun does not go on, or is too long.
    pub(crate) async fn next(&mut self, deadline: Instant) -> Result<NextFrame, Failure> {
        loop {
            if self.next_now()? {
                return Ok(NextFrame::Frame);
            }
            if self.is_over {
                return Ok(NextFrame::End);
            }
            // Between two events a watch may be silent, and has an end. Within one it may not, and
            // goes on for as long as the event comes.
            let is_between = self.lines.rest().is_empty();
            let limit = if is_between {
                deadline
            } else {
                Instant::now() + self.pace.left()
            };
            if !self.read(limit).await {
                if is_between {
                    return Ok(NextFrame::Late);
                }
                return Err(Failure::Stalled(Text::Event, self.pace.stall()));
            }
        }
    }

    /// Waits for the next bytes of a watch, or the end; false if neither came in time.
    async fn read(&mut self, deadline: Instant) -> bool {
        let start = Instant::now();
        let Ok(next) = timeout_at(deadline, self.pieces.next()).await else {
            return false;
        };
        let before = self.lines.rest().len();
        let bytes = self.take(next);
        if before == 0 || self.lines.rest().len() < before + bytes {
            self.pace = self.limits.pace(); // Another event begins, if one does.
        } else {
            self.pace.came(bytes, start.elapsed());
        }
        true
    }

    /// Waits for the next bytes of a streaming list, or its end; `None` if no event came in this time.
    ///
    /// # Errors
    ///
    /// Fails if the list does not go on.
    pub(crate) async fn read_list(&mut self, patience: Duration) -> Result<Option<usize>, Failure> {
        let start = Instant::now();
        // Within an event only the pace counts, however large it is.
        let is_between = self.lines.rest().is_empty();
        let left = self.pace.left();
        let limit = if is_between { left.min(patience) } else { left };
        let Ok(next) = timeout(limit, self.pieces.next()).await else {
            if limit < left {
                return Ok(None);
            }
            return Err(Failure::Stalled(Text::List, self.pace.stall()));
        };
        let bytes = self.take(next);
        self.pace.came(bytes, start.elapsed());
        Ok(Some(bytes))
    }

    /// Takes what came; returns how much.
    fn take(&mut self, next: Result<Option<Bytes>, Failure>) -> usize {
        if let Ok(Some(bytes)) = next {
            self.lines.push(&bytes);
            return bytes.len();
        }
        self.is_over = true;
        // The last line may lack its end, or be cut: then it counts for nothing, and comes again.
        if Frame::read(self.lines.rest(), &Fields::default()).is_ok() {
            self.lines.push(b"\n");
        }
        0
    }

    /// Returns true once no more bytes come.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Takes out all whole lines that have come.
    ///
    /// # Errors
    ///
    /// Fails if the next line is too long by now.
    pub(crate) fn take_lines(&mut self) -> Result<Option<Buffer>, Failure> {
        let lines = self.lines.take_whole();
        if lines.is_none() {
            self.lines.rest_fits().map_err(|TooLong| self.too_long())?;
        }
        Ok(lines)
    }

    /// Takes back the buffer of lines that were taken out.
    pub(crate) fn recycle(&mut self, lines: Buffer) {
        self.lines.recycle(lines);
    }

    /// Returns how many bytes the event has that came last.
    pub(crate) fn length(&self) -> usize {
        self.lines.line().len()
    }

    fn too_long(&self) -> Failure {
        Failure::TooLong {
            text: Text::Event,
            max: self.limits.event_bytes,
        }
    }

    /// Reads the event that came last, less the fields of its object that are `dropped`.
    pub(crate) fn frame(&self, dropped: &Fields) -> Result<Frame<'_>, String> {
        Frame::read(self.lines.line(), dropped)
    }
}

#[cfg(test)]
mod tests;
