//! The lines that the runner reads.

use std::{
    io::Write as _,
    time::{SystemTime, UNIX_EPOCH},
};

/// Returns the wall clock's nanoseconds since 1970; all programs of a run share one machine.
#[must_use]
pub fn unix_nanos() -> u128 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos())
}

/// Prints a line at once, also into a pipe; the line is lost if nobody reads it.
pub fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
