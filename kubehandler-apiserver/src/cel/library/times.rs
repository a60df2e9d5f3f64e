//! Points in time and spans of it.
//!
//! Source: `common/types/{timestamp,duration}.go` of `github.com/google/cel-go`.

use jiff::{
    SignedDuration,
    civil::{self, DateTime},
};

use super::{convert::failed, timezones::offset_of};
use crate::cel::{
    outcome::{EvalError, Outcome},
    value::{CelValue, times},
};

const SECOND: i64 = 1_000_000_000;

pub(super) fn call(function: &str, arguments: &[CelValue]) -> Option<Outcome> {
    use CelValue::{Duration, Int, String};
    Some(match (function, arguments) {
        ("timestamp", [CelValue::Timestamp(time)]) => Ok(CelValue::Timestamp(*time)),
        ("timestamp", [String(text)]) => read(text),
        ("timestamp", [Int(seconds)]) => {
            let epoch = civil::date(1970, 1, 1).at(0, 0, 0, 0);
            shifted(epoch, SignedDuration::from_secs(*seconds))
        }
        ("duration", [Duration(span)]) => Ok(Duration(*span)),
        ("duration", [String(text)]) => match times::duration(text) {
            Some(span) => Ok(Duration(span)),
            None => Err(failed("string", "google.protobuf.Duration")),
        },
        ("getHours", [Duration(span)]) => Ok(Int(span / (3600 * SECOND))),
        ("getMinutes", [Duration(span)]) => Ok(Int(span / (60 * SECOND))),
        ("getSeconds", [Duration(span)]) => Ok(Int(span / SECOND)),
        ("getMilliseconds", [Duration(span)]) => Ok(Int(span / 1_000_000)),
        (function, [CelValue::Timestamp(time)]) => return part(function, *time),
        (function, [CelValue::Timestamp(time), String(zone)]) if function.starts_with("get") => {
            let local = offset_of(zone).and_then(|offset| {
                let time = time.checked_add(SignedDuration::from_secs(offset));
                time.map_err(|_| EvalError::new("timestamp overflow"))
            });
            match local {
                Ok(time) => return part(function, time),
                Err(error) => Err(error),
            }
        }
        _ => return None,
    })
}

/// Returns a part of a point in time.
fn part(function: &str, time: DateTime) -> Option<Outcome> {
    let part = match function {
        "getFullYear" => i64::from(time.year()),
        "getMonth" => i64::from(time.month()) - 1,
        "getDate" => i64::from(time.day()),
        "getDayOfMonth" => i64::from(time.day()) - 1,
        "getDayOfWeek" => i64::from(time.weekday().to_sunday_zero_offset()),
        "getDayOfYear" => i64::from(time.day_of_year()) - 1,
        "getHours" => i64::from(time.hour()),
        "getMinutes" => i64::from(time.minute()),
        "getSeconds" => i64::from(time.second()),
        "getMilliseconds" => i64::from(time.millisecond()),
        _ => return None,
    };
    Some(Ok(CelValue::Int(part)))
}

fn read(text: &str) -> Outcome {
    let time =
        times::timestamp(text).ok_or_else(|| failed("string", "google.protobuf.Timestamp"))?;
    in_range(Some(time))
}

/// Times are of the years 1 to 9999.
fn in_range(time: Option<DateTime>) -> Outcome {
    let time = time.filter(|time| time.year() >= 1);
    let time = time.ok_or_else(|| EvalError::new("timestamp overflow"))?;
    Ok(CelValue::Timestamp(time))
}

/// Returns a point in time moved by a duration.
pub(super) fn shifted(time: DateTime, span: SignedDuration) -> Outcome {
    in_range(time.checked_add(span).ok())
}
