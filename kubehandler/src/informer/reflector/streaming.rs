//! The streaming list: the objects as events of a watch, closed by a bookmark.

use tokio::time::Instant;

use super::Reflector;
use crate::informer::{
    ahead::{Ahead, Batch, Prepared},
    codec::Item,
    connection::Stream,
    failure::Failure,
    frame::Frame,
    listing::Listing,
    plan::Plan,
    stored::{Stored, Uid},
    target::Read,
};
use crate::log::debug;

impl Reflector<'_> {
    /// Takes a list as the first events of a watch; returns the watch.
    pub(super) async fn stream_list(&mut self, read: &Read) -> Result<Stream, Failure> {
        debug!(informer = %self.shared.target, ?read, "listing as a stream");
        let limits = &self.shared.limits;
        let request = self.shared.target.streaming_list(read, limits.watch)?;
        let mut stream = Stream::open(&self.shared.client, request, limits).await?;
        let last_call = stream.opened() + limits.stream_whole;
        let mut listing = self.begin(read);
        let mut ahead = Ahead::default();
        loop {
            let batch = self.next_batch(&mut stream, &mut ahead, last_call).await?;
            for (line, prepared) in batch.prepared {
                let frame = match prepared {
                    Prepared::New(stored) => {
                        self.progress.packer.saw(&stored);
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
                    Prepared::Unread => {
                        Frame::read(&batch.lines[line.clone()], &self.shared.options.dropped)
                    }
                };
                match frame.map_err(Failure::UnreadableEvent)? {
                    Frame::Upsert(item) => self.list(&mut listing, Ok(item))?,
                    Frame::Unreadable(item) => self.list(&mut listing, Err(item))?,
                    Frame::Remove(item) => self.list_removed(&mut listing, &item)?,
                    Frame::Error(status) => return Err(Failure::Status(status)),
                    Frame::Bookmark {
                        version,
                        ends_initial_events: true,
                    } => {
                        Plan::accepts(read, &version)?;
                        self.commit(listing, &version)?;
                        let mut rest = batch.lines[line.end..].to_vec();
                        while !ahead.is_empty() {
                            rest.extend(ahead.next().await?.lines);
                        }
                        stream.put_back(&rest);
                        stream.trim();
                        return Ok(stream);
                    }
                    // A server that streams the list sends no other bookmark before its end.
                    Frame::Bookmark { .. } => return Err(Failure::NoBookmark),
                }
            }
            self.learn();
        }
    }

    /// Waits for the next lines of a list and what they were found to be; meanwhile others are read.
    async fn next_batch(
        &self,
        stream: &mut Stream,
        ahead: &mut Ahead,
        last_call: Instant,
    ) -> Result<Batch, Failure> {
        let deadline = last_call.min(Instant::now() + self.shared.limits.stream_idle);
        self.shared.tell();
        loop {
            let encoder = self.progress.packer.encoder();
            let has_room = ahead.has_room(encoder.is_learned());
            if has_room && let Some(lines) = stream.take_lines() {
                ahead.push(lines, self.shared.clone(), encoder.clone());
                continue;
            }
            if stream.is_over() && ahead.is_empty() {
                return Err(Failure::CutList);
            }
            tokio::select! {
                biased;
                in_time = stream.read(deadline), if has_room && !stream.is_over() => {
                    if !in_time {
                        return Err(Failure::NoBookmark);
                    }
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
        let current = self.shared.get(object.key());
        current.is_some_and(|current| current.is(object))
    }
}
