//! Whether bytes are JSON, and if not, what the real server says of them.

use crate::failure::quoted;

/// Containers can be this deep: what `serde_json` takes. The real server takes 10,000.
const MAX_DEPTH: usize = 127;

/// Succeeds if the text is one JSON value; the error is for people.
pub(super) fn check(text: &[u8]) -> Result<(), String> {
    let mut scanner = Scanner { rest: text };
    scanner.value()?;
    scanner.skip_space();
    match scanner.rest.first() {
        None => Ok(()),
        Some(_) => Err(scanner.unexpected("after top-level value")),
    }
}

struct Scanner<'a> {
    rest: &'a [u8],
}

impl Scanner<'_> {
    /// Passes one value with all that is in it.
    fn value(&mut self) -> Result<(), String> {
        // What the containers around the present place are closed with.
        let mut closers = Vec::new();
        loop {
            self.skip_space();
            match self.rest.first() {
                Some(open @ (b'{' | b'[')) => {
                    let closer = open + 2; // Both pairs are two apart.
                    self.advance(1);
                    if closers.len() == MAX_DEPTH {
                        return Err("exceeded max depth".to_owned());
                    }
                    if !self.passes(closer) {
                        closers.push(closer);
                        self.key_in(closer)?;
                        continue;
                    }
                }
                _ => self.scalar()?,
            }
            if !self.end_of_value(&mut closers)? {
                return Ok(());
            }
        }
    }

    /// Passes what can stand after a value: returns whether another value must follow.
    fn end_of_value(&mut self, closers: &mut Vec<u8>) -> Result<bool, String> {
        while let Some(&closer) = closers.last() {
            if self.passes(b',') {
                self.key_in(closer)?;
                return Ok(true);
            }
            if !self.passes(closer) {
                let what = if closer == b'}' {
                    "object key:value pair"
                } else {
                    "array element"
                };
                return Err(self.unexpected(&format!("after {what}")));
            }
            closers.pop();
        }
        Ok(false)
    }

    /// Passes a key and its colon, if what this closes with is an object.
    fn key_in(&mut self, closer: u8) -> Result<(), String> {
        if closer != b'}' {
            return Ok(());
        }
        self.skip_space();
        if self.rest.first() != Some(&b'"') {
            return Err(self.unexpected("looking for beginning of object key string"));
        }
        self.string()?;
        if !self.passes(b':') {
            return Err(self.unexpected("after object key"));
        }
        Ok(())
    }

    fn scalar(&mut self) -> Result<(), String> {
        match self.rest.first() {
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            _ => Err(self.unexpected("looking for beginning of value")),
        }
    }

    fn literal(&mut self, literal: &str) -> Result<(), String> {
        for expected in literal.bytes() {
            if self.rest.first() != Some(&expected) {
                let expected = char::from(expected);
                let place = format!("in literal {literal} (expecting '{expected}')");
                return Err(self.unexpected_within(&place));
            }
            self.advance(1);
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), String> {
        self.advance(1);
        loop {
            match self.rest.first() {
                Some(b'"') => {
                    self.advance(1);
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(0x20..) => self.advance(1),
                _ => return Err(self.unexpected("in string literal")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), String> {
        self.advance(1);
        let is_unicode = match self.rest.first() {
            Some(b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"') => false,
            Some(b'u') => true,
            _ => return Err(self.unexpected_within("in string escape code")),
        };
        self.advance(1);
        for _ in 0..if is_unicode { 4 } else { 0 } {
            if !self.rest.first().is_some_and(u8::is_ascii_hexdigit) {
                return Err(self.unexpected_within("in \\u hexadecimal character escape"));
            }
            self.advance(1);
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), String> {
        self.passes_here(b"-");
        if !self.passes_here(b"0") {
            self.digits("in numeric literal")?;
        }
        if self.passes_here(b".") {
            self.digits("after decimal point in numeric literal")?;
        }
        if self.passes_here(b"eE") {
            self.passes_here(b"+-");
            self.digits("in exponent of numeric literal")?;
        }
        Ok(())
    }

    fn digits(&mut self, place: &str) -> Result<(), String> {
        let count = self
            .rest
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if count == 0 {
            return Err(self.unexpected_within(place));
        }
        self.advance(count);
        Ok(())
    }

    /// Passes the byte, with space before it, if it comes next.
    fn passes(&mut self, byte: u8) -> bool {
        self.skip_space();
        self.passes_here(&[byte])
    }

    /// Passes one of these bytes if it comes next.
    fn passes_here(&mut self, bytes: &[u8]) -> bool {
        let is_next = self.rest.first().is_some_and(|next| bytes.contains(next));
        if is_next {
            self.advance(1);
        }
        is_next
    }

    fn skip_space(&mut self) {
        let is_space = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        let count = self.rest.iter().take_while(is_space).count();
        self.advance(count);
    }

    fn advance(&mut self, count: usize) {
        self.rest = &self.rest[count..];
    }

    /// Returns what is wrong with the next byte, or that there is none.
    fn unexpected(&self, place: &str) -> String {
        match self.rest.first() {
            None => "unexpected end of JSON input".to_owned(),
            Some(&byte) => invalid(byte, place),
        }
    }

    /// Returns what is wrong with the next byte within a token; the end is as good as a space.
    fn unexpected_within(&self, place: &str) -> String {
        invalid(self.rest.first().copied().unwrap_or(b' '), place)
    }
}

fn invalid(byte: u8, place: &str) -> String {
    let shown = match byte {
        b'\'' => "\\'".to_owned(),
        b'"' => "\"".to_owned(),
        byte => quoted(&char::from(byte).to_string())
            .trim_matches('"')
            .to_owned(),
    };
    format!("invalid character '{shown}' {place}")
}
