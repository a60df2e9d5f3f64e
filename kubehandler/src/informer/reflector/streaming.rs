//! The streaming list: the objects as events of a watch, closed by a bookmark.

use tokio::time::Instant;

use super::Reflector;
use crate::budget::Budget;
use crate::informer::{
    cache::store::Store,
    object::stored::{Stored, Uid},
    reflector::{
        ahead::{Ahead, Batch, Prepared},
        listing::Listing,
        opening::Opening,
        plan::Plan,
    },
    wire::{
        connection::WatchStream,
        failure::{Failure, Text},
        frame::Frame,
        item::Item,
        target::Read,
    },
};
use crate::log::debug;

impl Reflector<'_> {
    /// Takes a list as the first events of a watch; returns the watch.
    pub(super) async fn stream_list(&mut self, read: &Read) -> Result<WatchStream, Failure> {
        debug!(informer = %self.upstream.target, ?read, "listing as a stream");
        let limits = &self.upstream.limits;
        let request = self.upstream.target.streaming_list(read, limits.stream)?;
        let mut stream = WatchStream::open(&self.upstream.client, request, limits).await?;
        let mut opening = Opening::new(stream.opened(), limits);
        let mut listing = self.begin(read);
        let mut ahead = Ahead::default();
        let mut budget = Budget::default();
        loop {
            let batch = self
                .next_batch(&mut stream, &mut ahead, &mut opening)
                .await?;
            let now = Instant::now();
            let (events, length) = (batch.prepared.len(), batch.lines.len());
            for (line, prepared) in batch.prepared {
                let frame = match prepared {
                    Prepared::New(stored) => {
                        self.progress.packer.saw(&stored);
                        opening.saw(stored.resource_version(), now);
                        self.list_new(&mut listing, stored)?;
                        continue;
                    }
                    // Unless another line of the list has changed it since it was looked up.
                    Prepared::Known(known) if self.has(&known) => {
                        listing.drop_held(known.key(), &known.uid());
                        self.keep(known.key());
                        continue;
                    }
                    Prepared::Known(known) => {
                        self.list_new(&mut listing, known)?;
                        continue;
                    }
                    Prepared::TooLong => {
                        return Err(Failure::TooLong {
                            text: Text::Event,
                            max: limits.event_bytes,
                        });
                    }
                    Prepared::Unread => {
                        Frame::read(&batch.lines[line.clone()], &self.upstream.dropped)
                    }
                };
                match frame.map_err(Failure::UnreadableEvent)? {
                    Frame::Upsert(item) => self.list(&mut listing, Ok(item))?,
                    Frame::Unreadable(item) => self.list(&mut listing, Err(item))?,
                    Frame::Remove(item) => {
                        opening.saw_live(now);
                        self.list_removed(&mut listing, &item)?;
                    }
                    Frame::Error(status) => return Err(Failure::Status(status)),
                    Frame::Bookmark {
                        version,
                        ends_initial_events: true,
                    } => {
                        Plan::accepts(read, &version)?;
                        self.commit(listing, &version).await?;
                        let mut rest = batch.lines[line.end..].to_vec();
                        while !ahead.is_empty() {
                            rest.extend_from_slice(&ahead.next().await?.lines);
                        }
                        stream.follow_list(&rest);
                        return Ok(stream);
                    }
                    // A server that streams the list sends no other bookmark before its end.
                    Frame::Bookmark { .. } => return Err(Failure::NoBookmark),
                }
            }
            stream.recycle(batch.lines);
            let known = self.cache.read(Store::len) + listing.held();
            opening.read(events, known, now);
            if self.wants_to_learn() {
                self.learn().await;
            }
            budget.spend(length).await;
        }
    }

    /// Waits for the next lines of a list and what they were found to be; meanwhile others are read.
    async fn next_batch(
        &self,
        stream: &mut WatchStream,
        ahead: &mut Ahead,
        opening: &mut Opening,
    ) -> Result<Batch, Failure> {
        self.cache.deliver();
        if opening.is_no_list(Instant::now()) {
            return Err(Failure::NoBookmark);
        }
        if opening.wants_a_look(Instant::now()) {
            let version = self.version_of_the_server(&Read::Consistent).await;
            opening.looked(version.ok(), Instant::now());
        }
        loop {
            let encoder = self.progress.packer.encoder();
            let has_room = ahead.has_room(encoder.is_learned());
            if has_room && let Some(lines) = stream.take_lines()? {
                opening.took(&lines);
                let (upstream, cache) = (self.upstream.clone(), self.cache.clone());
                ahead.push(lines, upstream, cache, encoder.clone());
                continue;
            }
            if stream.is_over() && ahead.is_empty() {
                return Err(Failure::CutList);
            }
            let start = Instant::now();
            let patience = opening.patience(start);
            tokio::select! {
                biased;
                came = stream.read_list(patience), if has_room && !stream.is_over() => {
                    let bytes = came?.ok_or(Failure::NoBookmark)?;
                    opening.waited(start.elapsed());
                    self.list_came(bytes);
                }
                batch = ahead.next(), if !ahead.is_empty() => return batch,
            }
        }
    }

    /// Takes the end of an object that was deleted while the list came.
    fn list_removed(&mut self, listing: &mut Listing<'_>, item: &Item<'_>) -> Result<(), Failure> {
        item.write_key(&mut self.progress.key);
        if listing.drop_held(&self.progress.key, &Uid::of(&item.uid)) {
            return Ok(()); // It never showed.
        }
        self.remove(item)?;
        self.progress.plan.shows(&item.version);
        Ok(())
    }

    fn has(&self, object: &Stored) -> bool {
        let current = self.cache.get(object.key());
        current.is_some_and(|current| current.is(object))
    }
}
