//! Faults on command: what a server or the way to it can do wrong, one request at a time.

mod script;
mod when;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(crate) use self::script::{Line, Script, parse};
pub use self::{
    script::{FaultId, ScriptError},
    when::When,
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
    /// The answer's body breaks off after this number of bytes, in the middle of a list for example.
    Truncate(usize),
    /// The watch ends after this number of events, as when its time is over.
    Cut(usize),
    /// The watch's connection breaks after this number of events.
    Break(usize),
    /// The watch sends nothing after this number of events, and does not end.
    Freeze(usize),
    /// The watch breaks off in the middle of the event after this number.
    Halve(usize),
    /// The event after this number is not JSON.
    Garble(usize),
    /// The event after this number comes twice.
    Duplicate(usize),
    /// The two events after this number change places.
    Reorder(usize),
    /// After this number of events the watch says that its version is gone (410), and ends.
    Expire(usize),
}

/// What goes wrong at once, as a line of a script says it: `{"now": {"jumpClock": 3600}}`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Command {
    Compact,
    CutWatches(When),
    BreakWatches(When),
    FreezeView(String),
    ReleaseView(String),
    JumpClock(i64),
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
