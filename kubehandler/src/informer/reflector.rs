//! List and watch: the loop that keeps the store equal to the server.
//!
//! What to ask for is [`Plan`]'s to say, what a change means is the store's; this is the I/O between.
//! Between two awaits the store and the plan change together, so that the future can be dropped
//! at any time and another reflector goes on from there.

use std::{convert::Infallible, panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt;
use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

use crate::informer::{
    backoff::Backoff,
    codec::{self, Item, Page, Unreadable},
    connection::{self, Next, Stream},
    failure::Failure,
    frame::Frame,
    plan::{Plan, Step},
    shared::Shared,
    store::{Misfit, Staging},
    target::Read,
};

/// What outlives one reflector: where it stands, and how it backs off.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    plan: Plan,
    backoff: Backoff,
    /// What the last list skipped, so that each relist does not report it again.
    skipped: Option<Skipped>,
}

/// The items of a list that cannot be read.
#[derive(Debug, PartialEq, Eq)]
struct Skipped {
    count: usize,
    first: String,
}

/// Lists and watches for one informer.
pub(crate) struct Reflector<'a> {
    shared: &'a Shared,
    progress: &'a mut Progress,
}

/// A list on its way.
#[derive(Default)]
struct Listing {
    staging: Staging,
    skipped: Option<Skipped>,
}

impl<'a> Reflector<'a> {
    pub(crate) fn new(shared: &'a Shared, progress: &'a mut Progress) -> Self {
        Self { shared, progress }
    }

    /// Lists and watches for ever.
    pub(crate) async fn run(mut self) -> Infallible {
        loop {
            let mut step = self.progress.plan.next();
            let mut done = contained(self.take(&step)).await;
            if let Ok(Some(stream)) = done {
                // A streaming list goes on as a watch, and fails as one.
                step = Step::Watch(String::new());
                done = contained(self.follow(stream)).await.map(|()| None);
            }
            if let Err(failure) = done {
                self.wait_after(&step, &failure).await;
            }
        }
    }

    /// Takes one step; returns the watch that it left open.
    async fn take(&mut self, step: &Step) -> Result<Option<Stream>, Failure> {
        match step {
            Step::StreamingList(read) => self.stream_list(read).await.map(Some),
            Step::PagedList { read, whole } => {
                let limit = (!whole).then_some(self.shared.limits.page);
                self.page_list(read, limit).await.map(|()| None)
            }
            Step::Watch(version) => {
                let limits = &self.shared.limits;
                let request = self.shared.target.watch(version, limits.watch)?;
                debug!(informer = %self.shared.target, version, "watching");
                let stream = Stream::open(&self.shared.client, request, limits).await?;
                Ok(Some(stream))
            }
        }
    }

    async fn wait_after(&mut self, step: &Step, failure: &Failure) {
        let verb = match step {
            Step::Watch(_) => "watch",
            Step::StreamingList(_) | Step::PagedList { .. } => "list",
        };
        let had_given_up = self.progress.plan.has_given_up_streaming();
        self.progress.plan.failed(step, failure);
        // Where only the way to list was wrong, the other is tried at once.
        if !had_given_up && self.progress.plan.has_given_up_streaming() {
            debug!(informer = %self.shared.target, %failure, "no streaming lists; taking pages");
            return;
        }
        self.shared.failed(verb, failure);
        let delay =
            self.progress
                .backoff
                .next(Instant::now(), fastrand::f64(), failure.retry_after());
        debug!(informer = %self.shared.target, ?delay, "backing off");
        sleep(delay).await;
    }

    async fn page_list(&mut self, read: &Read, limit: Option<u32>) -> Result<(), Failure> {
        debug!(informer = %self.shared.target, ?read, "listing");
        let limits = &self.shared.limits;
        let mut listing = Listing::default();
        let mut version: Option<String> = None;
        let mut token: Option<String> = None;
        loop {
            let request = self.shared.target.list(read, token.as_deref(), limit)?;
            let body = connection::send(&self.shared.client, request, limits).await?;
            let body = connection::read_whole(body, limits).await?;
            let page =
                Page::read(&body).map_err(|error| Failure::UnreadableList(error.to_string()))?;
            if version.is_none() {
                Plan::accepts(read, &page.metadata.resource_version)?;
                version = Some(page.metadata.resource_version.clone());
            }
            for raw in page.items() {
                listing.put(codec::read(raw, self.shared.target.types()), self.shared);
            }
            if page.metadata.continue_token.is_empty() {
                break;
            }
            let next = Some(page.metadata.continue_token);
            if next == token {
                return Err(Failure::Endless);
            }
            token = next;
        }
        self.commit(listing, &version.unwrap_or_default());
        Ok(())
    }

    async fn stream_list(&mut self, read: &Read) -> Result<Stream, Failure> {
        debug!(informer = %self.shared.target, ?read, "listing as a stream");
        let limits = &self.shared.limits;
        let request = self.shared.target.streaming_list(read, limits.watch)?;
        let mut stream = Stream::open(&self.shared.client, request, limits).await?;
        let last_call = stream.opened() + limits.stream_whole;
        let mut listing = Listing::default();
        loop {
            let deadline = last_call.min(Instant::now() + limits.stream_idle);
            let frame = match stream.next(self.shared.target.types(), deadline).await {
                Next::Frame(frame) => frame.map_err(Failure::UnreadableEvent)?,
                Next::End => return Err(Failure::CutList),
                Next::Late => return Err(Failure::NoBookmark),
            };
            match frame {
                Frame::Upsert(item) => listing.put(Ok(item), self.shared),
                Frame::Unreadable(item) => listing.put(Err(item), self.shared),
                Frame::Remove(item) => listing.staging.remove(&item.key),
                Frame::Error(status) => return Err(Failure::Status(status)),
                Frame::Bookmark {
                    version,
                    ends_initial_events: true,
                } => {
                    Plan::accepts(read, &version)?;
                    self.commit(listing, &version);
                    return Ok(stream);
                }
                // A server that streams the list sends no other bookmark before its end.
                Frame::Bookmark { .. } => return Err(Failure::NoBookmark),
            }
        }
    }

    fn commit(&mut self, listing: Listing, version: &str) {
        let Listing { staging, skipped } = listing;
        debug!(informer = %self.shared.target, version, objects = staging.len(), "listed");
        if let Some(Skipped { count, first }) = &skipped
            && skipped != self.progress.skipped
        {
            let informer = &self.shared.target;
            warn!(%informer, count, first, "objects of the list cannot be read; they are skipped");
        }
        self.progress.skipped = skipped;
        let Ok(()) = self
            .shared
            .change(|store| Ok::<_, Infallible>(store.commit(staging)));
        self.progress.plan.listed(version);
        self.shared.recovered();
    }

    /// Applies the events of a watch until it ends.
    async fn follow(&mut self, mut stream: Stream) -> Result<(), Failure> {
        let _watching = self.shared.watching();
        let limits = &self.shared.limits;
        let deadline = stream.opened() + limits.watch + limits.watch_grace;
        loop {
            match stream.next(self.shared.target.types(), deadline).await {
                Next::Frame(frame) => self.apply(frame.map_err(Failure::UnreadableEvent)?)?,
                Next::Late => {
                    debug!(informer = %self.shared.target, "the watch went silent");
                    break;
                }
                Next::End => {
                    let lived = stream.opened().elapsed();
                    if lived < limits.watch_early {
                        return Err(Failure::ClosedEarly(rounded(lived)));
                    }
                    debug!(informer = %self.shared.target, ?lived, "the watch ended");
                    break;
                }
            }
        }
        self.progress.plan.closed();
        self.shared.recovered();
        Ok(())
    }

    fn apply(&mut self, frame: Frame) -> Result<(), Failure> {
        match frame {
            Frame::Upsert(item) => self.change(item, false)?,
            Frame::Remove(item) => self.change(item, true)?,
            Frame::Bookmark { version, .. } => {
                self.progress.plan.checks(&version)?;
                self.progress.plan.saw(&version);
            }
            Frame::Error(status) => return Err(Failure::Status(status)),
            Frame::Unreadable(item) => return Err(Failure::UnreadableEvent(item.to_string())),
        }
        self.shared.recovered();
        Ok(())
    }

    fn change(&mut self, item: Item, is_gone: bool) -> Result<(), Failure> {
        let version = item.object.resource_version().to_owned();
        self.progress.plan.checks(&version)?;
        let name = item.key.clone();
        self.shared
            .change(|store| {
                if is_gone {
                    store.remove(item)
                } else {
                    store.upsert(item)
                }
            })
            .map_err(|misfit| match misfit {
                Misfit::Older { got, seen } => Failure::Backwards { got, seen },
                Misfit::OtherUid => Failure::OtherUid(name.to_string()),
            })?;
        self.progress.plan.saw(&version);
        Ok(())
    }
}

impl Listing {
    fn put(&mut self, item: Result<Item, Unreadable>, shared: &Shared) {
        match item {
            Ok(item) => shared.read(|store| self.staging.put(item, store)),
            Err(unreadable) => {
                match &mut self.skipped {
                    Some(skipped) => skipped.count += 1,
                    None => {
                        self.skipped = Some(Skipped {
                            count: 1,
                            first: unreadable.to_string(),
                        });
                    }
                }
                if let Some(key) = unreadable.key {
                    shared.read(|store| self.staging.keep(key, store));
                }
            }
        }
    }
}

/// Makes a panic of the client, which may have layers of the user's, a failure of its step.
async fn contained<T>(step: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let done = AssertUnwindSafe(step).catch_unwind().await;
    done.unwrap_or(Err(Failure::Panicked))
}

/// Whole milliseconds are enough for a message.
fn rounded(duration: Duration) -> Duration {
    Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}
