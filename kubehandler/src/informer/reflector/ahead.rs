//! The lines of a streaming list, read and packed by all threads of the runtime while more come.
//!
//! What costs the time of a list is to read each object and to pack it; both are done ahead, a
//! batch a task, and taken in the order in which the lines came. A batch is what has come meanwhile.

use std::{collections::VecDeque, ops::Range, sync::Arc};

use kubehandler_queue::__private::threads;
use tokio_util::task::AbortOnDropHandle;

use crate::informer::{
    cache::Cache,
    object::{packer::Encoder, stored::Stored},
    reflector::upstream::Upstream,
    wire::{connection::buffer::Buffer, failure::Failure, frame::Frame},
};

/// The most batches that are on their way: little memory, however many threads there are.
const MAX_AHEAD: usize = 8;

/// Whole lines, and what was made of them.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) lines: Buffer,
    /// Each line that is not blank, without its end.
    pub(crate) prepared: Vec<(Range<usize>, Prepared)>,
}

/// What a line of a list was found to be.
#[derive(Debug)]
pub(crate) enum Prepared {
    /// An object that the store does not have in this version.
    New(Stored),
    /// An object that the store has, as it is.
    Known(Stored),
    /// Anything else; it is to be read when its turn comes.
    Unread,
    /// It has more bytes than a line may have.
    TooLong,
}

/// The batches on their way, in the order of their lines.
#[derive(Debug, Default)]
pub(crate) struct Ahead(VecDeque<AbortOnDropHandle<Batch>>);

impl Ahead {
    /// Returns true if no batch is on its way.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns true if another batch should not wait for those that are on their way.
    ///
    /// Until a dictionary exists, one batch is enough: its objects are learned from. On a
    /// runtime of one thread more than one would only keep other tasks waiting.
    pub(crate) fn has_room(&self, is_learned: bool) -> bool {
        let threads = threads();
        let at_once = if is_learned && threads > 1 {
            // Enough that no thread waits.
            (threads + 2).min(MAX_AHEAD)
        } else {
            1
        };
        self.0.len() < at_once
    }

    /// Has whole lines prepared.
    pub(crate) fn push(
        &mut self,
        lines: Buffer,
        upstream: Arc<Upstream>,
        cache: Arc<Cache>,
        encoder: Encoder,
    ) {
        let prepare = async move { Batch::prepare(lines, &upstream, &cache, &encoder) };
        let task = tokio::spawn(prepare);
        self.0.push_back(AbortOnDropHandle::new(task));
    }

    /// Waits for the first batch, of which there must be one.
    ///
    /// # Cancel safety
    ///
    /// No batch is lost if the future is dropped.
    pub(crate) async fn next(&mut self) -> Result<Batch, Failure> {
        let first = self.0.front_mut().ok_or(Failure::Panicked)?;
        let batch = first.await;
        self.0.pop_front();
        batch.map_err(|_| Failure::Panicked)
    }
}

impl Batch {
    fn prepare(lines: Buffer, upstream: &Upstream, cache: &Cache, encoder: &Encoder) -> Self {
        let mut prepared = Vec::new();
        let mut key = String::new();
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', &lines) {
            let range = start..end;
            start = end + 1;
            let line = &lines[range.clone()];
            if line.trim_ascii().is_empty() {
                continue;
            }
            if line.len() > upstream.limits.event_bytes {
                prepared.push((range, Prepared::TooLong));
                continue;
            }
            let found = match Frame::read(line, &upstream.dropped) {
                Ok(Frame::Upsert(item)) => {
                    let types = upstream.target.types();
                    item.write_key(&mut key);
                    match cache.get(&key) {
                        Some(known) if known.is_version_of(&item, types) => Prepared::Known(known),
                        _ => Prepared::New(encoder.pack(&key, &item, types)),
                    }
                }
                _ => Prepared::Unread,
            };
            prepared.push((range, found));
        }
        Self { lines, prepared }
    }
}

#[cfg(test)]
mod tests;
