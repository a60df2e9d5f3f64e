//! Semantic versions.
//!
//! Source: `github.com/blang/semver/v4`.

use std::cmp::Ordering;

use crate::failure::quoted;

/// A version such as `1.2.3-rc.1+build`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cel) struct SemVer {
    numbers: [u64; 3],
    pre_release: Vec<Identifier>,
}

/// A part of what is before the release; numbers come first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier {
    Number(u64),
    Text(String),
}

impl SemVer {
    /// Returns the major, the minor or the patch number.
    pub(in crate::cel) fn number(&self, index: usize) -> i64 {
        let number = self.numbers.get(index).copied().unwrap_or_default();
        i64::try_from(number).unwrap_or(i64::MAX)
    }

    pub(in crate::cel) fn compared(&self, other: &Self) -> Ordering {
        let pre_release = match (self.pre_release.is_empty(), other.pre_release.is_empty()) {
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            _ => self.pre_release.cmp(&other.pre_release),
        };
        self.numbers.cmp(&other.numbers).then(pre_release)
    }

    pub(in crate::cel) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("Version string empty".to_owned());
        }
        let mut parts = text.splitn(3, '.');
        let (Some(major), Some(minor), Some(rest)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err("No Major.Minor.Patch elements found".to_owned());
        };
        let (rest, build) = match rest.split_once('+') {
            Some((rest, build)) => (rest, Some(build)),
            None => (rest, None),
        };
        let (patch, pre_release) = match rest.split_once('-') {
            Some((patch, pre_release)) => (patch, Some(pre_release)),
            None => (rest, None),
        };
        let numbers = [
            number(major, "Major")?,
            number(minor, "Minor")?,
            number(patch, "Patch")?,
        ];
        let pre_release = pre_release.into_iter().flat_map(|text| text.split('.'));
        let pre_release: Result<_, _> = pre_release.map(Identifier::parse).collect();
        for part in build.into_iter().flat_map(|text| text.split('.')) {
            if part.is_empty() {
                return Err("Build meta data is empty".to_owned());
            }
            if !part.bytes().all(is_allowed) {
                let quoted = quoted(part);
                return Err(format!(
                    "Invalid character(s) found in build meta data {quoted}"
                ));
            }
        }
        let pre_release = pre_release?;
        Ok(Self {
            numbers,
            pre_release,
        })
    }
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|digit| digit.is_ascii_digit())
}

fn number(text: &str, name: &str) -> Result<u64, String> {
    let quoted = quoted(text);
    if !is_number(text) {
        let name = name.to_lowercase();
        return Err(format!(
            "Invalid character(s) found in {name} number {quoted}"
        ));
    }
    if text.len() > 1 && text.starts_with('0') {
        return Err(format!(
            "{name} number must not contain leading zeroes {quoted}"
        ));
    }
    crate::numbers::parse_u64(text)
}

impl Identifier {
    fn parse(text: &str) -> Result<Self, String> {
        let quoted = quoted(text);
        if text.is_empty() {
            return Err("Prerelease is empty".to_owned());
        }
        if is_number(text) {
            if text.len() > 1 && text.starts_with('0') {
                return Err(format!(
                    "Numeric PreRelease version must not contain leading zeroes {quoted}"
                ));
            }
            return crate::numbers::parse_u64(text).map(Self::Number);
        }
        if !text.bytes().all(is_allowed) {
            return Err(format!("Invalid character(s) found in prerelease {quoted}"));
        }
        Ok(Self::Text(text.to_owned()))
    }
}

/// Drops a `v` and zeros in front, and adds the numbers that are missing.
pub(in crate::cel) fn normalized(text: &str) -> Result<String, String> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let parts = text.splitn(3, '.').map(|part| {
        let short = part.trim_start_matches('0');
        if part.len() > 1 && short.starts_with(|c: char| c.is_ascii_digit()) {
            short.to_owned()
        } else if part.len() > 1 && short.len() < part.len() {
            format!("0{short}")
        } else {
            part.to_owned()
        }
    });
    let mut parts: Vec<String> = parts.collect();
    if parts.len() < 3 && parts.last().is_some_and(|last| last.contains(['+', '-'])) {
        return Err("short version cannot contain PreRelease/Build meta data".to_owned());
    }
    parts.resize(3, "0".to_owned());
    Ok(parts.join("."))
}
