//! Time zones: offsets such as `-08:00`, and `UTC`.
//!
//! Names such as `America/New_York` need a database that is not there.

use crate::cel::outcome::EvalError;

/// Returns how many seconds a time zone is ahead of UTC.
pub(super) fn offset_of(zone: &str) -> Result<i64, EvalError> {
    if ["", "UTC"].contains(&zone) {
        return Ok(0);
    }
    fixed(zone).ok_or_else(|| EvalError::new(format!("unknown time zone {zone}")))
}

fn fixed(zone: &str) -> Option<i64> {
    let (hours, minutes) = zone.split_once(':')?;
    let unsigned = hours.strip_prefix(['-', '+']).unwrap_or(hours);
    let number = |text: &str| text.parse::<u8>().ok().map(i64::from);
    let seconds = number(unsigned)? * 3600 + number(minutes)? * 60;
    Some(if hours.starts_with('-') {
        -seconds
    } else {
        seconds
    })
}
