//! What the strings of a JSON text mean, to Go's decoder.

use std::borrow::Cow;

/// A value that should be a string, and is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a string")]
pub(crate) struct NoString;

/// Returns the text of a JSON string; empty for `null`.
///
/// What is no UTF-8 or half of a surrogate pair reads as U+FFFD, as it does in Go.
///
/// # Errors
///
/// Fails if it is no string.
pub(crate) fn text(value: &[u8]) -> Result<Cow<'_, str>, NoString> {
    match value {
        // What most strings are: nothing in them is escaped.
        [b'"', inner @ .., b'"']
            if are_all(inner, is_plain)
                && let Ok(inner) = std::str::from_utf8(inner) =>
        {
            Ok(Cow::Borrowed(inner))
        }
        [b'"', inner @ .., b'"'] => unescape(inner).map(Cow::Owned).ok_or(NoString),
        b"null" => Ok(Cow::Borrowed("")),
        _ => Err(NoString),
    }
}

/// Returns the text with U+FFFD for each byte that is no UTF-8, as Go reads it.
pub(crate) fn lossy(text: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(text) {
        return Cow::Borrowed(text);
    }
    let mut whole = String::with_capacity(text.len() + 8);
    push_lossy(&mut whole, text);
    Cow::Owned(whole)
}

fn push_lossy(whole: &mut String, text: &[u8]) {
    for chunk in text.utf8_chunks() {
        whole.push_str(chunk.valid());
        whole.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
}

/// A name as it is meant; one that cannot be unescaped names nothing, and stays as it is.
pub(super) fn unescaped(name: &[u8]) -> Cow<'_, [u8]> {
    unescape(name).map_or(Cow::Borrowed(name), |name| Cow::Owned(name.into_bytes()))
}

/// Returns what the inside of a JSON string means; `None` if it is no JSON.
fn unescape(mut inner: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(inner.len());
    loop {
        let plain = inner.iter().position(|&byte| !is_plain(byte));
        let (plain, rest) = inner.split_at(plain.unwrap_or(inner.len()));
        push_lossy(&mut text, plain);
        let [b'\\', escaped, rest @ ..] = rest else {
            return rest.is_empty().then_some(text);
        };
        inner = rest;
        text.push(match escaped {
            b'"' | b'\\' | b'/' => char::from(*escaped),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let (character, length) = utf16(inner)?;
                inner = &inner[length..];
                character
            }
            _ => return None,
        });
    }
}

/// Reads what follows `\u`, and the other half of a surrogate pair with it; returns its length too.
///
/// Half a pair is U+FFFD, and takes nothing with it.
fn utf16(text: &[u8]) -> Option<(char, usize)> {
    let unit = |text: &[u8]| {
        let digits = text.get(..4)?.iter();
        digits.copied().try_fold(0_u32, |unit, digit| {
            let digit = char::from(digit).to_digit(16)?;
            Some(unit << 4 | digit)
        })
    };
    let first = unit(text)?;
    if let Some(character) = char::from_u32(first) {
        return Some((character, 4));
    }
    let second = text[4..].strip_prefix(b"\\u").and_then(unit);
    if let (0xd800..=0xdbff, Some(second @ 0xdc00..=0xdfff)) = (first, second)
        && let Some(character) =
            char::from_u32(0x1_0000 + ((first - 0xd800) << 10 | (second - 0xdc00)))
    {
        return Some((character, 10));
    }
    Some((char::REPLACEMENT_CHARACTER, 4))
}

/// Looks at each byte, whatever the first are: most texts are short, and are looked at many bytes at a
/// time so.
#[inline]
fn are_all(text: &[u8], are: impl Fn(u8) -> bool) -> bool {
    text.iter().fold(true, |all, &byte| all & are(byte))
}

/// Neither a quote, nor an escape, nor a control character.
fn is_plain(byte: u8) -> bool {
    byte >= 0x20 && byte != b'"' && byte != b'\\'
}
