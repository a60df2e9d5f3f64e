//! What stands between a loop and the server: small pages, a replica that lags, and slow links.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _};
use http::{Request, Response};
use http_body_util::{BodyStream, StreamBody};
use kube::{Client, client::Body};
use kubehandler_testing::kubehandler_apiserver::{ApiServer, ApiService, Fault, Verb, When};
use tokio::time::sleep;
use tower::{ServiceExt as _, service_fn};

/// A body that comes as the link lets it.
type SlowBody = StreamBody<BoxStream<'static, io::Result<http_body::Frame<Bytes>>>>;

/// A slow link brings this many bytes, and then nothing for [`SLOW_PAUSE`].
const SLOW_BYTES: usize = 400;
const SLOW_PAUSE: Duration = Duration::from_millis(250);
/// A link that is as good as dead brings one byte at a time, with this pause.
const DEAD_PAUSE: Duration = Duration::from_secs(20);

/// What the replica that lags calls its client.
pub(crate) const REPLICA: &str = "replica";

/// What stands between, under way; all clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Between {
    replica: ApiService,
    server: ApiServer,
    /// How many objects a page has, instead of what is asked for.
    page: u64,
    stands: Arc<AtomicBool>,
    lags: Arc<AtomicBool>,
    lies: Arc<AtomicBool>,
    /// While above zero, the server and the lagging replica answer in turn, and the server's lists
    /// are cut after this many bytes.
    cut_after: Arc<AtomicUsize>,
    turns: Arc<AtomicUsize>,
    is_slow: Arc<AtomicBool>,
    /// The bodies of this many further answers come a byte at a time.
    dead: Arc<AtomicUsize>,
}

/// How an answer's body comes.
#[derive(Clone, Copy, Debug, Default)]
struct Link {
    cut_after: Option<usize>,
    is_slow: bool,
    is_dead: bool,
}

impl Between {
    pub(crate) fn new(server: &ApiServer, page: u64) -> Self {
        Self {
            replica: server.service_named(REPLICA),
            server: server.clone(),
            page,
            stands: Arc::default(),
            lags: Arc::default(),
            lies: Arc::default(),
            cut_after: Arc::default(),
            turns: Arc::default(),
            is_slow: Arc::default(),
            dead: Arc::default(),
        }
    }

    /// From here on the server's lists are cut, and the replica that lags answers the next ones.
    pub(crate) fn alternate(&self, cut_after: usize) {
        self.lag(true);
        self.cut_after.store(cut_after.max(1), Ordering::Relaxed);
    }

    /// The link becomes slow, or fast again.
    pub(crate) fn slow_down(&self) {
        self.is_slow.fetch_xor(true, Ordering::Relaxed);
    }

    /// The link brings next to nothing of the next answers.
    pub(crate) fn starve(&self, answers: usize) {
        self.dead.store(answers, Ordering::Relaxed);
    }

    /// The replica stands still from here on. If it does already, whatever need not be consistent
    /// is answered by it; if it `lies`, also where the request asks for a version that it does not
    /// have yet.
    pub(crate) fn lag(&self, lies: bool) {
        let faults = self.server.faults();
        if !self.stands.swap(true, Ordering::Relaxed) {
            faults.freeze_view(REPLICA);
            return;
        }
        // Who watches there is made to list.
        let gone = Fault::Status {
            code: 404,
            retry_after: None,
        };
        let watches = When::any().client(REPLICA).verb(Verb::Watch);
        faults.add(watches.parameter("sendInitialEvents", "").times(4), gone);
        self.lies.store(lies, Ordering::Relaxed);
        self.lags.store(true, Ordering::Relaxed);
    }

    /// The replica catches up.
    pub(crate) fn catch_up(&self) {
        self.stands.store(false, Ordering::Relaxed);
        self.lags.store(false, Ordering::Relaxed);
        self.cut_after.store(0, Ordering::Relaxed);
        self.is_slow.store(false, Ordering::Relaxed);
        self.dead.store(0, Ordering::Relaxed);
        self.server.faults().release_view(REPLICA);
    }

    /// Makes the client of a loop.
    pub(crate) fn client(&self, service: ApiService) -> Client {
        let between = self.clone();
        let service = service_fn(move |request| {
            let (request, is_lagging, link) = between.change(request);
            let service = if is_lagging {
                between.replica.clone()
            } else {
                service.clone()
            };
            async move {
                let answer = service.oneshot(request).await?;
                Ok::<Response<SlowBody>, io::Error>(answer.map(|body| link.carry(body)))
            }
        });
        Client::new(service, "default")
    }

    /// Returns the request as it goes on, whether the replica answers it, and how the answer comes.
    fn change(&self, mut request: Request<Body>) -> (Request<Body>, bool, Link) {
        let (path, query) = {
            let uri = request.uri();
            (uri.path(), uri.query().unwrap_or_default())
        };
        if request.method() != http::Method::GET || !path.ends_with("/pods") {
            return (request, false, Link::default());
        }
        let small = format!("limit={}", self.page);
        let mut pairs: Vec<&str> = query
            .split('&')
            .map(|pair| if pair == "limit=500" { &small } else { pair })
            .collect();
        let is_consistent = !pairs
            .iter()
            .any(|pair| pair.starts_with("resourceVersion=") && *pair != "resourceVersion=");
        let is_watch = pairs.contains(&"watch=true") && !pairs.contains(&"sendInitialEvents=true");
        let mut is_lagging = self.lags.load(Ordering::Relaxed) && !is_consistent;
        let mut link = Link {
            is_slow: self.is_slow.load(Ordering::Relaxed),
            is_dead: take_one(&self.dead),
            cut_after: None,
        };
        let cut_after = self.cut_after.load(Ordering::Relaxed);
        if is_lagging && !is_watch && cut_after > 0 {
            is_lagging = self.turns.fetch_add(1, Ordering::Relaxed) % 2 == 1;
            link.cut_after = (!is_lagging).then_some(cut_after);
        }
        if is_lagging && !is_watch && self.lies.load(Ordering::Relaxed) {
            pairs.retain(|pair| !pair.starts_with("resourceVersion="));
            if !pairs.contains(&"watch=true") {
                pairs.retain(|pair| !pair.starts_with("resourceVersionMatch="));
            }
        }
        let uri = format!("{path}?{}", pairs.join("&"));
        *request.uri_mut() = uri.parse().expect("as it was, but for its pairs");
        (request, is_lagging, link)
    }
}

/// Takes one of a number, if it is not zero.
fn take_one(number: &AtomicUsize) -> bool {
    let take = |number: usize| number.checked_sub(1);
    number
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
        .is_ok()
}

impl Link {
    /// Carries a body over the link.
    fn carry<B>(self, body: B) -> SlowBody
    where
        B: http_body::Body<Data = Bytes, Error = io::Error> + Send + 'static,
    {
        let frames = BodyStream::new(body);
        let mut left = self.cut_after.unwrap_or(usize::MAX);
        let frames = frames.flat_map(move |frame| {
            let bytes = match frame.map(http_body::Frame::into_data) {
                Ok(Ok(bytes)) => bytes,
                Ok(Err(_)) => return stream::empty().boxed(),
                Err(error) => return stream::iter([Err(error)]).boxed(),
            };
            let kept = bytes.slice(..bytes.len().min(left));
            let is_cut = kept.len() < bytes.len();
            left -= kept.len();
            let cut = is_cut.then(|| Err(io::ErrorKind::ConnectionReset.into()));
            self.pieces(kept).chain(stream::iter(cut)).boxed()
        });
        StreamBody::new(frames.boxed())
    }

    fn pieces(self, bytes: Bytes) -> BoxStream<'static, io::Result<http_body::Frame<Bytes>>> {
        let (size, pause) = match (self.is_dead, self.is_slow) {
            (true, _) => (1, DEAD_PAUSE),
            (false, true) => (SLOW_BYTES, SLOW_PAUSE),
            (false, false) => return stream::iter([Ok(http_body::Frame::data(bytes))]).boxed(),
        };
        let pieces = bytes.len().div_ceil(size);
        stream::iter(0..pieces)
            .then(move |piece| {
                let start = piece * size;
                let piece = bytes.slice(start..bytes.len().min(start + size));
                async move {
                    sleep(pause).await;
                    Ok(http_body::Frame::data(piece))
                }
            })
            .boxed()
    }
}
