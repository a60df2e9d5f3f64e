//! Finds the parts of a JSON text without reading the values that it passes over.
//!
//! What is walked is held to the grammar: members, elements, separators. Of a value that is
//! passed over only its end is looked for, through its strings and brackets: whether the rest
//! is JSON is found out by whoever decodes it. That costs less than half of a whole check, and
//! most objects are passed over more often than they are decoded.

use std::borrow::Cow;

use self::string::unescaped;
pub(crate) use self::string::{lossy, text};

mod string;

/// Why a text cannot be walked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not JSON: expected {expected} at byte {at}")]
pub(crate) struct Malformed {
    expected: &'static str,
    at: usize,
}

/// Walks an object or an array, in place: what it is part of goes on where it ends.
#[derive(Debug)]
struct Walk<'a> {
    text: &'a [u8],
    at: usize,
    close: u8,
    state: ScanState,
}

/// Where a walk stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ScanState {
    /// After the opening bracket.
    First,
    /// After a value.
    Between,
    /// After the closing bracket.
    Over,
}

impl<'a> Walk<'a> {
    /// Begins after the opening bracket, which must stand at `at`.
    fn of(text: &'a [u8], at: usize, open: u8, expected: &'static str) -> Result<Self, Malformed> {
        Ok(Self {
            text,
            at: expect(text, skip_space(text, at), open, expected)?,
            close: open + 2, // As in ASCII.
            state: ScanState::First,
        })
    }

    /// Moves to the start of what comes next; false at the end, after the closing bracket.
    fn advance(&mut self) -> Result<bool, Malformed> {
        if self.state == ScanState::Over {
            return Ok(false);
        }
        self.at = skip_space(self.text, self.at);
        let found = self.text.get(self.at).copied();
        if found == Some(self.close) {
            self.at += 1;
            self.state = ScanState::Over;
            return Ok(false);
        }
        if self.state == ScanState::Between {
            let behind = expect(self.text, self.at, b',', "`,` or the end")?;
            self.at = skip_space(self.text, behind);
        }
        self.state = ScanState::Between;
        Ok(true)
    }

    /// Moves over the value that starts here.
    fn value(&mut self) -> Result<&'a [u8], Malformed> {
        let start = self.at;
        self.at = skip_value(self.text, start)?;
        Ok(&self.text[start..self.at])
    }

    /// Fails if something other than white space follows.
    fn ends_the_text(&self) -> Result<(), Malformed> {
        let rest = skip_space(self.text, self.at);
        if rest < self.text.len() {
            return Err(malformed("the end", rest));
        }
        Ok(())
    }
}

/// Walks the members of an object, in their order.
#[derive(Debug)]
pub(crate) struct Members<'a>(Walk<'a>);

/// The name of a member.
#[derive(Clone, Debug)]
pub(crate) struct Name<'a> {
    pub(crate) name: Cow<'a, [u8]>,
    /// Where its opening quote stands.
    pub(crate) start: usize,
}

impl<'a> Members<'a> {
    /// Begins to walk the object at the start of `text`.
    pub(crate) fn of(text: &'a [u8]) -> Result<Self, Malformed> {
        Walk::of(text, 0, b'{', "an object").map(Self)
    }

    /// Moves to the next member; its value is to be taken by one of the other methods.
    pub(crate) fn next(&mut self) -> Result<Option<Name<'a>>, Malformed> {
        let Self(walk) = self;
        if !walk.advance()? {
            return Ok(None);
        }
        let start = walk.at;
        let name = expect(walk.text, start, b'"', "a member's name")?;
        let (behind, is_escaped) = end_of_string(walk.text, name)?;
        let colon = skip_space(walk.text, behind);
        let value = expect(walk.text, colon, b':', "`:`")?;
        walk.at = skip_space(walk.text, value);
        let name = &walk.text[name..behind - 1];
        let name = if is_escaped {
            unescaped(name)
        } else {
            Cow::Borrowed(name)
        };
        Ok(Some(Name { name, start }))
    }

    /// Returns the next byte: what kind of value it is.
    pub(crate) fn first_byte(&self) -> Option<u8> {
        self.0.text.get(self.0.at).copied()
    }

    /// Passes over the value.
    pub(crate) fn value(&mut self) -> Result<&'a [u8], Malformed> {
        self.0.value()
    }

    /// Returns where the walk stands: after the value, once that is taken.
    pub(crate) fn at(&self) -> usize {
        self.0.at
    }

    /// Returns the whole text, which the object is part of.
    pub(crate) fn text(&self) -> &'a [u8] {
        self.0.text
    }

    /// Walks the value, an object; to be followed by [`leave`](Self::leave).
    pub(crate) fn members(&self) -> Result<Self, Malformed> {
        Walk::of(self.0.text, self.0.at, b'{', "an object").map(Self)
    }

    /// Walks the value, an array; to be followed by [`leave`](Self::leave).
    pub(crate) fn elements(&self) -> Result<Elements<'a>, Malformed> {
        Walk::of(self.0.text, self.0.at, b'[', "an array").map(Elements)
    }

    /// Goes on after the value, whose walk came to its end at `at`.
    pub(crate) fn leave(&mut self, at: usize) {
        self.0.at = at;
    }

    /// Fails if something other than white space follows the object that was walked.
    pub(crate) fn ends_the_text(&self) -> Result<(), Malformed> {
        self.0.ends_the_text()
    }
}

/// Walks the elements of an array, in their order.
#[derive(Debug)]
pub(crate) struct Elements<'a>(Walk<'a>);

impl<'a> Elements<'a> {
    #[cfg(test)]
    pub(crate) fn of(text: &'a [u8]) -> Result<Self, Malformed> {
        Walk::of(text, 0, b'[', "an array").map(Self)
    }

    /// Moves to the next element, which is to be taken by one of the other methods.
    pub(crate) fn next(&mut self) -> Result<bool, Malformed> {
        self.0.advance()
    }

    /// Moves to the next element that is no array, and walks through the arrays on the way.
    ///
    /// `depth` counts the arrays that are open within this one; it starts at 0. Arrays within
    /// arrays take no stack, however deep they are.
    pub(crate) fn next_flat(&mut self, depth: &mut usize) -> Result<bool, Malformed> {
        loop {
            if !self.0.advance()? {
                if *depth == 0 {
                    return Ok(false);
                }
                *depth -= 1;
                self.0.state = ScanState::Between;
            } else if self.first_byte() == Some(b'[') {
                *depth += 1;
                self.0.at += 1;
                self.0.state = ScanState::First;
            } else {
                return Ok(true);
            }
        }
    }

    /// Returns the next byte: what kind of element it is.
    pub(crate) fn first_byte(&self) -> Option<u8> {
        self.0.text.get(self.0.at).copied()
    }

    /// Passes over the element.
    pub(crate) fn value(&mut self) -> Result<&'a [u8], Malformed> {
        self.0.value()
    }

    /// Returns where the walk stands.
    pub(crate) fn at(&self) -> usize {
        self.0.at
    }

    /// Walks the element, an object; to be followed by [`leave`](Self::leave).
    pub(crate) fn members(&self) -> Result<Members<'a>, Malformed> {
        Walk::of(self.0.text, self.0.at, b'{', "an object").map(Members)
    }

    /// Walks the element, an array; to be followed by [`leave`](Self::leave).
    pub(crate) fn elements(&self) -> Result<Self, Malformed> {
        Walk::of(self.0.text, self.0.at, b'[', "an array").map(Self)
    }

    /// Goes on after the element, whose walk came to its end at `at`.
    pub(crate) fn leave(&mut self, at: usize) {
        self.0.at = at;
    }
}

/// Returns the text without the byte order mark that some servers and proxies start it with.
pub(crate) fn without_bom(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}

/// Returns how many objects and arrays are open at once, at most.
pub(crate) fn depth(text: &[u8]) -> usize {
    let (mut at, mut depth, mut most) = (0, 0_usize, 0);
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b'"' => match skip_string(text, at) {
                Ok(end) => at = end,
                Err(_) => break,
            },
            b'{' | b'[' => {
                depth += 1;
                most = most.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    most
}

fn malformed(expected: &'static str, at: usize) -> Malformed {
    Malformed { expected, at }
}

/// Returns where `byte`, which must stand at `at`, ends.
fn expect(text: &[u8], at: usize, byte: u8, expected: &'static str) -> Result<usize, Malformed> {
    if text.get(at) == Some(&byte) {
        return Ok(at + 1);
    }
    Err(malformed(expected, at))
}

fn skip_space(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = text.get(at) {
        at += 1;
    }
    at
}

/// Returns where the value that starts at `at` ends.
fn skip_value(text: &[u8], at: usize) -> Result<usize, Malformed> {
    match text.get(at) {
        Some(b'"') => skip_string(text, at + 1),
        Some(b'{' | b'[') => skip_nested(text, at),
        _ => {
            let is_scalar = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
            let length = text.get(at..).unwrap_or_default();
            let length = length.iter().take_while(|byte| is_scalar(byte)).count();
            if length == 0 {
                return Err(malformed("a value", at));
            }
            Ok(at + length)
        }
    }
}

/// Returns where the object or array that starts at `at` ends.
fn skip_nested(text: &[u8], mut at: usize) -> Result<usize, Malformed> {
    let mut depth = 0_usize;
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b'"' => at = skip_string(text, at)?,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Ok(at);
                }
            }
            _ => {}
        }
    }
    Err(malformed("a closing bracket", at))
}

/// Returns where the string ends whose opening quote stands before `at`.
fn skip_string(text: &[u8], at: usize) -> Result<usize, Malformed> {
    end_of_string(text, at).map(|(end, _)| end)
}

/// Returns where that string ends, and whether something in it is escaped.
///
/// Eight bytes at a time: the lowest byte of `marks` that is not zero is the first quote or
/// backslash (Mycroft's test for a zero byte; what it finds falsely lies above a true one).
#[inline(always)] // Where only the end is wanted, nothing else is kept.
fn end_of_string(text: &[u8], mut at: usize) -> Result<(usize, bool), Malformed> {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    const QUOTES: u64 = LOW * 0x22;
    const ESCAPES: u64 = LOW * 0x5c;
    const fn zero_bytes(word: u64) -> u64 {
        word.wrapping_sub(LOW) & !word & HIGH
    }

    let mut is_escaped = false;
    while let Some((word, _)) = text
        .get(at..)
        .and_then(|rest| rest.split_first_chunk::<8>())
    {
        let word = u64::from_le_bytes(*word);
        let quotes = zero_bytes(word ^ QUOTES);
        let escapes = zero_bytes(word ^ ESCAPES);
        let marks = quotes | escapes;
        if marks == 0 {
            at += 8;
            continue;
        }
        at += marks.trailing_zeros() as usize / 8;
        if text[at] == b'"' {
            return Ok((at + 1, is_escaped));
        }
        is_escaped = true;
        at += 2; // Whatever is escaped does not end the string.
    }
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => return Ok((at + 1, is_escaped)),
            b'\\' => {
                is_escaped = true;
                at += 2;
            }
            _ => at += 1,
        }
    }
    Err(malformed("a closing quote", text.len()))
}

#[cfg(test)]
mod tests;
