//! The server as a `tower` service: reads a request whole, and has the pipeline answer it.

use std::{
    fmt, io,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, Request, Response, header};
use http_body::Body;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::time::timeout;
use tower::Service;

use crate::{
    failure::Failure,
    pipeline::Pipeline,
    wire::reply::{self, ReplyBody},
};

/// How large a body may be, as in the real server.
const BODY_LIMIT: usize = 3 * 1024 * 1024;

/// How long a body may take to come, as in the real server.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// An [`ApiServer`](crate::ApiServer) as a [`tower::Service`]: for a client or a listener of your own.
///
/// An error breaks the connection; there are none but those that [`Faults`](crate::Faults) make.
#[derive(Clone)]
pub struct ApiService {
    pipeline: Arc<Pipeline>,
    /// The name of the client; if it has none, its user agent counts.
    client: Option<Arc<str>>,
}

impl ApiService {
    pub(crate) fn new(pipeline: Arc<Pipeline>, client: Option<Arc<str>>) -> Self {
        Self { pipeline, client }
    }
}

impl fmt::Debug for ApiService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiService")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl<B> Service<Request<B>> for ApiService
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<ReplyBody>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let pipeline = Arc::clone(&self.pipeline);
        let client = self.client.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let client = client.unwrap_or_else(|| user_agent(&parts.headers));
            let body = match timeout(BODY_TIMEOUT, collect(body)).await {
                Ok(Ok(body)) => body,
                Ok(Err(failure)) => return Ok(reply::failure(&failure)),
                Err(_) => return Ok(reply::failure(&Failure::timeout("body", 0))),
            };
            pipeline.answer(parts, body, &client).await
        })
    }
}

fn user_agent(headers: &HeaderMap) -> Arc<str> {
    let agent = headers.get(header::USER_AGENT);
    agent
        .and_then(|agent| agent.to_str().ok())
        .unwrap_or_default()
        .into()
}

async fn collect<B>(body: B) -> Result<Bytes, Failure>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Failure::request_entity_too_large(BODY_LIMIT))
        }
        Err(error) => Err(Failure::bad_request(error.to_string())),
    }
}
