//! From the JSON of an object to a Rust type: what serde reads, and what only Go's decoder does.
//!
//! `serde_json` is asked first, and reads nearly everything. What it refuses is looked at again:
//! members that come twice, halves of surrogate pairs, and values nested deeper than its limit.

use std::{io, panic::resume_unwind, thread};

use serde::de::DeserializeOwned;

use crate::informer::wire::{regular::regular, scan};

/// How deep an object may be nested to be decoded.
///
/// A decoded value is dropped by recursion, on a thread that is the user's choice: 2 MiB of stack,
/// as a rule. Measured on x86-64, dropping a level of a `serde_json::Value` takes 676 bytes in a
/// debug build and 164 in a release build, and of other types less. A quarter of the stack is then
/// room for 775 levels.
pub(crate) const MAX_DEPTH: usize = 768;

/// How deep a value may be nested for `serde_json` to decode it on any stack.
const SHALLOW: usize = 127;

/// The stack on which deeper values are decoded: of the types that were measured, a
/// `CustomResourceDefinition` takes most, 19 KB a level in a debug build.
///
/// Only what is used of it takes memory.
const STACK: usize = MAX_DEPTH * 80 * 1024;

/// Why a text was not decoded.
#[derive(Debug)]
pub(crate) enum Refused<'a> {
    /// The text, as it was read last, is not of the shape of the type.
    Shape(&'a str, serde_json::Error),
    /// It was not read at all.
    Unread(Unread),
}

/// Why a text was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    #[error("it is nested {0} levels deep, and at most {MAX_DEPTH} are decoded")]
    TooDeep(usize),
    #[error(
        "it is nested {depth} levels deep, and no thread with a stack for that could be started: {error}"
    )]
    NoThread { depth: usize, error: io::Error },
}

/// Decodes a text, or has `explain` say why that cannot be done.
///
/// `explain` may decode the text that it gets once more, without a limit of depth: it is called
/// where there is the stack for that.
pub(crate) fn decode<T, E>(json: &[u8], explain: impl Fn(Refused<'_>) -> E + Sync) -> Result<T, E>
where
    T: DeserializeOwned + Send,
    E: Send,
{
    // To check the whole text at once costs less than to check each string.
    let text = scan::lossy(json);
    serde_json::from_str(&text).or_else(|error| decode_again(&text, error, &explain))
}

/// Decodes a text that `serde_json` refused.
#[cold]
fn decode_again<T, E>(
    text: &str,
    error: serde_json::Error,
    explain: &(impl Fn(Refused<'_>) -> E + Sync),
) -> Result<T, E>
where
    T: DeserializeOwned + Send,
    E: Send,
{
    let depth = scan::depth(text.as_bytes());
    let mended = regular(text);
    if mended.is_none() && depth <= SHALLOW {
        return Err(explain(Refused::Shape(text, error)));
    }
    if depth > MAX_DEPTH {
        return Err(explain(Refused::Unread(Unread::TooDeep(depth))));
    }
    let text = mended.as_deref().unwrap_or(text);
    let again = || {
        let mut json = serde_json::Deserializer::from_str(text);
        json.disable_recursion_limit();
        let decoded = T::deserialize(&mut json).and_then(|decoded| json.end().map(|()| decoded));
        decoded.map_err(|error| explain(Refused::Shape(text, error)))
    };
    if depth <= SHALLOW {
        return again();
    }
    on_a_large_stack(again).unwrap_or_else(|error| {
        let unread = Unread::NoThread { depth, error };
        Err(explain(Refused::Unread(unread)))
    })
}

/// Returns what `work` does, on a thread of its own.
fn on_a_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("kubehandler-decode".to_owned());
        let done = thread.stack_size(STACK).spawn_scoped(scope, work)?.join();
        // A panic of the type's own code is for the caller to contain, as on any other thread.
        Ok(done.unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

#[cfg(test)]
mod tests;
