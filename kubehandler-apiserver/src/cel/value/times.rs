//! Points in time and spans of it, as texts.
//!
//! Source: Go's `time`, and `k8s.io/kube-openapi/pkg/validation/strfmt`.

use jiff::{
    SignedDuration,
    civil::{self, DateTime},
};

const NANOS: [(&str, i128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// The longest offset from UTC, in seconds.
const MAX_OFFSET: i64 = 24 * 3600;

/// Reads a time of RFC 3339.
pub(in crate::cel) fn timestamp(text: &str) -> Option<DateTime> {
    let (time, offset) = if let Some(time) = text.strip_suffix('Z') {
        (time, 0)
    } else {
        let (time, offset) = text.split_at_checked(text.len().checked_sub(6)?)?;
        (time, seconds_of(offset)?)
    };
    let bytes = time.as_bytes();
    let is_plain =
        bytes.len() >= 19 && bytes[10] == b'T' && bytes[..4].iter().all(u8::is_ascii_digit);
    let time: DateTime = is_plain.then(|| time.parse().ok()).flatten()?;
    time.checked_sub(SignedDuration::from_secs(offset)).ok()
}

/// Reads an offset such as `+02:00`.
fn seconds_of(offset: &str) -> Option<i64> {
    let (hours, minutes) = offset.strip_prefix(['+', '-'])?.split_once(':')?;
    let number = |text: &str| text.parse::<u8>().ok().map(i64::from);
    let seconds = number(hours)? * 3600 + number(minutes)? * 60;
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    (seconds < MAX_OFFSET).then_some(sign * seconds)
}

/// Returns the seconds since 1970.
pub(in crate::cel) fn unix_seconds(time: DateTime) -> i64 {
    let since = time.duration_since(civil::date(1970, 1, 1).at(0, 0, 0, 0));
    let is_later = since.is_negative() && since.subsec_nanos() != 0;
    since.as_secs() - i64::from(is_later)
}

/// Reads a `date-time` of an object, which can be less strict.
pub(in crate::cel) fn lenient_timestamp(text: &str) -> Option<DateTime> {
    timestamp(text)
        .or_else(|| timestamp(&text.to_uppercase()))
        .or_else(|| date(text))
        .or_else(|| timestamp(&format!("{text}Z")))
}

/// Reads a `date` of an object.
pub(in crate::cel) fn date(text: &str) -> Option<DateTime> {
    let date: civil::Date = (text.len() == 10).then(|| text.parse().ok()).flatten()?;
    Some(date.to_datetime(civil::Time::midnight()))
}

/// Reads a duration such as `1h30m`, as Go does.
pub(in crate::cel) fn duration(text: &str) -> Option<i64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned == "0" {
        return Some(0);
    }
    let mut nanos: i128 = 0;
    let mut rest = unsigned;
    while !rest.is_empty() {
        let (number, after) = split(rest, |c| c.is_ascii_digit() || c == '.');
        let (unit, after) = split(after, |c| !c.is_ascii_digit() && c != '.');
        let (_, unit) = NANOS.iter().find(|(name, _)| *name == unit)?;
        nanos = nanos.checked_add(times(number, *unit)?)?;
        rest = after;
    }
    let nanos = if text.starts_with('-') { -nanos } else { nanos };
    let span = i64::try_from(nanos).ok();
    span.filter(|_| !unsigned.is_empty())
}

fn split(text: &str, is_first: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !is_first(c));
    text.split_at(end.unwrap_or(text.len()))
}

/// Returns a number with a fraction times a whole one.
fn times(number: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    let whole: i128 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let fraction = fraction.get(..18).unwrap_or(fraction);
    let power = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    let fraction: i128 = if fraction.is_empty() {
        0
    } else {
        fraction.parse().ok()?
    };
    whole
        .checked_mul(unit)?
        .checked_add(fraction.checked_mul(unit)? / power)
}

/// Returns a point in time as RFC 3339 has it.
pub(in crate::cel) fn shown(time: DateTime) -> String {
    format!("{time}Z")
}

/// Returns a duration in seconds, such as `1.5s`.
pub(in crate::cel) fn seconds(span: i64) -> String {
    let span = SignedDuration::from_nanos(span);
    let sign = if span.is_negative() { "-" } else { "" };
    let span = span.unsigned_abs();
    let fraction = format!("{:09}", span.subsec_nanos());
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{fraction}s", span.as_secs())
}
