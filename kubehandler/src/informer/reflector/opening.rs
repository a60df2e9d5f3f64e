//! Whether a stream is a list: what a plain watch does, and a streaming list does not.
//!
//! Pure: no clock and no I/O; the time is passed in.
//!
//! A server that does streaming lists sends each object once, then what happened meanwhile, and
//! closes the list with a bookmark as soon as it has caught up with the moment of the request. A
//! server that ignores the question sends a plain watch, which has no such bookmark. It is known by
//!
//! - its silence: no event in `quiet` of waiting, where a list would go on or be closed;
//! - events that are none of a list's (deletions, a second state of an object, versions newer than
//!   the server had when it was asked for its version later) and, `patience` after the first of
//!   them or after very many, still no bookmark.
//!
//! A list that is slow to come is neither.

use std::time::Duration;

use tokio::time::Instant;

use crate::informer::wire::{limits::Limits, version};

/// Events that are none of a list's. What happens while a list is sent waits in a queue of the
/// server, which has room for a thousand or so.
const MAX_LIVE: usize = 100_000;

/// The shortest wait for an event.
const SHORT: Duration = Duration::from_secs(1);

/// What is known of a stream before its closing bookmark.
#[derive(Debug)]
pub(crate) struct Opening {
    /// Without an event.
    quiet: Duration,
    /// From the first event that is none of a list's to the bookmark.
    patience: Duration,
    /// Between two questions for the server's version.
    look: Duration,
    looks_at: Instant,
    /// A version that the server had after the list was asked for.
    head: Option<String>,
    /// Events so far.
    events: usize,
    /// Waited since the last event.
    waited: Duration,
    /// Events that are none of a list's.
    live: usize,
    /// When the first event came that is none of a list's.
    live_since: Option<Instant>,
}

impl Opening {
    pub(crate) fn new(opened: Instant, limits: &Limits) -> Self {
        Self {
            quiet: limits.stream_idle,
            patience: limits.bookmark,
            look: limits.watch,
            looks_at: opened + limits.watch,
            head: None,
            events: 0,
            waited: Duration::ZERO,
            live: 0,
            live_since: None,
        }
    }

    /// Returns how long the next event may take.
    pub(crate) fn patience(&self, now: Instant) -> Duration {
        let quiet = self.quiet.saturating_sub(self.waited);
        let Some(since) = self.live_since else {
            return quiet;
        };
        let spent = now.saturating_duration_since(since);
        // What is there by now is read in any case.
        let left = self.patience.saturating_sub(spent).max(SHORT);
        left.min(quiet)
    }

    /// Notes that bytes came after a wait; they need not be an event yet.
    pub(crate) fn waited(&mut self, waited: Duration) {
        self.waited += waited;
    }

    /// Notes that whole lines came; they are events unless they are blank.
    pub(crate) fn took(&mut self, lines: &[u8]) {
        if !lines.trim_ascii_start().is_empty() {
            self.waited = Duration::ZERO;
        }
    }

    /// Returns true if the bookmark is overdue.
    pub(crate) fn is_no_list(&self, now: Instant) -> bool {
        let overdue = |since| now.saturating_duration_since(since) >= self.patience;
        self.live >= MAX_LIVE || self.live_since.is_some_and(overdue)
    }

    /// Returns true if the server should be asked for its version: a plain watch would be over by now.
    pub(crate) fn wants_a_look(&self, now: Instant) -> bool {
        self.head.is_none() && now >= self.looks_at
    }

    /// Notes the version that the server gave, if it did.
    pub(crate) fn looked(&mut self, version: Option<String>, now: Instant) {
        self.head = version;
        self.looks_at = now + self.look;
    }

    /// Notes that events were read; `known` is the number of objects that are known since.
    pub(crate) fn read(&mut self, events: usize, known: usize, now: Instant) {
        self.events += events;
        if self.events > known {
            self.saw_live(now);
            self.live = self.live.max(self.events - known);
        }
    }

    /// Notes the version of an object that came.
    pub(crate) fn saw(&mut self, version: &str, now: Instant) {
        let is_newer = |head: &String| version::is_older(head, version);
        if self.head.as_ref().is_some_and(is_newer) {
            self.saw_live(now);
        }
    }

    /// Notes an event that is none of a list's.
    pub(crate) fn saw_live(&mut self, now: Instant) {
        self.live += 1;
        self.live_since.get_or_insert(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opening(now: Instant) -> Opening {
        Opening::new(now, &Limits::default())
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn list_may_take_as_long_as_it_does() {
        let mut now = Instant::now();
        let mut opening = opening(now);
        for object in 1..10_000 {
            now += seconds(20);
            if opening.wants_a_look(now) {
                opening.looked(Some("10000".to_owned()), now);
            }
            opening.saw(&object.to_string(), now);
            opening.read(1, object, now);

            assert_eq!(opening.patience(now), seconds(30));
            assert!(!opening.is_no_list(now));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn second_state_of_an_object_makes_the_bookmark_due() {
        let start = Instant::now();
        let mut opening = opening(start);

        opening.read(4, 3, start);
        opening.read(1, 4, start + seconds(50));

        assert_eq!(opening.patience(start + seconds(50)), seconds(10));
        assert!(!opening.is_no_list(start + seconds(59)));
        assert!(opening.is_no_list(start + seconds(60)));
        assert_eq!(opening.patience(start + seconds(600)), SHORT);
    }

    #[tokio::test(start_paused = true)]
    async fn very_many_states_make_the_bookmark_overdue_at_once() {
        let now = Instant::now();
        let mut opening = opening(now);

        opening.read(100_000, 1, now);
        assert!(!opening.is_no_list(now));
        opening.read(1_000, 1, now);
        assert!(opening.is_no_list(now));
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_without_an_event_leave_less_time_for_one() {
        let now = Instant::now();
        let mut opening = opening(now);

        opening.waited(seconds(12));
        opening.took(b"\n \n");
        opening.waited(seconds(12));
        assert_eq!(opening.patience(now), seconds(6));

        opening.took(b"\n{}\n");
        assert_eq!(opening.patience(now), seconds(30));
    }

    #[tokio::test(start_paused = true)]
    async fn only_versions_that_the_server_did_not_have_are_news() {
        let start = Instant::now();
        let mut opening = opening(start);
        opening.saw("99", start);
        opening.looked(Some("100".to_owned()), start);

        opening.saw("100", start);
        opening.saw("no number", start);
        assert!(!opening.is_no_list(start + seconds(60)));

        opening.saw("101", start + seconds(5));
        assert!(opening.is_no_list(start + seconds(65)));
    }

    #[tokio::test(start_paused = true)]
    async fn server_is_asked_for_its_version_until_it_answers() {
        let start = Instant::now();
        let mut opening = opening(start);

        assert!(!opening.wants_a_look(start + seconds(289)));
        assert!(opening.wants_a_look(start + seconds(290)));
        opening.looked(None, start + seconds(300));
        assert!(!opening.wants_a_look(start + seconds(589)));
        assert!(opening.wants_a_look(start + seconds(590)));
        opening.looked(Some("1".to_owned()), start + seconds(600));
        assert!(!opening.wants_a_look(start + seconds(6_000)));
    }
}
