//! URLs in their parts.
//!
//! Source: Go's `net/url`.

use std::fmt::Write;

use crate::failure::quoted;

/// A URL in its parts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::cel) struct Url {
    pub(in crate::cel) scheme: String,
    /// With the port.
    pub(in crate::cel) host: String,
    path: String,
    query: String,
    fragment: String,
    /// What follows the scheme of a URL without a path, such as `mailto:a`.
    opaque: String,
}

impl Url {
    /// Reads an absolute URL or an absolute path.
    pub(in crate::cel) fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("parse {}: {why}", quoted(text));
        if text.chars().any(|c| c.is_ascii_control()) {
            return Err(wrong("net/url: invalid control character in URL"));
        }
        if text.is_empty() {
            return Err(wrong("empty url"));
        }
        let (scheme, rest) = scheme_of(text).map_err(wrong)?;
        if scheme.is_empty() && !rest.starts_with('/') {
            return Err(wrong("invalid URI for request"));
        }
        let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut url = Self {
            scheme: scheme.to_lowercase(),
            query: query.to_owned(),
            fragment: fragment.to_owned(),
            ..Self::default()
        };
        if !rest.starts_with('/') {
            rest.clone_into(&mut url.opaque);
            return Ok(url);
        }
        // Without a scheme, `//host` is a path.
        let authority = rest.strip_prefix("//").filter(|_| !scheme.is_empty());
        let path = match authority {
            Some(after) => {
                let end = after.find('/').unwrap_or(after.len());
                let (authority, path) = after.split_at(end);
                url.host = host_of(authority).map_err(|why| wrong(&why))?;
                path
            }
            None => rest,
        };
        url.path = unescaped(path).map_err(|why| wrong(&why))?;
        Ok(url)
    }

    /// Returns the host without brackets, and the port.
    pub(in crate::cel) fn host_and_port(&self) -> (&str, &str) {
        let end = self.host.rfind(']').map_or(0, |end| end + 1);
        let colon = self.host[end..].rfind(':').map(|at| end + at);
        let (host, port) = match colon {
            Some(colon) => (&self.host[..colon], &self.host[colon + 1..]),
            None => (&*self.host, ""),
        };
        let inner = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        (inner.unwrap_or(host), port)
    }

    /// Returns the names and values of the query, in order.
    pub(in crate::cel) fn query(&self) -> Vec<(String, String)> {
        let pairs = self.query.split('&');
        let pairs = pairs.filter(|pair| !pair.is_empty() && !pair.contains(';'));
        let pairs = pairs.filter_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let read = |text: &str| unescaped(&text.replace('+', " ")).ok();
            Some((read(name)?, read(value)?))
        });
        pairs.collect()
    }

    /// Returns the path with `%` before the bytes that must not be in a URL.
    pub(in crate::cel) fn escaped_path(&self) -> String {
        escaped(&self.path)
    }
}

/// Splits a text into its scheme and the rest.
fn scheme_of(text: &str) -> Result<(&str, &str), &'static str> {
    for (at, c) in text.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if at > 0 => {}
            ':' if at == 0 => return Err("missing protocol scheme"),
            ':' => return Ok((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    let first = text.split('/').next().unwrap_or_default();
    if first.contains(':') {
        return Err("first path segment in URL cannot contain colon");
    }
    Ok(("", text))
}

fn host_of(authority: &str) -> Result<String, String> {
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let after = if host.starts_with('[') {
        let Some(end) = host.rfind(']') else {
            return Err("missing ']' in host".to_owned());
        };
        &host[end + 1..]
    } else {
        host.find(':').map_or("", |colon| &host[colon..])
    };
    let port = after.strip_prefix(':').unwrap_or(after);
    let is_port = after.is_empty()
        || (after.starts_with(':') && port.bytes().all(|digit| digit.is_ascii_digit()));
    if !is_port {
        return Err(format!("invalid port {} after host", quoted(after)));
    }
    if let Some(wrong) = host.chars().find(|c| " \"<>\\^`{|}".contains(*c)) {
        let wrong = quoted(&wrong.to_string());
        return Err(format!("invalid character {wrong} in host name"));
    }
    unescaped(host)
}

/// Reads the bytes that `%` stands before.
fn unescaped(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let code = after
            .get(..2)
            .and_then(|code| std::str::from_utf8(code).ok());
        let number = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        let Some(number) = number else {
            let shown = String::from_utf8_lossy(&after[..after.len().min(2)]).into_owned();
            return Err(format!(
                "invalid URL escape {}",
                quoted(&format!("%{shown}"))
            ));
        };
        bytes.push(number);
        rest = &after[2..];
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Writes a path with `%` before the bytes that must not be in a URL.
fn escaped(path: &str) -> String {
    let mut text = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@!'()*".contains(&byte) {
            text.push(byte.into());
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}
