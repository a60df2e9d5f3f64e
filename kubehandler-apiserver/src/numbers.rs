//! Numbers as Go has them: in texts, as `strconv` reads and refuses them, and in JSON.

use serde_json::Value;

use crate::failure::quoted;

/// 2⁶³: an integer below it fits an `i64`.
const END: f64 = 9_223_372_036_854_775_808.0;

/// Makes `8.0` an `8`, wherever it stands: Go writes it so, and reads it again as an integer.
pub(crate) fn write_integers(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            let float = number.as_f64().unwrap_or_default();
            if float.fract() == 0.0 && float.abs() < END && !is_negative_zero(float) {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "it is an integer that fits"
                )]
                let integer = float as i64;
                *value = integer.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(write_integers),
        Value::Object(fields) => fields.values_mut().for_each(write_integers),
        _ => {}
    }
}

fn is_negative_zero(float: f64) -> bool {
    float == 0.0 && float.is_sign_negative()
}

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
    fn floats_that_are_integers_are_written_as_such() {
        let mut value =
            serde_json::json!({ "a": [8.0, 2.5, 1e300, -4.0], "b": { "c": 1e3, "d": 7 } });

        write_integers(&mut value);

        let written = r#"{"a":[8,2.5,1e+300,-4],"b":{"c":1000,"d":7}}"#;
        assert_eq!(value.to_string(), written);
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
