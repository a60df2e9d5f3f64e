//! Numbers in texts, as Go's `strconv` reads them and refuses them.

use crate::failure::quoted;

/// Reads a signed decimal number, or says why not.
pub(crate) fn parse_i64(text: &str) -> Result<i64, String> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    text.parse()
        .map_err(|_| number_error("ParseInt", text, digits))
}

/// Reads an unsigned decimal number without a sign, or says why not.
pub(crate) fn parse_u64(text: &str) -> Result<u64, String> {
    let failed = || number_error("ParseUint", text, text);
    if text.starts_with('+') {
        return Err(failed());
    }
    text.parse().map_err(|_| failed())
}

/// Returns a number as Go's `%v` prints it: `0.5`, `100`, `1e+06`.
pub(crate) fn go_float(number: f64) -> String {
    let scientific = format!("{number:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return number.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

fn number_error(function: &str, text: &str, digits: &str) -> String {
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    let why = if is_number {
        "value out of range"
    } else {
        "invalid syntax"
    };
    format!("strconv.{function}: parsing {}: {why}", quoted(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_printed_as_go_does() {
        let printed = [0.5, 100.0, 1_000_000.0, 1_234_567.5, 0.000_01].map(go_float);

        assert_eq!(printed, ["0.5", "100", "1e+06", "1.2345675e+06", "1e-05"]);
    }

    #[test]
    fn version_has_no_sign() {
        assert_eq!(parse_u64("18446744073709551615"), Ok(u64::MAX));
        assert_eq!(
            parse_u64("+5"),
            Err("strconv.ParseUint: parsing \"+5\": invalid syntax".to_owned())
        );
        assert_eq!(
            parse_u64("18446744073709551616"),
            Err(
                "strconv.ParseUint: parsing \"18446744073709551616\": value out of range"
                    .to_owned()
            )
        );
    }
}
