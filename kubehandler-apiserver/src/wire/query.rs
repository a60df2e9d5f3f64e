//! The query of a URL: keys and values in the order they came, read as the real server reads them.

#[cfg(test)]
mod tests;

use crate::{failure::Failure, numbers::parse_i64};

/// More parameters than this, and the real server takes none of them.
const MAX_PARAMETERS: usize = 10_000;

/// The parameters of a query. A key can be there several times.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Reads the part of a URL after the `?`.
    ///
    /// A pair with a bad escape or a semicolon is left out; the others count.
    pub(crate) fn parse(text: &str) -> Self {
        if text.split('&').count() > MAX_PARAMETERS {
            return Self::default();
        }
        let pairs = text
            .split('&')
            .filter(|pair| !pair.is_empty() && !pair.contains(';'))
            .filter_map(|pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                Some((unescape(key)?, unescape(value)?))
            })
            .collect();
        Self { pairs }
    }

    /// Returns all parameters, in order.
    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    /// Returns all values of the key.
    pub(crate) fn all(&self, key: &str) -> impl Iterator<Item = &str> {
        self.pairs
            .iter()
            .filter(move |pair| pair.0 == key)
            .map(|pair| pair.1.as_str())
    }

    /// Returns the first value of the key.
    pub(crate) fn first(&self, key: &str) -> Option<&str> {
        self.all(key).next()
    }

    /// Returns the first value of the key, or the empty text.
    pub(crate) fn text(&self, key: &str) -> String {
        self.first(key).unwrap_or_default().to_owned()
    }

    /// Returns whether the key says yes: any value but `0` and `false` does, the empty one too.
    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        let value = self.first(key)?;
        Some(value != "0" && !value.eq_ignore_ascii_case("false"))
    }

    /// Returns the number that the key has.
    pub(crate) fn integer(&self, key: &str) -> Result<Option<i64>, Failure> {
        self.first(key)
            .map(parse_i64)
            .transpose()
            .map_err(Failure::bad_request)
    }
}

/// Returns the text without its escapes, or nothing if one is bad.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            other => other,
        });
    }
    Some(String::from_utf8_lossy(&out).into_owned())
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}
