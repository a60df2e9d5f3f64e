//! The server as a `tower` service: the way of one request.

use std::{
    io,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, Request, Response, header, request::Parts};
use http_body::Body;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::time::{sleep, timeout};
use tower::Service;

use crate::{
    control,
    failure::Failure,
    faults::Fault,
    reply::{self, Reply, ReplyBody},
    request::Request as ApiRequest,
    server::{ApiServer, Shared},
};

/// How large a body may be, as in the real server.
const BODY_LIMIT: usize = 3 * 1024 * 1024;

/// How long a body may take to come, as in the real server.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// An [`ApiServer`] as a [`tower::Service`]: for a client or a listener of your own.
///
/// An error breaks the connection; there are none but those that [`Faults`](crate::Faults) make.
#[derive(Clone, Debug)]
pub struct ApiService {
    pub(crate) server: ApiServer,
    /// Who asks, if that is said; otherwise the user agent tells.
    pub(crate) client: Option<Arc<str>>,
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
        let shared = Arc::clone(&self.server.shared);
        let client = self.client.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let client = client.unwrap_or_else(|| user_agent(&parts.headers));
            let body = match timeout(BODY_TIMEOUT, collect(body)).await {
                Ok(Ok(body)) => body,
                Ok(Err(failure)) => return Ok(reply::failure(&failure)),
                Err(_) => return Ok(reply::failure(&Failure::timeout("body", 0))),
            };
            serve(&shared, parts, body, &client).await
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

/// Records the request, lets it suffer what it is to suffer, and answers it.
async fn serve(shared: &Arc<Shared>, parts: Parts, body: Bytes, client: &str) -> io::Result<Reply> {
    if let Some(reply) = control::answer(shared, &parts.method, parts.uri.path(), &body) {
        return Ok(reply);
    }
    let mut request = ApiRequest::new(parts, body, client);
    let entry = shared.record.push(&request.asked, &request.body);
    request.fault = shared.script().strike(&request.asked);
    let reply = suffer(shared, request).await?;
    shared.record.answered(entry, reply.status().as_u16());
    Ok(reply)
}

async fn suffer(shared: &Arc<Shared>, request: ApiRequest) -> io::Result<Reply> {
    let broken = || io::Error::from(io::ErrorKind::ConnectionReset);
    let fault = request.fault;
    match fault {
        Some(Fault::Refuse) => return Err(broken()),
        Some(Fault::Hang) => return std::future::pending().await,
        Some(Fault::Delay(time)) => sleep(time).await,
        Some(Fault::Status { code, retry_after }) => {
            return Ok(reply::failure(&request.refused(code, retry_after)));
        }
        _ => {}
    }
    let reply = request.answer(shared).await;
    match fault {
        Some(Fault::LoseResponse) => return Err(broken()),
        Some(Fault::HangResponse) => return std::future::pending().await,
        Some(Fault::DelayResponse(time)) => sleep(time).await,
        Some(Fault::Truncate(bytes)) => return Ok(reply::truncated(reply, bytes)),
        _ => {}
    }
    Ok(reply)
}
