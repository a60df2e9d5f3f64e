//! Media types: what the client takes, what it sends, and the codecs there are for them.
//!
//! There is JSON alone. The real server has YAML and protobuf too: a client that takes or sends
//! nothing else is refused with the codes of the real server, and told what there is. Whoever names
//! types that no server has is refused in the real server's words, except that a list of patches has
//! only those that there are here.

mod accept;
mod body;
pub(crate) mod json;
#[cfg(test)]
mod tests;
pub(crate) mod yaml;

use serde_json::Value;

pub(crate) use self::{
    accept::{Accepted, Endpoint, Form},
    body::{PatchType, codec_of_body, is_json},
};

/// All that the real server has; what it does not know is refused in these words.
const REAL: [&str; 3] = [
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
];
/// What the real server has for a list, which can be a watch.
const REAL_STREAMS: [&str; 5] = [
    REAL[0],
    REAL[1],
    REAL[2],
    "application/json;stream=watch",
    "application/vnd.kubernetes.protobuf;stream=watch",
];
/// All that there is here.
const OURS: [&str; 1] = [REAL[0]];

/// How objects are written and read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Codec {
    /// JSON.
    #[default]
    Json,
}

impl Codec {
    /// Returns the type of what [`Codec::encode`] returns.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
        }
    }

    /// Reads a value; the error is for people.
    pub(crate) fn decode(self, bytes: &[u8]) -> Result<Value, String> {
        match self {
            Self::Json => json::parse(bytes),
        }
    }
}
