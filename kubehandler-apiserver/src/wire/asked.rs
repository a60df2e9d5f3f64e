//! What a request asks for, as the server remembers it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// A verb of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// One object.
    Get,
    /// Many.
    List,
    /// Many, and what happens to them.
    Watch,
    /// A new object.
    Create,
    /// An object replaced.
    Update,
    /// An object changed.
    Patch,
    /// An object gone.
    Delete,
    /// Many gone.
    DeleteCollection,
    /// Anything that is not about objects: discovery, health, version.
    Other,
}

impl Verb {
    /// Returns the verb as discovery spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
            Self::Other => "other",
        }
    }
}

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
