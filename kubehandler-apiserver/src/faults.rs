//! Faults on command: what a server or the way to it can do wrong, one request at a time.

mod script;
mod tamper;
mod when;

use std::{fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    server::{ApiServer, Shared},
    watch::End,
};

use self::script::Line;
pub(crate) use self::{script::Script, tamper::Tamper};
pub use self::{
    script::{FaultId, ScriptError},
    when::{Verb, When},
};

/// What goes wrong with a request.
///
/// As JSON: `"hang"`, `{"status": {"code": 503}}`, `{"delay": 250}`, `{"cut": 3}`. Times are in
/// milliseconds; the numbers of watch faults say how many events come through before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Fault {
    /// The connection breaks before the server has looked at the request.
    Refuse,
    /// The server looks at the request only after a while.
    Delay(#[serde(with = "millis")] Duration),
    /// There is no answer, and nothing is done.
    Hang,
    /// The request is done, and the connection breaks instead of the answer.
    LoseResponse,
    /// The request is done, and the answer comes after a while.
    DelayResponse(#[serde(with = "millis")] Duration),
    /// The request is done, and there is no answer.
    HangResponse,
    /// The answer is an error, and nothing is done.
    Status {
        /// Such as 503. 401, 403, 409, 410, 422, 429, 500, 503 and 504 come in the real server's
        /// words.
        code: u16,
        /// The seconds of the header `Retry-After`, if there is to be one.
        #[serde(default, rename = "retryAfter")]
        retry_after: Option<u32>,
    },
    /// The answer's body breaks off after so many bytes, in the middle of a list for example.
    Truncate(usize),
    /// The watch ends after so many events, as when its time is over.
    Cut(usize),
    /// The watch's connection breaks after so many events.
    Break(usize),
    /// The watch says nothing more after so many events, and does not end.
    Freeze(usize),
    /// The watch breaks off in the middle of the event after so many.
    Halve(usize),
    /// The event after so many is not JSON.
    Garble(usize),
    /// The event after so many comes twice.
    Duplicate(usize),
    /// The two events after so many change places.
    Reorder(usize),
    /// After so many events the watch says that its version is gone (410), and ends.
    Expire(usize),
}

/// What goes wrong at once, as a line of a script says it: `{"now": {"jumpClock": 3600}}`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Action {
    Compact,
    CutWatches(When),
    BreakWatches(When),
    FreezeView(String),
    ReleaseView(String),
    JumpClock(i64),
}

/// The faults of a server: a handle on them.
#[derive(Clone)]
pub struct Faults {
    shared: Arc<Shared>,
}

impl ApiServer {
    /// Returns the handle on what goes wrong.
    #[must_use]
    pub fn faults(&self) -> Faults {
        Faults {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl Faults {
    /// Lets `fault` happen to the requests that `when` picks.
    ///
    /// A request suffers the first fault, in the order they were added, that picks it and has times
    /// left.
    #[expect(
        clippy::must_use_candidate,
        reason = "most faults are never taken back"
    )]
    pub fn add(&self, when: When, fault: Fault) -> FaultId {
        self.shared.script().add(when, fault)
    }

    /// Does what a script says, in order: one JSON object a line, such as
    /// `{"when": {"verb": "watch", "resource": "pods", "times": 2}, "fault": {"cut": 3}}` for a fault.
    ///
    /// What happens at once is called as its method is: `{"now": "compact"}`,
    /// `{"now": {"cutWatches": {"resource": "pods"}}}`, `breakWatches`,
    /// `{"now": {"freezeView": "CLIENT"}}`, `releaseView`, `{"now": {"jumpClock": 3600}}`.
    ///
    /// # Errors
    ///
    /// Fails if a line is not such an object, and does nothing then.
    pub fn load(&self, script: &str) -> Result<Vec<FaultId>, ScriptError> {
        let mut added = Vec::new();
        for line in script::parse(script)? {
            match line {
                Line::Fault(when, fault) => added.push(self.add(when, fault)),
                Line::Now(action) => self.act(action),
            }
        }
        Ok(added)
    }

    fn act(&self, action: Action) {
        match action {
            Action::Compact => self.compact(),
            Action::CutWatches(when) => self.cut_watches(&when),
            Action::BreakWatches(when) => self.break_watches(&when),
            Action::FreezeView(client) => self.freeze_view(&client),
            Action::ReleaseView(client) => self.release_view(&client),
            Action::JumpClock(seconds) => self.jump_clock(seconds),
        }
    }

    /// Takes a fault back. Returns false if it was gone already.
    #[expect(clippy::must_use_candidate, reason = "it is gone either way")]
    pub fn remove(&self, fault: FaultId) -> bool {
        self.shared.script().remove(fault)
    }

    /// Takes every fault back and releases every view: from here on the server is well again.
    ///
    /// What a fault has done already (a frozen watch, a request that hangs) stays done.
    pub fn clear(&self) {
        self.shared.script().clear();
        self.shared.state().release_views();
    }

    /// Returns how many requests a fault has struck so far.
    #[must_use]
    pub fn struck(&self, fault: FaultId) -> u64 {
        self.shared.script().struck(fault)
    }

    /// Ends every watch that is open and that `when` picks, as when its time is over.
    ///
    /// `skip` and `times` do not count here.
    pub fn cut_watches(&self, when: &When) {
        self.end_watches(when, End::Cut);
    }

    /// Breaks the connection of every watch that is open and that `when` picks.
    ///
    /// `skip` and `times` do not count here.
    pub fn break_watches(&self, when: &When) {
        self.end_watches(when, End::Break);
    }

    fn end_watches(&self, when: &When, end: End) {
        self.shared.watches.end(|asked| when.picks(asked), end);
        self.shared.state().storage.wake_all();
    }

    /// Forgets the history: older versions are neither listed nor watched.
    pub fn compact(&self) {
        let mut state = self.shared.state();
        let revision = state.storage.revision();
        state.storage.compact(revision);
    }

    /// Lets a client see the objects as they are now until its view is released, as if it were
    /// served by a server that lags.
    ///
    /// A client's name is the one of [`ApiServer::client_named`], or its user agent.
    pub fn freeze_view(&self, client: &str) {
        self.shared.state().freeze_view(client);
    }

    /// Lets a client see everything again.
    pub fn release_view(&self, client: &str) {
        self.shared.state().release_view(client);
        self.shared.advanced.notify_waiters();
    }

    /// Moves the server's wall clock by so many seconds, forwards or backwards.
    pub fn jump_clock(&self, seconds: i64) {
        self.shared.state().clock.jump(seconds);
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").finish_non_exhaustive()
    }
}

/// Durations as milliseconds.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}
