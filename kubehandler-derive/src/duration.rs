//! Durations as they are written in attributes: `250ms`, `30s`, `10m`, `1h`.

/// Returns the milliseconds that `text` says, or `None` if it is not a whole number and a unit.
pub(crate) fn millis(text: &str) -> Option<u64> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let factor = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_and_unit_make_milliseconds() {
        for (text, expected) in [
            ("250ms", 250),
            ("30s", 30_000),
            ("10m", 600_000),
            ("1h", 3_600_000),
            ("0s", 0),
        ] {
            assert_eq!(millis(text), Some(expected));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "30",
            "s",
            "30 sec",
            "30 s",
            "1.5s",
            "-1s",
            "1h30m",
            "1d",
            "18446744073709551615h",
            "99999999999999999999s",
        ] {
            assert_eq!(millis(text), None, "{text}");
        }
    }
}
