//! An answer and its body: whole, or a stream of watch events.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, future::ready, stream};
use http::{HeaderValue, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use serde_json::Value;

use super::warning;
use crate::failure::Failure;

/// An answer.
pub(crate) type Reply = Response<ReplyBody>;

/// A stream of pieces of a body; an error breaks the connection.
pub(crate) type Pieces = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// The body of an answer.
pub enum ReplyBody {
    /// All of it.
    Whole(Option<Bytes>),
    /// As it comes.
    Pieces(Pieces),
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Pieces(pieces) => pieces
                .as_mut()
                .poll_next(context)
                .map(|piece| piece.map(|piece| piece.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Pieces(_) => SizeHint::default(),
        }
    }
}

impl std::fmt::Debug for ReplyBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(bytes) => f.debug_tuple("Whole").field(bytes).finish(),
            Self::Pieces(_) => f.debug_tuple("Pieces").finish_non_exhaustive(),
        }
    }
}

/// An answer of JSON that is already text.
pub(crate) fn json(code: StatusCode, body: Bytes) -> Reply {
    whole(code, "application/json", body)
}

/// An answer of JSON.
pub(crate) fn value(code: StatusCode, value: &Value) -> Reply {
    let mut text = serde_json::to_string(value).expect("its keys are text");
    text.push('\n'); // As Go's encoder ends it.
    json(code, text.into())
}

/// An answer of plain text.
pub(crate) fn text(code: StatusCode, text: &'static str) -> Reply {
    whole(
        code,
        "text/plain; charset=utf-8",
        Bytes::from_static(text.as_bytes()),
    )
}

/// An answer of any type.
pub(crate) fn whole(code: StatusCode, content_type: &'static str, body: Bytes) -> Reply {
    let mut reply = Response::new(ReplyBody::Whole(Some(body)));
    *reply.status_mut() = code;
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, private"),
    );
    reply
}

/// An answer that goes on.
pub(crate) fn pieces(pieces: Pieces) -> Reply {
    let mut reply = Response::new(ReplyBody::Pieces(pieces));
    let headers = reply.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, private"),
    );
    reply
}

/// The answer to a request that failed.
pub(crate) fn failure(failure: &Failure) -> Reply {
    let code = StatusCode::from_u16(failure.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut reply = value(code, &failure.to_status());
    let seconds = failure
        .details
        .as_ref()
        .map_or(0, |details| details.retry_after_seconds);
    if seconds > 0 {
        reply
            .headers_mut()
            .insert(header::RETRY_AFTER, seconds.into());
    }
    reply
}

/// The answer with what the client is to be told besides.
pub(crate) fn warned(mut reply: Reply, warnings: &[String]) -> Reply {
    for value in warning::headers(warnings) {
        reply.headers_mut().append(header::WARNING, value);
    }
    reply
}

/// Ends the body of an answer after this number of bytes, with an error.
pub(crate) fn truncated(reply: Reply, bytes: usize) -> Reply {
    reply.map(|body| {
        let ReplyBody::Whole(Some(body)) = body else {
            return body;
        };
        let first = stream::once(ready(Ok(body.slice(..bytes.min(body.len())))));
        let end = stream::once(async { Err(broken().await) });
        ReplyBody::Pieces(Box::pin(first.chain(end)))
    })
}

/// Returns the error that breaks the connection, once what was written before is on its way.
pub(crate) async fn broken() -> io::Error {
    tokio::task::yield_now().await;
    io::ErrorKind::ConnectionReset.into()
}
