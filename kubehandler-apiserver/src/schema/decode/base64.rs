//! Bytes in JSON: base64, read as Go's `encoding/base64` reads it, with the same errors.

use ::base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// The bits that the last digit has in excess may be anything.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// Returns the text as the server writes it, or what Go says of it.
///
/// Line ends do not count, wherever they are.
pub(super) fn canonical(text: &str) -> Result<String, String> {
    let digits: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    match LENIENT.decode(digits) {
        Ok(bytes) => Ok(LENIENT.encode(bytes)),
        Err(_) => Err(format!(
            "illegal base64 data at input byte {}",
            first_wrong(text.as_bytes())
        )),
    }
}

/// Returns the place that Go names in a text that is no base64.
///
/// Where digits or padding are missing at the end, that is the beginning of the last four.
fn first_wrong(text: &[u8]) -> usize {
    // Of the four digits that belong together: how many have come.
    let mut digits = 0;
    let mut rest = text.iter().enumerate().filter(|(_, c)| !is_line_end(**c));
    for (place, &c) in rest.by_ref() {
        match c {
            b'=' if digits < 2 => return place,
            b'=' => {
                // One more if two digits are missing; then nothing may follow.
                if digits == 2 {
                    match rest.next() {
                        Some((_, b'=')) => {}
                        Some((next, _)) => return next - 1,
                        None => return text.len(),
                    }
                }
                return rest.next().map_or(text.len(), |(place, _)| place);
            }
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => digits = (digits + 1) % 4,
            _ => return place,
        }
    }
    text.len() - digits
}

fn is_line_end(c: u8) -> bool {
    matches!(c, b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_written_in_one_way() {
        for (text, written) in [
            ("", ""),
            ("YQ==", "YQ=="),
            ("YR==", "YQ=="),
            ("YW\nI=\r\n", "YWI="),
            ("YWJj", "YWJj"),
        ] {
            assert_eq!(canonical(text).as_deref(), Ok(written), "{text:?}");
        }
    }

    #[test]
    fn place_of_the_mistake_is_the_one_that_go_names() {
        for (text, place) in [
            ("x", 0),
            ("YQ", 0),
            ("YQ=", 3),
            ("YQ=x", 2),
            ("YQ==x", 4),
            ("YWJjYQ", 4),
            ("YWJj*", 4),
            ("a b c d ", 1),
            ("=", 0),
            ("Y===", 1),
            ("YWI=YWI=", 4),
            ("YW\nJjY", 5),
            ("hello!", 5),
            ("hello", 4),
        ] {
            let expected = format!("illegal base64 data at input byte {place}");
            assert_eq!(canonical(text), Err(expected), "{text:?}");
        }
    }
}
