//! List and watch: the loop that keeps the store equal to the server.
//!
//! What to ask for is [`Plan`]'s to say, what a change means is the store's; this is the I/O between.
//! Between two awaits the store and the plan change together, so that the future can be dropped
//! at any time and another reflector goes on from there.

mod ahead;
pub(super) mod arrived;
mod backoff;
mod listing;
pub(super) mod news;
mod opening;
mod plan;
mod streaming;
pub(super) mod upstream;

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use tokio::{
    task::{spawn_blocking, yield_now},
    time::{Instant, sleep, sleep_until},
};

use crate::Printable;
use crate::budget::Budget;
use crate::contained::Contained;
use crate::informer::{
    cache::{
        Cache,
        delta::Deltas,
        store::{Misfit, Store},
    },
    object::{
        packer::{Learned, Packer, SAMPLES},
        stored::{Stored, Uid},
    },
    reflector::upstream::Upstream,
    reflector::{
        backoff::Backoff,
        listing::{Listing, Skipped},
        news::InformerStage,
        plan::{Plan, Step},
    },
    wire::{
        connection::{self, NextFrame, WatchStream},
        failure::{Failure, Text},
        frame::Frame,
        item::{Item, Unreadable},
        page::{Page, Reading},
        pages::{MAX_TOKEN, Pages},
        target::Read,
        version::is_older,
    },
};
use crate::log::{debug, info, warn};

/// At most this many objects that a list lacks are removed before other tasks may run.
const VANISH_AT_ONCE: usize = 256;

/// What outlives one reflector: where it stands, and how it backs off.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    plan: Plan,
    backoff: Backoff,
    /// When the list at hand was asked for.
    list_began: Option<Instant>,
    packer: Packer,
    /// The key of the item at hand, as text.
    key: String,
    /// What the last list skipped, so that each relist does not report it again.
    skipped: Option<Skipped>,
    /// An object that a watch brought in a version that the last list should have had.
    suspect: Option<Stored>,
}

/// Lists and watches for one informer.
pub(crate) struct Reflector<'a> {
    upstream: &'a Arc<Upstream>,
    cache: &'a Arc<Cache>,
    progress: &'a mut Progress,
}

impl<'a> Reflector<'a> {
    pub(crate) fn new(
        upstream: &'a Arc<Upstream>,
        cache: &'a Arc<Cache>,
        progress: &'a mut Progress,
    ) -> Self {
        Self {
            upstream,
            cache,
            progress,
        }
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
            // Also after a failure, and before the next request.
            self.cache.deliver();
            if let Err(failure) = done {
                self.wait_after(&step, &failure).await;
            }
        }
    }

    /// Takes one step; returns the watch that it left open.
    async fn take(&mut self, step: &Step) -> Result<Option<WatchStream>, Failure> {
        if matches!(step, Step::StreamingList(_) | Step::PagedList { .. }) {
            let cause = self.progress.plan.cause();
            self.progress.list_began = Some(Instant::now());
            self.upstream.tell(|| InformerStage::Listing { cause });
        }
        match step {
            Step::StreamingList(read) => self.stream_list(read).await.map(Some),
            Step::PagedList { read, whole } => {
                let limit = (!whole).then_some(self.upstream.limits.page);
                self.page_list(read, limit).await.map(|()| None)
            }
            Step::Probe(read) => self.probe(read).await.map(|()| None),
            Step::Watch(version) => {
                let limits = &self.upstream.limits;
                let request = self.upstream.target.watch(version, limits.watch)?;
                let shown = Printable::new(&version);
                debug!(informer = %self.upstream.target, version = %shown, "watching");
                let stream = WatchStream::open(&self.upstream.client, request, limits).await?;
                Ok(Some(stream))
            }
        }
    }

    async fn wait_after(&mut self, step: &Step, failure: &Failure) {
        let verb = match step {
            Step::Watch(_) => "watch",
            Step::StreamingList(_) | Step::PagedList { .. } | Step::Probe(_) => "list",
        };
        let had_given_up = self.progress.plan.has_given_up_streaming();
        self.progress.plan.failed(step, failure);
        // Where only the way to list was wrong, the other is tried at once.
        if !had_given_up && self.progress.plan.has_given_up_streaming() {
            debug!(informer = %self.upstream.target, %failure, "no streaming lists; taking pages");
            return;
        }
        self.upstream.failed(verb, failure);
        // A watch that brought something was none of a row of failures, unless a list must follow.
        if self.progress.plan.has_moved()
            && matches!(step, Step::Watch(_))
            && !self.progress.plan.lists()
        {
            self.progress.backoff.reset();
        }
        let delay =
            self.progress
                .backoff
                .next(Instant::now(), fastrand::f64(), failure.retry_after());
        debug!(informer = %self.upstream.target, ?delay, "backing off");
        sleep(delay).await;
    }

    /// Asks for one object of a list, to see whether the server has reached the version seen last.
    async fn probe(&mut self, read: &Read) -> Result<(), Failure> {
        let version = self.version_of_the_server(read).await?;
        Plan::accepts(read, &version)?;
        self.progress.plan.probed();
        Ok(())
    }

    /// Returns the version that a list of one object has.
    async fn version_of_the_server(&self, read: &Read) -> Result<String, Failure> {
        debug!(informer = %self.upstream.target, ?read, "asking how far the server is");
        let limits = &self.upstream.limits;
        let request = self.upstream.target.list(read, None, Some(1))?;
        let body = connection::send(&self.upstream.client, request, limits).await?;
        let body = connection::read_whole(body, limits, drop).await?;
        let page = self.read_page(&body).await?;
        Ok(page.metadata.resource_version)
    }

    async fn page_list(&mut self, read: &Read, limit: Option<u32>) -> Result<(), Failure> {
        debug!(informer = %self.upstream.target, ?read, "listing");
        let limits = &self.upstream.limits;
        let mut listing = self.begin(read);
        let mut version: Option<String> = None;
        let mut token: Option<String> = None;
        let mut pages = Pages::default();
        let mut budget = Budget::default();
        loop {
            let start = Instant::now();
            let request = self.upstream.target.list(read, token.as_deref(), limit)?;
            let body = connection::send(&self.upstream.client, request, limits).await?;
            let body = connection::read_whole(body, limits, |bytes| self.list_came(bytes)).await?;
            let page = self.read_page(&body).await?;
            let found = &page.metadata.resource_version;
            match &version {
                None => {
                    Plan::accepts(read, found)?;
                    version = Some(found.clone());
                }
                // Together they are no state that the server ever had.
                Some(first) if !found.is_empty() && found != first => {
                    let (first, other) = (first.clone(), found.clone());
                    return Err(Failure::MixedPages { first, other });
                }
                Some(_) => {}
            }
            let items = page.items.len();
            for item in page.items {
                let length = item.as_ref().map_or(0, Item::length);
                self.list(&mut listing, item)?;
                if self.wants_to_learn() {
                    self.learn().await;
                }
                budget.spend(length).await;
            }
            if page.metadata.continue_token.is_empty() {
                break;
            }
            self.cache.deliver();
            let next = page.metadata.continue_token;
            if next.len() > MAX_TOKEN {
                return Err(Failure::TooLong {
                    text: Text::Token,
                    max: MAX_TOKEN,
                });
            }
            let known = self.cache.read(Store::len) + listing.held();
            pages
                .page(items, known, start.elapsed(), &next)
                .map_err(Failure::Endless)?;
            token = Some(next);
        }
        self.commit(listing, &version.unwrap_or_default()).await
    }

    /// Reads a page, and lets other tasks run meanwhile.
    async fn read_page<'b>(&self, body: &'b [u8]) -> Result<Page<'b>, Failure> {
        let kind = &self.upstream.target.types().kind;
        let mut reading = Reading::of(body)?;
        loop {
            if let Some(page) = reading.go_on(kind, &self.upstream.dropped)? {
                return Ok(page);
            }
            yield_now().await;
        }
    }

    /// Waits for the next event; before it does, subscribers get what has changed.
    async fn next(
        &self,
        stream: &mut WatchStream,
        deadline: Instant,
    ) -> Result<NextFrame, Failure> {
        if stream.next_now()? {
            return Ok(NextFrame::Frame);
        }
        self.cache.deliver();
        stream.next(deadline).await
    }

    fn begin<'r>(&mut self, read: &'r Read) -> Listing<'r> {
        self.upstream.arrived.begin(Instant::now());
        let Ok(()) = self.cache.change(|store| {
            store.begin_list();
            Ok::<_, Infallible>(Deltas::new())
        });
        Listing::new(read)
    }

    /// Takes an item of a list.
    fn list(
        &mut self,
        listing: &mut Listing<'_>,
        item: Result<Item<'_>, Unreadable>,
    ) -> Result<(), Failure> {
        let item = match item {
            Ok(item) => item,
            Err(unreadable) => {
                listing.skip(&unreadable);
                if let Some(key) = unreadable.key {
                    self.keep(key.as_str());
                }
                return Ok(());
            }
        };
        let known = self.known(&item);
        if known.is_some_and(|known| self.is_known(&known, &item)) {
            self.keep(&self.progress.key);
            return Ok(());
        }
        let stored = self.pack(&item);
        self.list_new(listing, stored)
    }

    /// Takes an object of a list that the store does not have in this version.
    fn list_new(&mut self, listing: &mut Listing<'_>, stored: Stored) -> Result<(), Failure> {
        listing.drop_held(stored.key(), &stored.uid());
        if listing.doubts(&stored, self.cache) {
            listing.hold(stored);
            return Ok(());
        }
        self.put_listed(listing, stored)
    }

    fn put_listed(&mut self, listing: &mut Listing<'_>, stored: Stored) -> Result<(), Failure> {
        self.cache.prepare(&stored);
        let is_truth = *listing.read == Read::Consistent;
        listing.shows(stored.resource_version());
        self.progress.plan.shows(stored.resource_version());
        self.cache
            .change(|store| store.list(stored, is_truth))
            .map_err(|misfit| match misfit {
                Misfit::Older { got, seen } => Failure::Older { got, seen },
                other @ Misfit::OtherUid => self.misfit(other),
            })
    }

    fn keep(&self, key: &str) {
        let Ok(()) = self.cache.change(|store| {
            store.keep(key);
            Ok::<_, Infallible>(Deltas::new())
        });
    }

    /// Ends a list: shows what was held back of it, and removes what it did not have.
    ///
    /// If the future is dropped, the list does not count, and another one follows.
    async fn commit(&mut self, mut listing: Listing<'_>, version: &str) -> Result<(), Failure> {
        let is_first = !self.cache.has_synced();
        let mut budget = Budget::default();
        for stored in listing.take_held() {
            let size = stored.size();
            self.put_listed(&mut listing, stored)?;
            budget.spend(size).await;
        }
        let Listing {
            skipped, newest, ..
        } = listing;
        if let Some(Skipped { count, first }) = &skipped
            && skipped != self.progress.skipped
        {
            let informer = &self.upstream.target;
            warn!(%informer, count, first, "objects of the list cannot be read; they are skipped");
        }
        self.progress.skipped = skipped;
        let missing = self.cache.read(Store::missing);
        for missing in missing.chunks(VANISH_AT_ONCE) {
            for object in missing {
                let Ok(()) = self
                    .cache
                    .change(|store| Ok::<_, Infallible>(store.vanish(object)));
            }
            self.cache.deliver();
            yield_now().await;
        }
        let Ok(()) = self.cache.change(|store| {
            store.commit();
            Ok::<_, Infallible>(Deltas::new())
        });
        self.cache.deliver();
        let objects = self.cache.read(Store::len);
        let shown = Printable::new(version);
        if is_first {
            info!(informer = %self.upstream.target, objects, "synced");
        } else {
            debug!(informer = %self.upstream.target, version = %shown, objects, "listed");
        }
        self.progress.plan.listed(version, &newest);
        if let Some(suspect) = self.progress.suspect.take() {
            let current = self.cache.get(suspect.key());
            if current.is_some_and(|current| current.is_same_version(&suspect)) {
                debug!(informer = %self.upstream.target, "versions count the changes of each object");
                self.progress.plan.has_no_order();
            }
        }
        self.upstream.listed();
        let began = self.progress.list_began;
        let took = began.map_or(Duration::ZERO, |began| began.elapsed());
        self.upstream
            .tell(|| InformerStage::Listed { objects, took });
        Ok(())
    }

    /// Applies the events of a watch until it ends.
    async fn follow(&mut self, mut stream: WatchStream) -> Result<(), Failure> {
        let watching = self.upstream.watching();
        self.progress.plan.opened();
        let limits = &self.upstream.limits;
        let deadline = stream.last_call();
        // A watch that was not closed until then is one that works.
        let mut early = Some(stream.opened() + limits.watch_early);
        let mut budget = Budget::default();
        loop {
            let next = self.next(&mut stream, early.unwrap_or(deadline)).await?;
            match next {
                NextFrame::Frame => {
                    budget.note(stream.length());
                    let frame = stream.frame(&self.upstream.dropped);
                    self.apply(frame.map_err(Failure::UnreadableEvent)?)?;
                    if self.wants_to_learn() {
                        self.learn().await;
                    }
                    if budget.is_spent() {
                        self.cache.deliver();
                        budget.renew().await;
                    }
                }
                NextFrame::Late if early.take().is_some() => self.upstream.recovered(),
                NextFrame::Late => {
                    debug!(informer = %self.upstream.target, "the watch went silent");
                    break;
                }
                NextFrame::End => {
                    let lived = stream.opened().elapsed();
                    if lived < limits.watch_early && !self.progress.plan.has_moved() {
                        return Err(Failure::ClosedEarly(rounded(lived)));
                    }
                    debug!(informer = %self.upstream.target, ?lived, "the watch ended");
                    break;
                }
            }
        }
        if self.progress.plan.has_moved() {
            self.progress.backoff.reset();
        }
        let was_early = stream.opened().elapsed() + Duration::from_secs(1) < limits.watch;
        self.progress.plan.closed(was_early);
        self.upstream.recovered();
        let reopens = stream.opened() + limits.watch_pause;
        drop((watching, stream));
        self.cache.deliver();
        sleep_until(reopens).await;
        Ok(())
    }

    fn apply(&mut self, frame: Frame<'_>) -> Result<(), Failure> {
        match frame {
            Frame::Upsert(item) => {
                self.checks(&item, true)?;
                self.upsert(&item)?;
                self.progress.plan.saw(&item.version);
            }
            Frame::Remove(item) => {
                self.checks(&item, false)?;
                self.remove(&item)?;
                self.progress.plan.saw(&item.version);
            }
            Frame::Bookmark { version, .. } => {
                self.progress.plan.checks(&version)?;
                self.progress.plan.saw(&version);
            }
            Frame::Error(status) => return Err(Failure::Status(status)),
            Frame::Unreadable(item) => return Err(Failure::UnreadableEvent(item.to_string())),
        }
        self.upstream.recovered();
        Ok(())
    }

    /// Checks that an event does not take the store back.
    ///
    /// An event that is older than another before it may be newer than what the store has of its
    /// object: it was late, or the server counts the changes of each object by itself.
    fn checks(&mut self, item: &Item<'_>, is_there: bool) -> Result<(), Failure> {
        let Err(backwards) = self.progress.plan.checks(&item.version) else {
            return Ok(());
        };
        match self.known(item) {
            Some(known) if known.uid() == Uid::of(&item.uid) => {
                if is_older(&item.version, known.resource_version()) {
                    return Err(backwards);
                }
                Ok(())
            }
            None if is_there => {
                if self.progress.plan.was_listed(&item.version) {
                    self.progress.suspect = Some(self.pack(item));
                }
                Err(backwards)
            }
            _ => Err(backwards),
        }
    }

    fn upsert(&mut self, item: &Item<'_>) -> Result<(), Failure> {
        let known = self.known(item);
        if known.is_some_and(|known| self.is_known(&known, item)) {
            return Ok(());
        }
        let stored = self.pack(item);
        self.cache.prepare(&stored);
        self.cache
            .change(|store| store.upsert(stored))
            .map_err(|misfit| self.misfit(misfit))
    }

    fn remove(&mut self, item: &Item<'_>) -> Result<(), Failure> {
        if self.known(item).is_none() {
            return Ok(());
        }
        let last = self.pack(item);
        self.cache
            .change(|store| store.remove(last))
            .map_err(|misfit| self.misfit(misfit))
    }

    fn misfit(&self, misfit: Misfit) -> Failure {
        match misfit {
            Misfit::Older { got, seen } => Failure::Backwards { got, seen },
            Misfit::OtherUid => Failure::OtherUid(self.progress.key.clone()),
        }
    }

    /// Returns what the store has by the item's name, which is in `progress.key` then.
    fn known(&mut self, item: &Item<'_>) -> Option<Stored> {
        item.write_key(&mut self.progress.key);
        self.cache.get(&self.progress.key)
    }

    fn is_known(&self, known: &Stored, item: &Item<'_>) -> bool {
        known.is_version_of(item, self.upstream.target.types())
    }

    /// Makes what the store keeps of the item, whose key is in `progress.key`; outside of the
    /// store's lock, since it takes its time.
    fn pack(&mut self, item: &Item<'_>) -> Stored {
        let types = self.upstream.target.types();
        let Progress { packer, key, .. } = &mut *self.progress;
        packer.pack(key, item, types)
    }

    /// Notes that bytes of a list came.
    fn list_came(&self, bytes: usize) {
        let objects = || self.cache.read(Store::len);
        self.upstream.list_came(bytes, objects);
    }

    fn wants_to_learn(&self) -> bool {
        let objects = || self.cache.read(Store::len);
        self.progress.packer.wants_training(objects)
    }

    /// Learns from the objects of the store how to pack them, on a thread for blocking work.
    async fn learn(&mut self) {
        self.cache.deliver();
        let (samples, objects) = self
            .cache
            .read(|store| (store.sample(SAMPLES), store.len()));
        let last = self.progress.packer.encoder().clone();
        let learned = spawn_blocking(move || Learned::from(&samples, &last)).await;
        // The objects are kept as they are, if it panicked or the runtime ends.
        let learned = learned.unwrap_or_default();
        self.progress.packer.learn(learned, objects);
    }
}

/// Makes a panic of the client, which may have layers of the user's, a failure of its step.
async fn contained<T>(step: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let done = Contained::new(pin!(step)).await;
    done.unwrap_or_else(|_| Err(Failure::Panicked))
}

/// Whole milliseconds are enough for a message.
fn rounded(duration: Duration) -> Duration {
    Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}
