//! One answer of a scripted server, part by part.

use std::{collections::VecDeque, fmt, io, time::Duration};

use bytes::Bytes;
use futures::{
    FutureExt, StreamExt,
    stream::{self, BoxStream},
};
use http::{Method, Response, header};
use http_body::Frame;
use http_body_util::{BodyStream, StreamBody};
use serde_json::{Value, json};
use tokio::time::sleep;
use tower::Service as _;

use super::{Asked, ScriptedServer, truth};

/// The body of an answer.
pub type ReplyBody = StreamBody<BoxStream<'static, io::Result<Frame<Bytes>>>>;

/// An answer: a status, headers, and a body that comes in parts.
#[derive(Clone)]
pub struct Reply {
    start: Start,
    headers: Vec<(&'static str, String)>,
    parts: VecDeque<Part>,
}

#[derive(Clone)]
enum Start {
    Status { code: u16, delay: Duration },
    Never,
    Unreachable(String),
}

#[derive(Clone)]
enum Part {
    Bytes(Bytes),
    Wait(Duration),
    Hang,
    Repeat(Bytes, Duration),
    Cut,
    Watch(u64),
}

impl Reply {
    fn new(start: Start) -> Self {
        Self {
            start,
            headers: Vec::new(),
            parts: VecDeque::new(),
        }
    }

    /// Starts a good answer without a body, which ends at once unless parts are added.
    #[must_use]
    pub fn stream() -> Self {
        Self::new(Start::Status {
            code: 200,
            delay: Duration::ZERO,
        })
    }

    /// Starts an answer with this code.
    #[must_use]
    pub fn code(code: u16) -> Self {
        Self::new(Start::Status {
            code,
            delay: Duration::ZERO,
        })
    }

    /// Answers with this document.
    #[must_use]
    pub fn json(value: &Value) -> Self {
        Self::stream().text(&value.to_string())
    }

    /// Answers with an error and its `Status`.
    #[must_use]
    pub fn status(code: u16, reason: &str) -> Self {
        Self::new(Start::Status {
            code,
            delay: Duration::ZERO,
        })
        .text(&status(code, reason).to_string())
    }

    /// Never answers.
    #[must_use]
    pub fn never() -> Self {
        Self::new(Start::Never)
    }

    /// Fails below HTTP, as a refused connection does.
    #[must_use]
    pub fn unreachable(message: &str) -> Self {
        Self::new(Start::Unreachable(message.to_owned()))
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Lets the answer begin only after `delay`.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        if let Start::Status { delay, .. } = &mut self.start {
            *delay = wait;
        }
        self
    }

    /// Adds text to the body.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.bytes(Bytes::copy_from_slice(text.as_bytes()))
    }

    /// Adds bytes to the body.
    #[must_use]
    pub fn bytes(mut self, bytes: Bytes) -> Self {
        self.parts.push_back(Part::Bytes(bytes));
        self
    }

    /// Adds whole events of a watch to the body, as the truth gives them.
    #[must_use]
    pub fn lines(self, events: &[Value]) -> Self {
        events
            .iter()
            .fold(self, |reply, event| reply.text(&format!("{event}\n")))
    }

    /// Returns the length of what the body has so far.
    #[must_use]
    pub fn length(&self) -> usize {
        let length = |part: &Part| match part {
            Part::Bytes(bytes) => bytes.len(),
            _ => 0,
        };
        self.parts.iter().map(length).sum()
    }

    /// Adds an event of a watch to the body.
    #[must_use]
    pub fn event(self, kind: &str, object: &Value) -> Self {
        let event = json!({"type": kind, "object": object});
        self.text(&format!("{event}\n"))
    }

    /// Adds an event that ends the watch with this status.
    #[must_use]
    pub fn error_event(self, code: u16, reason: &str) -> Self {
        self.event("ERROR", &status(code, reason))
    }

    /// Adds a bookmark.
    #[must_use]
    pub fn bookmark(self, version: u64) -> Self {
        self.event("BOOKMARK", &bookmark(version))
    }

    /// Adds the bookmark that closes the first events of a streaming list.
    #[must_use]
    pub fn closing_bookmark(self, version: u64) -> Self {
        let mut bookmark = bookmark(version);
        bookmark["metadata"]["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        self.event("BOOKMARK", &bookmark)
    }

    /// Adds silence to the body.
    #[must_use]
    pub fn wait(mut self, wait: Duration) -> Self {
        self.parts.push_back(Part::Wait(wait));
        self
    }

    /// Ends the body with silence that never ends.
    #[must_use]
    pub fn hang(mut self) -> Self {
        self.parts.push_back(Part::Hang);
        self
    }

    /// Ends the body with this text again and again without end, each time after this silence.
    #[must_use]
    pub fn repeat(mut self, text: &str, wait: Duration) -> Self {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        self.parts.push_back(Part::Repeat(bytes, wait));
        self
    }

    /// Ends the body with an error of the connection.
    #[must_use]
    pub fn cut(mut self) -> Self {
        self.parts.push_back(Part::Cut);
        self
    }

    /// Goes on as an honest watch of what happens after `version`.
    #[must_use]
    pub fn watch(mut self, version: u64) -> Self {
        self.parts.push_back(Part::Watch(version));
        self
    }

    /// Keeps only so many bytes of the body, and then cuts the connection.
    #[must_use]
    pub fn cut_after(mut self, mut length: usize) -> Self {
        let mut parts = VecDeque::new();
        for part in self.parts {
            let Part::Bytes(bytes) = part else { continue };
            let kept = bytes.slice(..length.min(bytes.len()));
            length -= kept.len();
            parts.push_back(Part::Bytes(kept));
        }
        self.parts = parts;
        self.cut()
    }

    pub(super) async fn send(
        self,
        server: &ScriptedServer,
        asked: &Asked,
    ) -> io::Result<Response<ReplyBody>> {
        let (code, delay) = match self.start {
            Start::Status { code, delay } => (code, delay),
            Start::Never => std::future::pending().await,
            Start::Unreachable(message) => return Err(io::Error::other(message)),
        };
        sleep(delay).await;
        let mut response = Response::builder()
            .status(code)
            .header(header::CONTENT_TYPE, "application/json");
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        let (server, asked) = (server.clone(), asked.clone());
        let parts = stream::iter(self.parts).flat_map(move |part| part.play(&server, &asked));
        response
            .body(StreamBody::new(parts.boxed()))
            .map_err(io::Error::other)
    }
}

impl Part {
    fn play(
        self,
        server: &ScriptedServer,
        asked: &Asked,
    ) -> BoxStream<'static, io::Result<Frame<Bytes>>> {
        match self {
            Self::Bytes(bytes) => stream::iter([Ok(Frame::data(bytes))]).boxed(),
            Self::Wait(wait) => stream::once(sleep(wait))
                .filter_map(|()| async { None })
                .boxed(),
            Self::Hang => stream::pending().boxed(),
            Self::Repeat(bytes, wait) => stream::repeat(bytes)
                .then(move |bytes| async move {
                    sleep(wait).await;
                    Ok(Frame::data(bytes))
                })
                .boxed(),
            Self::Cut => stream::iter([Err(io::ErrorKind::ConnectionReset.into())]).boxed(),
            Self::Watch(version) => {
                let mut honest = server.truth().server().service();
                let address = truth::address_of_watch(asked, version);
                let answer = honest.call(truth::request(Method::GET, &address, None));
                let body = answer.map(|answer| match answer {
                    Ok(answer) => BodyStream::new(answer.into_body()).boxed(),
                    Err(error) => stream::iter([Err(error)]).boxed(),
                });
                body.flatten_stream().boxed()
            }
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("parts", &self.parts.len())
            .finish_non_exhaustive()
    }
}

/// Returns the body of an honest answer.
pub(super) fn body<B>(honest: B) -> ReplyBody
where
    B: http_body::Body<Data = Bytes, Error = io::Error> + Send + 'static,
{
    StreamBody::new(BodyStream::new(honest).boxed())
}

fn bookmark(version: u64) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"resourceVersion": version.to_string(), "creationTimestamp": null},
    })
}

fn status(code: u16, reason: &str) -> Value {
    json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "reason": reason,
        "message": format!("scripted {reason}"),
        "code": code,
    })
}
