//! Amounts of resources, such as `500m` and `1Gi`: what is one, and how the real server writes it.
//!
//! Source: `k8s.io/apimachinery/pkg/api/resource/quantity.go`.

const WRONG_FORM: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const WRONG_SUFFIX: &str = "unable to parse quantity's suffix";

const DECIMAL: [(&str, i32); 10] = [
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("", 0),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];
const BINARY: [(&str, i32); 6] = [
    ("Ki", 10),
    ("Mi", 20),
    ("Gi", 30),
    ("Ti", 40),
    ("Pi", 50),
    ("Ei", 60),
];

/// The exponent of the least amount there is.
const LEAST: i32 = -9;
/// How many of the least amount are a thousandth.
const UNITS: u128 = 1_000_000;
/// How many digits the real server reads without big numbers.
const FAST_DIGITS: usize = 18;

/// How an amount was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Decimal,
    Exponent,
    Binary,
}

/// An amount in its parts.
struct Parts<'a> {
    is_negative: bool,
    /// The digits before the point, without zeros in front.
    whole: &'a str,
    /// The digits behind it.
    fraction: &'a str,
    suffix: &'a str,
}

/// Returns the amount as the real server writes it; the error is for people.
///
/// What is larger than any amount that makes sense is left as it is.
pub(crate) fn canonical(text: &str) -> Result<String, &'static str> {
    let parts = split(text)?;
    let (exponent, format) = interpreted(parts.suffix).ok_or(WRONG_SUFFIX)?;
    if is_canonical(&parts, exponent, format) {
        return Ok(text.to_owned());
    }
    let units = least_units(&parts, exponent, format);
    Ok(units.map_or_else(
        || text.to_owned(),
        |units| signed(parts.is_negative, units, format),
    ))
}

/// Returns the amount in thousandths, rounded away from zero: resources are never finer.
///
/// `None` is for what is no amount, and for more than any amount that makes sense.
pub(crate) fn thousandths(text: &str) -> Option<i128> {
    let (is_negative, thousandths, _) = rounded(text)?;
    let thousandths = i128::try_from(thousandths).ok()?;
    Some(if is_negative {
        -thousandths
    } else {
        thousandths
    })
}

/// Returns the amount rounded to [`thousandths`], as the real server writes it.
pub(crate) fn in_thousandths(text: &str) -> Option<String> {
    let (is_negative, thousandths, format) = rounded(text)?;
    Some(signed(is_negative, thousandths * UNITS, format))
}

fn rounded(text: &str) -> Option<(bool, u128, Format)> {
    let parts = split(text).ok()?;
    let (exponent, format) = interpreted(parts.suffix)?;
    let units = least_units(&parts, exponent, format)?;
    Some((parts.is_negative, units.div_ceil(UNITS), format))
}

/// Returns the amount in billionths, and the power of ten that the real server counts it in, which is
/// absent where it needs big numbers. What is larger than any amount that makes sense is cut.
pub(crate) fn nanos(text: &str) -> Result<(i128, Option<i32>), &'static str> {
    let parts = split(text)?;
    let (exponent, format) = interpreted(parts.suffix).ok_or(WRONG_SUFFIX)?;
    let amount = least_units(&parts, exponent, format).unwrap_or(u128::MAX);
    let amount = i128::try_from(amount).unwrap_or(i128::MAX);
    let digits = parts.whole.len() + parts.fraction.len();
    let fraction = i32::try_from(parts.fraction.len()).unwrap_or(i32::MAX);
    let binary_digits = usize::try_from(exponent).unwrap_or(0) * 3 / 10;
    let scale = match format {
        Format::Binary => (fraction == 0 && digits + binary_digits < 15).then_some(0),
        _ if digits > FAST_DIGITS => None,
        _ => Some(exponent.saturating_sub(fraction)).filter(|scale| *scale >= LEAST),
    };
    let sign = if parts.is_negative { -1 } else { 1 };
    Ok((sign * amount, scale))
}

fn split(text: &str) -> Result<Parts<'_>, &'static str> {
    if text.is_empty() {
        return Err(WRONG_FORM);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let significant = unsigned.trim_start_matches('0');
    let (whole, rest) = digits(significant);
    let (fraction, suffix) = rest.strip_prefix('.').map_or(("", rest), digits);
    let letters = suffix.trim_start_matches(|c| "eEinumkKMGTP".contains(c));
    let exponent = letters.strip_prefix(['-', '+']).unwrap_or(letters);
    if !digits(exponent).1.is_empty() {
        return Err(WRONG_FORM);
    }
    Ok(Parts {
        is_negative: text.starts_with('-'),
        whole: if whole.is_empty() { "0" } else { whole },
        fraction,
        suffix,
    })
}

/// Splits the digits that a text begins with from the rest.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

/// Returns the exponent that a suffix stands for: of 2 for a binary one, else of 10.
fn interpreted(suffix: &str) -> Option<(i32, Format)> {
    let find = |known: &[(&str, i32)]| {
        let found = known.iter().find(|(name, _)| *name == suffix);
        found.map(|(_, exponent)| *exponent)
    };
    if let Some(exponent) = find(&DECIMAL) {
        return Some((exponent, Format::Decimal));
    }
    if let Some(exponent) = find(&BINARY) {
        return Some((exponent, Format::Binary));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    Some((exponent, Format::Exponent))
}

/// Returns whether the real server keeps the text as it is.
fn is_canonical(parts: &Parts<'_>, exponent: i32, format: Format) -> bool {
    let digits = format!("{}{}", parts.whole, parts.fraction);
    if format == Format::Binary {
        let is_small = digits.len() + usize::try_from(exponent).unwrap_or(0) * 3 / 10 < 15;
        let number: u64 = digits.parse().unwrap_or(0);
        return parts.fraction.is_empty() && is_small && number & 7 != 0;
    }
    let scale = exponent - i32::try_from(parts.fraction.len()).unwrap_or(i32::MAX);
    digits.len() <= FAST_DIGITS
        && scale >= LEAST
        && scale % 3 == 0
        && !digits.ends_with("000")
        && !digits.starts_with('0')
}

/// Returns the amount in the least units, rounded up; `None` if it is too large.
fn least_units(parts: &Parts<'_>, exponent: i32, format: Format) -> Option<u128> {
    let digits: u128 = format!("{}{}", parts.whole, parts.fraction).parse().ok()?;
    let fraction = i32::try_from(parts.fraction.len()).ok()?;
    let (digits, exponent) = match format {
        Format::Binary => (digits.checked_mul(1 << exponent)?, 0),
        _ => (digits, exponent),
    };
    let scale = exponent.checked_sub(fraction)?.checked_sub(LEAST)?;
    let power = 10_u128.checked_pow(scale.unsigned_abs());
    if scale >= 0 {
        digits.checked_mul(power?)
    } else {
        Some(power.map_or(u128::from(digits > 0), |power| digits.div_ceil(power)))
    }
}

fn signed(is_negative: bool, amount: u128, format: Format) -> String {
    let sign = if is_negative && amount != 0 { "-" } else { "" };
    format!("{sign}{}", written(amount, format))
}

fn written(amount: u128, format: Format) -> String {
    let unit = 10_u128.pow(LEAST.unsigned_abs());
    if amount == 0 {
        return "0".to_owned();
    }
    // Few are shown without a suffix, and parts of one are decimal.
    if format == Format::Binary && amount.is_multiple_of(unit) && amount / unit >= 1024 {
        return with_binary_suffix(amount / unit);
    }
    with_decimal_suffix(amount, format)
}

fn with_binary_suffix(mut number: u128) -> String {
    let mut suffix = "";
    for (larger, _) in BINARY {
        if !number.is_multiple_of(1024) {
            break;
        }
        number /= 1024;
        suffix = larger;
    }
    format!("{number}{suffix}")
}

fn with_decimal_suffix(mut number: u128, format: Format) -> String {
    let mut place = 0;
    while number.is_multiple_of(1000) && place + 1 < DECIMAL.len() {
        number /= 1000;
        place += 1;
    }
    let (suffix, exponent) = DECIMAL[place];
    match format {
        Format::Exponent if exponent != 0 => format!("{number}e{exponent}"),
        _ => format!("{number}{suffix}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_as_the_real_server_writes_them() {
        let cases = [
            ("0", "0"),
            ("0Mi", "0"),
            ("1", "1"),
            ("0.5", "500m"),
            ("1.5", "1500m"),
            ("100m", "100m"),
            ("1000m", "1"),
            ("1000", "1k"),
            ("1024", "1024"),
            ("1024Mi", "1Gi"),
            ("100Mi", "100Mi"),
            ("1.5Gi", "1536Mi"),
            ("0.5Ki", "512"),
            ("0.5Mi", "512Ki"),
            ("1e3", "1e3"),
            ("1000e3", "1e6"),
            ("12e6", "12e6"),
            ("-0.5", "-500m"),
            ("0.0000000001", "1n"),
            ("1E", "1E"),
            ("+5", "+5"),
            ("007", "007"),
            (".5", "500m"),
            ("1.500", "1.500"),
            ("1.000", "1"),
            ("1e-12", "1e-9"),
            ("1e20", "100e18"),
            ("0.3Ki", "307200m"),
            ("-1024Mi", "-1Gi"),
            ("1Ei", "1Ei"),
        ];
        for (text, expected) in cases {
            assert_eq!(canonical(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn resources_are_no_finer_than_thousandths() {
        let cases = [
            ("10u", "1m", 1),
            ("0.5", "500m", 500),
            ("-10u", "-1m", -1),
            ("1Gi", "1Gi", 1_073_741_824_000),
            ("+5", "5", 5_000),
            ("007", "7", 7_000),
            ("1e3", "1e3", 1_000_000),
            ("0Mi", "0", 0),
        ];
        for (text, written, number) in cases {
            assert_eq!(in_thousandths(text).as_deref(), Some(written), "{text}");
            assert_eq!(thousandths(text), Some(number), "{text}");
        }
        for text in ["", "x", "1kk", "99e99"] {
            assert_eq!(in_thousandths(text), None, "{text}");
            assert_eq!(thousandths(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused_in_real_words() {
        let cases = [
            ("", WRONG_FORM),
            ("x", WRONG_FORM),
            ("1 Mi", WRONG_FORM),
            ("{}", WRONG_FORM),
            ("1i", WRONG_SUFFIX),
            ("1kk", WRONG_SUFFIX),
        ];
        for (text, expected) in cases {
            assert_eq!(canonical(text), Err(expected), "{text}");
        }
    }
}
