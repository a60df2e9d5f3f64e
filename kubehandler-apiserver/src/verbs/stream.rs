//! One watch: a place in the history that moves on, written as lines.
//!
//! A watch holds no events of its own. It looks into the history when its reader asks for more, so
//! that a slow reader costs nothing, and gets 410 once the history is gone.

use std::{io, sync::Arc, time::Duration, vec};

use bytes::{Bytes, BytesMut};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use crate::{
    engine::Engine,
    failure::Failure,
    state::{
        storage::{Change, ChangeKind, Stored, TableId},
        watches::{End, Ticket},
    },
    verbs::{selection::Selection, shape::Shape},
    wire::asked::Asked,
};

/// How far apart bookmarks are.
const BOOKMARK_INTERVAL: Duration = Duration::from_secs(60);

/// How long before its end a watch sends its last bookmark.
const LAST_BOOKMARK: Duration = Duration::from_secs(2);

/// After this many bytes the rest waits for the next turn.
const BATCH: usize = 64 * 1024;

/// What a watch was asked for.
pub(crate) struct WatchPlan {
    pub(crate) table: TableId,
    pub(crate) selection: Selection,
    pub(crate) shape: Shape,
    /// Objects that come first, as ADDED.
    pub(crate) initial: Vec<Arc<Stored>>,
    /// A bookmark says when those are through.
    pub(crate) ends_initial_events: bool,
    /// Changes after this version follow.
    pub(crate) after: u64,
    pub(crate) has_bookmarks: bool,
    pub(crate) deadline: Instant,
    /// The request, which says whose view of the history it is.
    pub(crate) asked: Arc<Asked>,
}

/// A watch under way.
pub(crate) struct Watch {
    engine: Arc<Engine>,
    table: TableId,
    selection: Selection,
    shape: Shape,
    initial: vec::IntoIter<Arc<Stored>>,
    ends_initial_events: bool,
    /// The version that the watch began with, or its initial events.
    began_at: u64,
    cursor: u64,
    /// Absent where none is asked for, and after the last.
    next_bookmark: Option<Instant>,
    deadline: Instant,
    asked: Arc<Asked>,
    changed: Arc<Notify>,
    is_over: bool,
    /// Somebody on the way keeps lines that the client has not got.
    is_held_back: bool,
    ticket: Ticket,
}

impl Watch {
    pub(crate) fn new(engine: Arc<Engine>, changed: Arc<Notify>, plan: WatchPlan) -> Self {
        let ticket = engine.watches.open(plan.table, Arc::clone(&plan.asked));
        let next_bookmark = if plan.has_bookmarks {
            next_bookmark(plan.deadline)
        } else {
            None
        };
        Self {
            engine,
            table: plan.table,
            selection: plan.selection,
            shape: plan.shape,
            initial: plan.initial.into_iter(),
            ends_initial_events: plan.ends_initial_events,
            began_at: plan.after,
            cursor: plan.after,
            next_bookmark,
            deadline: plan.deadline,
            asked: plan.asked,
            changed,
            is_over: false,
            is_held_back: false,
            ticket,
        }
    }

    /// Returns the next lines, at most `limit` of them, or `None` when the watch is over.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no line.
    pub(crate) async fn next(&mut self, limit: usize) -> Option<io::Result<Bytes>> {
        loop {
            // Listen before looking: a change between the two still wakes us.
            let changed = Arc::clone(&self.changed);
            let mut changed = std::pin::pin!(changed.notified());
            changed.as_mut().enable();

            match self.ticket.end() {
                Some(End::Cut) => return None,
                Some(End::Break) => return Some(Err(io::ErrorKind::ConnectionReset.into())),
                None if self.is_over => return None,
                None => {}
            }
            let lines = self.look(limit);
            if !lines.is_empty() {
                self.ticket.is_busy();
                return Some(Ok(lines));
            }
            if self.is_over {
                return None;
            }
            if !self.is_held_back {
                self.ticket.waits_at(self.cursor);
            }
            let wake = self
                .next_bookmark
                .unwrap_or(self.deadline)
                .min(self.deadline);
            tokio::select! {
                () = changed => {}
                () = sleep_until(wake) => {}
            }
        }
    }

    /// Notes that the client has not yet got some lines that were taken: until then, the watch lags.
    pub(crate) fn hold_back(&mut self, is_held_back: bool) {
        self.is_held_back = is_held_back;
    }

    /// Takes what there is to say now.
    fn look(&mut self, limit: usize) -> Bytes {
        let mut out = BytesMut::new();
        let mut lines = 0;
        while lines < limit && out.len() < BATCH {
            let Some(object) = self.initial.next() else {
                break;
            };
            self.shape.event(&mut out, "ADDED", &object);
            lines += 1;
        }
        if lines > 0 || self.initial.len() > 0 {
            return out.freeze();
        }
        if std::mem::take(&mut self.ends_initial_events) {
            self.shape.bookmark(&mut out, self.cursor, true);
            return out.freeze();
        }
        self.follow(&mut out, limit);
        if out.is_empty() {
            self.tick(&mut out);
        }
        out.freeze()
    }

    /// Writes the changes since the cursor, and moves it.
    fn follow(&mut self, out: &mut BytesMut, limit: usize) {
        let state = self.engine.cluster();
        let head = state
            .view(&self.asked.client)
            .head(state.storage.revision());
        let Ok(changes) = state.storage.changes_after(self.table, self.cursor) else {
            let failure = Failure::watch_expired(self.cursor, Some(state.storage.compacted()));
            drop(state);
            self.fail(out, &failure);
            return;
        };
        let mut lines = 0;
        for change in changes.take_while(|change| change.revision() <= head) {
            if lines == limit || out.len() >= BATCH {
                return;
            }
            if write(out, &self.shape, &self.selection, change) {
                lines += 1;
            }
            self.cursor = change.revision();
        }
        // Nothing else happened here up to the head, whatever happened elsewhere.
        self.cursor = self.cursor.max(head);
    }

    /// Writes what the time demands: a bookmark, or the end.
    fn tick(&mut self, out: &mut BytesMut) {
        let now = Instant::now();
        if self.next_bookmark.is_some_and(|due| now >= due) {
            self.next_bookmark = next_bookmark(self.deadline);
            // A bookmark of the version that the watch began with tells the client nothing new, and is
            // wrong if the server has not reached that version.
            if self.cursor > self.began_at {
                self.shape.bookmark(out, self.cursor, false);
            }
        } else if now >= self.deadline {
            self.is_over = true;
        }
    }

    /// Writes an ERROR, the last line.
    fn fail(&mut self, out: &mut BytesMut, failure: &Failure) {
        out.extend_from_slice(&error_line(failure));
        self.is_over = true;
    }
}

/// Returns the line of a watch that says what is wrong; it is the last.
pub(crate) fn error_line(failure: &Failure) -> Bytes {
    let status = failure.to_status();
    format!("{{\"type\":\"ERROR\",\"object\":{status}}}\n").into()
}

/// A minute from now, or shortly before the end if that is sooner; nothing after that.
fn next_bookmark(deadline: Instant) -> Option<Instant> {
    let last = deadline.checked_sub(LAST_BOOKMARK)?;
    let now = Instant::now();
    (now < last).then(|| last.min(now + BOOKMARK_INTERVAL))
}

/// Writes what a change means to who sees only the selection. Returns false if it means nothing.
fn write(out: &mut BytesMut, shape: &Shape, selection: &Selection, change: &Change) -> bool {
    let was_in = change
        .previous
        .as_deref()
        .is_some_and(|object| selection.contains(object));
    let is_in = change.kind == ChangeKind::Put && selection.contains(&change.object);
    match (was_in, is_in) {
        (false, false) => return false,
        (false, true) => shape.event(out, "ADDED", &change.object),
        (true, true) => shape.event(out, "MODIFIED", &change.object),
        (true, false) if change.kind == ChangeKind::Remove => {
            shape.event(out, "DELETED", &change.object);
        }
        (true, false) => {
            // It left: what is shown is the last state that was seen, under the version of the change.
            let previous = change.previous.as_ref().expect("it was in the selection");
            shape.event(out, "DELETED", &previous.at(change.revision()));
        }
    }
    true
}
