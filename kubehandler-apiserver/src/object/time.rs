//! Times in metadata: whole seconds of UTC, such as `2026-01-01T00:00:00Z`.

use jiff::{SignedDuration, Timestamp};

/// Returns a time in the form that metadata has it, or `None` if it is no time.
pub(crate) fn canonical(time: &str) -> Option<String> {
    parsed(time).map(shown)
}

/// Returns the time `seconds` later; as it is if there is no such time.
pub(crate) fn shifted(time: &str, seconds: i64) -> String {
    parsed(time)
        .and_then(|time| time.checked_add(SignedDuration::from_secs(seconds)).ok())
        .map_or_else(|| time.to_owned(), shown)
}

/// Returns whether a time is later than another; not if either is no time.
pub(crate) fn is_after(time: &str, other: &str) -> bool {
    match (parsed(time), parsed(other)) {
        (Some(time), Some(other)) => time > other,
        _ => false,
    }
}

fn parsed(time: &str) -> Option<Timestamp> {
    // RFC 3339 alone: what else jiff reads, the real server refuses.
    let is_rfc3339 = time.as_bytes().get(10) == Some(&b'T') && !time.contains('[');
    is_rfc3339.then(|| time.parse().ok()).flatten()
}

fn shown(time: Timestamp) -> String {
    let seconds = Timestamp::from_second(time.as_second()).unwrap_or(time);
    seconds.to_string()
}
