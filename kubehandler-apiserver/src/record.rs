//! What the server was asked: every request, for assertions.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;
use tokio::time::Instant;

use crate::{faults::Verb, server::ApiServer};

/// How many requests are remembered.
const REMEMBERED: usize = 100_000;

/// One request, as the server saw it. As JSON it lacks the time.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Asked {
    /// The client's name, or its user agent; empty if it has neither.
    pub client: String,
    /// What was asked for.
    pub verb: Verb,
    /// The path, without the query.
    pub path: String,
    /// The query, decoded; of a parameter given twice the first.
    pub query: BTreeMap<String, String>,
    /// The group; empty for the core one, and for what is not about objects.
    pub group: String,
    /// The plural, such as `pods`.
    pub resource: String,
    /// Such as `status`; empty for the object itself.
    pub subresource: String,
    /// Empty for none or all.
    pub namespace: String,
    /// Empty for a collection.
    pub name: String,
    /// The media type that the body is said to have.
    pub content_type: String,
    /// The media types that are welcome as an answer.
    pub accept: String,
    /// The body, if it is text.
    pub body: String,
    /// When it came.
    #[serde(skip)]
    pub at: Instant,
    /// The status code of the answer; 0 while there is none, and if there never is one.
    pub code: u16,
}

impl Asked {
    /// Returns a parameter of the query, empty if it is absent.
    #[must_use]
    pub fn parameter(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    /// Returns true for a watch that starts with the objects themselves.
    #[must_use]
    pub fn is_streaming_list(&self) -> bool {
        self.verb == Verb::Watch && self.parameter("sendInitialEvents") == "true"
    }
}

/// The requests so far.
#[derive(Debug, Default)]
pub(crate) struct Record {
    asked: Mutex<Entries>,
    is_off: bool,
}

#[derive(Debug, Default)]
struct Entries {
    /// How many were forgotten from the front.
    forgotten: u64,
    kept: VecDeque<Asked>,
}

/// Which entry is a request's own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry(u64);

impl Record {
    /// Returns a record that remembers nothing.
    pub(crate) fn off() -> Self {
        Self {
            is_off: true,
            ..Self::default()
        }
    }

    /// Remembers a request and its body. Returns `None` if nothing is remembered.
    pub(crate) fn push(&self, asked: &Asked, body: &[u8]) -> Option<Entry> {
        if self.is_off {
            return None;
        }
        let asked = Asked {
            body: str::from_utf8(body).unwrap_or_default().to_owned(),
            ..asked.clone()
        };
        let mut entries = self.lock();
        let entry = Entry(entries.forgotten + entries.kept.len() as u64);
        entries.kept.push_back(asked);
        if entries.kept.len() > REMEMBERED {
            entries.kept.pop_front();
            entries.forgotten += 1;
        }
        Some(entry)
    }

    /// Notes the code of the answer.
    pub(crate) fn answered(&self, entry: Option<Entry>, code: u16) {
        let Some(entry) = entry else {
            return;
        };
        let mut entries = self.lock();
        let Some(index) = entry.0.checked_sub(entries.forgotten) else {
            return;
        };
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        if let Some(asked) = entries.kept.get_mut(index) {
            asked.code = code;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ApiServer {
    /// Returns what the server was asked so far, the oldest first; at most the last 100,000.
    ///
    /// It is empty for a server that was built
    /// [without record](crate::ApiServerBuilder::without_record).
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.record.lock().kept.iter().cloned().collect()
    }

    /// Forgets what the server was asked so far.
    pub fn forget_asked(&self) {
        let mut entries = self.shared.record.lock();
        entries.forgotten += entries.kept.len() as u64;
        entries.kept.clear();
    }
}
