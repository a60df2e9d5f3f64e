//! Why a list or a watch failed, and what to do about it.

use std::{error::Error, fmt, time::Duration};

use serde::Deserialize;

use crate::{chain::chain, printable::Printable};

/// One failure of a list or a watch.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The server answered with an error, as HTTP status or as an event of the watch.
    #[error("{0}")]
    Status(ApiStatus),
    /// The request did not reach the server, or its answer did not come back whole.
    #[error("{}", Printable::new(.0))]
    Transport(String),
    /// A request, or the reading of its answer, panicked.
    #[error("the client panicked")]
    Panicked,
    /// No answer began in time.
    #[error("the server did not answer within {0:?}")]
    NoAnswer(Duration),
    /// A list stopped coming.
    #[error("the server sent nothing of the list for {0:?}")]
    Silent(Duration),
    /// The answer to a list is none.
    #[error("the list cannot be read: {}", Printable::new(.0))]
    UnreadableList(String),
    /// A whole frame of a watch is no event, or its object cannot be read.
    #[error("an event of the watch cannot be read: {}", Printable::new(.0))]
    UnreadableEvent(String),
    /// The server's data is older than what was already seen.
    #[error(
        "the server's list is of version {}, older than {} which was seen before",
        Printable::new(got),
        Printable::new(seen)
    )]
    Older { got: String, seen: String },
    /// The pages of a list are of different states.
    #[error("the pages of the list are of versions {first} and {other}")]
    MixedPages { first: String, other: String },
    /// A watch gave an older version after a newer one.
    #[error(
        "the watch went back from version {} to {}",
        Printable::new(seen),
        Printable::new(got)
    )]
    Backwards { got: String, seen: String },
    /// A deletion of an object other than the one that is known by this name.
    #[error(
        "the watch deleted another object than the known one of the name `{}`",
        Printable::new(.0)
    )]
    OtherUid(String),
    /// The server does not know streaming lists: it sent a plain watch, or nothing.
    #[error("the server does not close the streaming list with a bookmark")]
    NoBookmark,
    /// A streaming list ended before its closing bookmark.
    #[error("the streaming list was cut before its closing bookmark")]
    CutList,
    /// The server closed a watch as soon as it was open.
    #[error("the server closed the watch after {0:?}")]
    ClosedEarly(Duration),
    /// The server gives the same page again and again.
    #[error("the list does not end: its continue token repeats")]
    Endless,
}

impl Failure {
    /// Takes an error of the client, with its causes.
    pub(crate) fn transport(error: &(dyn Error + 'static)) -> Self {
        Self::Transport(Printable::new(chain(error)).to_string())
    }

    /// Returns the status code, if the server gave one.
    pub(crate) fn code(&self) -> Option<u16> {
        match self {
            Self::Status(status) => Some(status.code),
            _ => None,
        }
    }

    /// Returns true if the version asked for is newer than any that the server has.
    pub(crate) fn is_too_large(&self) -> bool {
        matches!(self, Self::Status(status) if status.too_large)
    }

    /// Returns the time that the server asks to be left alone.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status(status) => status.retry_after,
            _ => None,
        }
    }

    /// Returns true if it is part of normal life: it needs another request, but nobody's attention.
    pub(crate) fn is_routine(&self) -> bool {
        matches!(self, Self::CutList) || self.code() == Some(410)
    }

    /// Says what makes this failure the same as another, whatever times and versions it names.
    pub(crate) fn class(&self) -> (std::mem::Discriminant<Self>, Option<u16>) {
        (std::mem::discriminant(self), self.code())
    }
}

/// What the server says of a request that failed: the `Status` of its API.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ApiStatus {
    pub(crate) code: u16,
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) too_large: bool,
}

impl ApiStatus {
    /// Reads a `Status`, or returns `None` if the text is none.
    pub(crate) fn read(json: &[u8]) -> Option<Self> {
        let status: Status = serde_json::from_slice(json).ok()?;
        if status.kind != "Status" {
            return None;
        }
        let details = status.details.unwrap_or_default();
        let too_large = details
            .causes
            .unwrap_or_default()
            .iter()
            .any(|cause| cause.reason == "ResourceVersionTooLarge")
            // Before 1.20 the server said so in words only.
            || status.message.starts_with("Too large resource version");
        Some(Self {
            code: status.code,
            reason: status.reason,
            message: status.message,
            retry_after: details.retry_after_seconds.map(Duration::from_secs),
            too_large,
        })
    }

    /// Makes the status of an HTTP answer, whatever its body is.
    pub(crate) fn of_answer(code: u16, body: &[u8]) -> Self {
        let mut status = Self::read(body).unwrap_or_default();
        status.code = code;
        status
    }
}

impl fmt::Display for ApiStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}", self.code)?;
        if !self.reason.is_empty() {
            write!(f, " {}", Printable::new(&self.reason))?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", Printable::new(&self.message))?;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    code: u16,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
    details: Option<Details>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    causes: Option<Vec<Cause>>,
    retry_after_seconds: Option<u64>,
}

#[derive(Deserialize)]
struct Cause {
    #[serde(default)]
    reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_large_version_is_known_by_its_cause_and_by_its_words() {
        let cause = br#"{"kind":"Status","code":504,"message":"x","details":{"causes":[{"reason":"ResourceVersionTooLarge"}]}}"#;
        let words = br#"{"kind":"Status","code":504,"message":"Too large resource version: 9, current: 3"}"#;
        let other = br#"{"kind":"Status","code":504,"message":"etcd is slow","details":null}"#;

        assert!(ApiStatus::read(cause).is_some_and(|status| status.too_large));
        assert!(ApiStatus::read(words).is_some_and(|status| status.too_large));
        assert!(ApiStatus::read(other).is_some_and(|status| !status.too_large));
    }

    #[test]
    fn answer_without_a_status_keeps_its_code() {
        let status = ApiStatus::of_answer(503, b"<html>no</html>");

        assert_eq!(status.to_string(), "status 503");
    }
}
