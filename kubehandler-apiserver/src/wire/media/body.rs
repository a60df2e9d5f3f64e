//! What the client sends: the types of bodies and of patches.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use http::HeaderValue;

use super::{Codec, OURS, REAL};
use crate::failure::Failure;

const JSON_PATCH: &str = "application/json-patch+json";
const MERGE_PATCH: &str = "application/merge-patch+json";
const STRATEGIC_MERGE_PATCH: &str = "application/strategic-merge-patch+json";
const APPLY_PATCH: &str = "application/apply-patch+yaml";

/// The patches that the real server's router lets through.
const REAL_PATCHES: [&str; 4] = [JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, APPLY_PATCH];
/// All the patches that there are here, for every resource.
const OUR_PATCHES: [&str; 3] = [JSON_PATCH, MERGE_PATCH, APPLY_PATCH];

/// Returns the codec for a body with this `Content-Type`. No type is JSON.
pub(crate) fn codec_of_body(content_type: Option<&str>) -> Result<Codec, Failure> {
    let media_type = match content_type {
        None | Some("") => return Ok(Codec::Json),
        Some(text) => media_type(text),
    };
    match media_type.as_deref() {
        Some("application/json") => Ok(Codec::Json),
        Some(real @ ("application/yaml" | "application/vnd.kubernetes.protobuf")) => {
            let what = format!("reading {real}");
            Err(Failure::unsupported_media_type(&OURS).not_embedded(&what))
        }
        _ => Err(Failure::unsupported_media_type(&REAL)),
    }
}

/// Returns true if a `Content-Type` is there and is that of JSON.
pub(crate) fn is_json(content_type: Option<&HeaderValue>) -> bool {
    let text = content_type.and_then(|value| value.to_str().ok());
    text.and_then(media_type).as_deref() == Some(OURS[0])
}

/// How a patch says what to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PatchType {
    /// RFC 6902.
    Json,
    /// RFC 7386.
    Merge,
    /// KEP-555: what one manager wants.
    Apply,
}

impl PatchType {
    /// Returns the type of a patch with this `Content-Type`.
    pub(crate) fn parse(content_type: Option<&str>, is_custom: bool) -> Result<Self, Failure> {
        let text = content_type.unwrap_or_default();
        let base = match text.split_once(';') {
            Some((base, _)) if !base.is_empty() => base,
            _ => text,
        };
        match base {
            JSON_PATCH => return Ok(Self::Json),
            MERGE_PATCH => return Ok(Self::Merge),
            APPLY_PATCH => return Ok(Self::Apply),
            _ => {}
        }
        // The router is first to look at what is for built-in resources. It takes lists of types and
        // space around them.
        let media_type = |part: &str| part.split(';').next().unwrap_or_default().trim().to_owned();
        let named: Vec<String> = text.split(',').map(media_type).collect();
        let is_routed = named.iter().any(|name| REAL_PATCHES.contains(&&**name));
        if !is_custom && !is_routed {
            return Err(Failure::no_such_content());
        }
        // The real server names its own types; here a client would try the next of them in vain.
        let failure = Failure::unsupported_media_type(&OUR_PATCHES);
        let missing = named.iter().find_map(|name| missing(name, is_custom));
        Err(match missing {
            Some(what) => failure.not_embedded(what),
            None => failure,
        })
    }
}

/// Returns what a real server does with a patch of this type, which is not done here.
fn missing(patch: &str, is_custom: bool) -> Option<&'static str> {
    match patch {
        // No server has it for custom resources.
        STRATEGIC_MERGE_PATCH if !is_custom => Some("strategic merge patch"),
        _ => None,
    }
}

/// Returns the media type without its parameters, if they are well-formed.
fn media_type(text: &str) -> Option<String> {
    let (base, mut rest) = text.find(';').map_or((text, ""), |i| text.split_at(i));
    let base = base.trim().to_ascii_lowercase();
    let mut parameters = HashMap::new();
    while !rest.trim_start().is_empty() {
        if rest.trim() == ";" {
            break;
        }
        let (name, value, behind) = parameter(rest)?;
        // A name can be there twice if it says the same.
        if parameters
            .insert(name, value.clone())
            .is_some_and(|known| known != value)
        {
            return None;
        }
        rest = behind;
    }
    Some(base)
}

/// Splits `;name=value` from the text; the value can be in quotes.
fn parameter(text: &str) -> Option<(String, String, &str)> {
    let text = text.trim_start().strip_prefix(';')?.trim_start();
    let (name, rest) = token(text)?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let (value, rest) = match rest.strip_prefix('"') {
        Some(rest) => quoted_value(rest)?,
        None => token(rest).map(|(value, rest)| (value.to_owned(), rest))?,
    };
    Some((name.to_ascii_lowercase(), value, rest))
}

/// Splits the value from the rest at the quote that ends it.
fn quoted_value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices().peekable();
    while let Some((i, c)) = characters.next() {
        match c {
            '"' => return Some((value, &text[i + 1..])),
            '\\' => match characters.next_if(|(_, next)| is_special(*next)) {
                Some((_, escaped)) => value.push(escaped),
                None => value.push(c),
            },
            '\r' | '\n' => return None,
            c => value.push(c),
        }
    }
    None
}

/// Splits a token from the text.
fn token(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_graphic() || is_special(c))
        .unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// Returns whether the character can stand only in quotes.
fn is_special(c: char) -> bool {
    "()<>@,;:\\\"/[]?=".contains(c)
}
