//! Why a list or a watch failed, and what to do about it.

use std::{borrow::Cow, error::Error, fmt, str::FromStr, time::Duration};

use crate::{
    Printable,
    chain::chain,
    informer::wire::{
        pace::Stall,
        pages::Endless,
        scan::{self, Malformed, Members},
    },
};

/// How a server says that the version asked for is newer than any that it has.
const TOO_LARGE: &str = "Too large resource version";

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
    #[error("the server, or a credentials plugin, did not answer within {0:?}")]
    NoAnswer(Duration),
    /// A request kept its thread: credentials plugins do that, and little else.
    #[error("a credentials plugin, or a layer of the client, did not answer within {0:?}")]
    Blocked(Duration),
    /// A list, or an event that had begun, stopped coming, or came too slowly.
    #[error("{}", stalled(*.0, *.1))]
    Stalled(Text, Stall),
    /// A text has more bytes than it may have.
    #[error("{text} is longer than {max} bytes{}", .text.raises_its_limit())]
    TooLong { text: Text, max: usize },
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
    /// The pages of a list lead nowhere.
    #[error("the list does not end: {0}")]
    Endless(Endless),
}

/// What comes from the server piece by piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    /// A line of a watch.
    Event,
    /// A list: a page of it, or all.
    List,
    /// Where the next page of a list begins.
    Token,
}

impl Text {
    fn raises_its_limit(self) -> &'static str {
        match self {
            Self::Event => "; `Limits::max_event` allows more",
            Self::List => " in one answer; `Limits::max_page` allows more",
            Self::Token => "",
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Event => "an event of the watch",
            Self::List => "the list",
            Self::Token => "the continue token",
        })
    }
}

fn stalled(text: Text, stall: Stall) -> String {
    match stall {
        Stall::Silent(time) => {
            format!(
                "the server sent nothing of {text} for {time:?}; `Limits::max_silence` allows more"
            )
        }
        Stall::Slow { rate, patience } => format!(
            "the server sent less than {rate} bytes a second of {text} for longer than {patience:?}; \
             `Limits::min_rate` allows less"
        ),
    }
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

    /// Returns true if it is part of normal life: it needs another request, and no attention.
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
        let found = FoundStatus::of(json);
        (found.is_whole && found.kind == "Status").then(|| found.status())
    }

    /// Reads the object of an `ERROR` event, which is a `Status` even if it does not say so.
    pub(crate) fn of_event(json: &[u8]) -> Option<Self> {
        let found = FoundStatus::of(json);
        let is_status = match &*found.kind {
            "Status" => true,
            "" => found.code.is_some() || !found.reason.is_empty(),
            _ => false,
        };
        (found.is_whole && is_status).then(|| found.status())
    }

    /// Makes the status of an HTTP answer, whatever its body is.
    ///
    /// The code of a `Status` counts for more than that of the answer, as it does in Go's client.
    pub(crate) fn of_answer(code: u16, body: &[u8]) -> Self {
        let found = FoundStatus::of(body);
        let is_status = matches!(&*found.kind, "Status" | "");
        let may_be_other = found.kind == "Status" && found.is_failure;
        let mut status = if is_status {
            found.status()
        } else {
            Self::default()
        };
        if !may_be_other || !(400..600).contains(&status.code) {
            status.code = code;
        }
        status
    }
}

/// Returns the code that the API gives a reason.
fn code_of(reason: &str) -> Option<u16> {
    Some(match reason {
        "BadRequest" => 400,
        "Unauthorized" => 401,
        "Forbidden" => 403,
        "NotFound" => 404,
        "MethodNotAllowed" => 405,
        "NotAcceptable" => 406,
        "AlreadyExists" | "Conflict" => 409,
        "Gone" | "Expired" => 410,
        "RequestEntityTooLarge" => 413,
        "UnsupportedMediaType" => 415,
        "Invalid" => 422,
        "TooManyRequests" => 429,
        "InternalError" | "ServerTimeout" => 500,
        "ServiceUnavailable" => 503,
        "Timeout" => 504,
        _ => return None,
    })
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

/// What is found of a `Status`. A member that is missing, null, or not of its type is empty: what
/// the others say still counts.
#[derive(Default)]
struct FoundStatus<'a> {
    kind: Cow<'a, str>,
    code: Option<u16>,
    reason: Cow<'a, str>,
    message: Cow<'a, str>,
    is_failure: bool,
    retry_after: u64,
    too_large: bool,
    /// The text could be read to its end.
    is_whole: bool,
}

impl<'a> FoundStatus<'a> {
    fn of(json: &'a [u8]) -> Self {
        let mut found = Self::default();
        found.is_whole = found.walk(scan::without_bom(json)).is_ok();
        found
    }

    fn walk(&mut self, json: &'a [u8]) -> Result<(), Malformed> {
        let mut members = Members::of(json)?;
        while let Some(member) = members.next()? {
            if *member.name == *b"details" && members.first_byte() == Some(b'{') {
                let mut details = members.members()?;
                self.walk_details(&mut details)?;
                members.leave(details.at());
                continue;
            }
            let value = members.value()?;
            match &*member.name {
                b"kind" => set(&mut self.kind, value),
                b"code" => self.code = number(value).or(self.code),
                b"reason" => set(&mut self.reason, value),
                b"message" => set(&mut self.message, value),
                b"status" => self.is_failure = scan::text(value).is_ok_and(|it| it == "Failure"),
                _ => {}
            }
        }
        members.ends_the_text()
    }

    fn walk_details(&mut self, details: &mut Members<'a>) -> Result<(), Malformed> {
        while let Some(member) = details.next()? {
            match (&*member.name, details.first_byte()) {
                (b"causes", Some(b'[')) => {
                    let mut causes = details.elements()?;
                    while causes.next()? {
                        if causes.first_byte() == Some(b'{') {
                            let mut cause = causes.members()?;
                            self.walk_cause(&mut cause)?;
                            causes.leave(cause.at());
                        } else {
                            causes.value()?;
                        }
                    }
                    details.leave(causes.at());
                }
                (b"retryAfterSeconds", _) => {
                    self.retry_after = number(details.value()?).unwrap_or(self.retry_after);
                }
                _ => drop(details.value()?),
            }
        }
        Ok(())
    }

    fn walk_cause(&mut self, cause: &mut Members<'a>) -> Result<(), Malformed> {
        while let Some(member) = cause.next()? {
            let text = scan::text(cause.value()?).unwrap_or_default();
            self.too_large |= match &*member.name {
                b"reason" => text == "ResourceVersionTooLarge",
                // Before 1.20 the server said so in words only.
                b"message" => text.starts_with(TOO_LARGE),
                _ => false,
            };
        }
        Ok(())
    }

    fn status(self) -> ApiStatus {
        // Go's client asks for the reason first, and then for the code.
        let code = match code_of(&self.reason) {
            Some(410) => Some(410),
            code => self.code.or(code),
        };
        ApiStatus {
            code: code.unwrap_or_default(),
            too_large: self.too_large || self.message.starts_with(TOO_LARGE),
            retry_after: (self.retry_after > 0).then(|| Duration::from_secs(self.retry_after)),
            reason: self.reason.into_owned(),
            message: self.message.into_owned(),
        }
    }
}

/// Takes a string; `null` and what is no string change nothing, as in Go.
fn set<'a>(known: &mut Cow<'a, str>, value: &'a [u8]) {
    if value != b"null"
        && let Ok(text) = scan::text(value)
    {
        *known = text;
    }
}

/// Returns a number that is not negative; `None` for anything else, and for zero.
fn number<T: FromStr + Default + PartialEq>(value: &[u8]) -> Option<T> {
    let number = std::str::from_utf8(value).ok()?.parse().ok()?;
    (number != T::default()).then_some(number)
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
    fn status_is_read_whatever_of_it_is_null_or_missing() {
        let deep = format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000));
        for members in [
            r#""code":410"#,
            r#""code":410,"reason":null,"message":null,"details":null,"metadata":{}"#,
            r#""code":null,"reason":"Expired""#,
            r#""reason":"Gone""#,
            r#""code":500,"reason":"Expired""#,
            r#""code":410,"details":{"causes":null,"retryAfterSeconds":null}"#,
            r#""code":410,"details":{"causes":[null,7,{"reason":null}]}"#,
            r#""code":410,"details":[]"#,
            r#""code":410,"message":7,"reason":[]"#,
            r#""code":410,"code":null"#,
            r#""code":200,"code":410"#,
            r#""code":410,"message":"\ud800""#,
            &format!(r#""details":{deep},"code":410,"message":{deep}"#),
            &format!(r#""code":410,"details":{{"causes":{deep}}}"#),
        ] {
            let members = format!(r#""kind":"Status",{members}"#);
            let status = ApiStatus::read(format!("{{{members}}}").as_bytes());

            let code = status.map(|status| status.code);
            assert_eq!(code, Some(410), "{members:.80}");
        }
    }

    #[test]
    fn status_of_an_answer_counts_for_more_than_its_code() {
        let of_answer = |body: &str| ApiStatus::of_answer(500, body.as_bytes()).to_string();

        let expired = r#"{"kind":"Status","status":"Failure","reason":"Expired"}"#;
        assert_eq!(of_answer(expired), "status 410 Expired");
        let nameless = r#"{"message":"no \u0068ope","reason":null}"#;
        assert_eq!(of_answer(nameless), "status 500: no hope");
        let other = r#"{"kind":"Pod","message":"no","code":410}"#;
        assert_eq!(of_answer(other), "status 500");
        let good = r#"{"kind":"Status","status":"Success","code":200}"#;
        assert_eq!(of_answer(good), "status 500");
    }

    #[test]
    fn time_to_wait_is_a_positive_number_or_nothing() {
        let retry_after = |seconds: &str| {
            let details = format!(r#"{{"retryAfterSeconds":{seconds}}}"#);
            let status = format!(r#"{{"kind":"Status","code":429,"details":{details}}}"#);
            ApiStatus::read(status.as_bytes()).and_then(|status| status.retry_after)
        };

        assert_eq!(retry_after("7"), Some(Duration::from_secs(7)));
        for seconds in ["null", "0", "-1", "1.5", "\"7\"", "1e99", "[]"] {
            assert_eq!(retry_after(seconds), None, "{seconds}");
        }
    }

    #[test]
    fn answer_without_a_status_keeps_its_code() {
        let status = ApiStatus::of_answer(503, b"<html>no</html>");

        assert_eq!(status.to_string(), "status 503");
    }
}
