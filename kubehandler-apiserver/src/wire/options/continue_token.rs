//! The token with which a list goes on.

#[cfg(test)]
mod tests;

use base64::{
    Engine, alphabet,
    engine::{GeneralPurpose, general_purpose::NO_PAD},
};
use serde::Serialize;

use crate::{
    failure::Failure,
    wire::media::json::{self, Struct},
};

const VERSION: &str = "meta.k8s.io/v1";
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    NO_PAD.with_decode_allow_trailing_bits(true),
);

/// Where a list goes on, and in which snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContinueToken {
    /// The snapshot's version; -1 to go on with what there is now. Never 0.
    pub(crate) resource_version: i64,
    /// The first key of the rest, below the list's own: `NAME`, or `NAMESPACE/NAME` for a list of
    /// all namespaces. It ends with a zero character to begin just after a key.
    pub(crate) start_key: String,
}

/// The token as JSON, its fields in this order.
#[derive(Serialize)]
struct Encoded<'a> {
    v: &'a str,
    rv: i64,
    start: &'a str,
}

impl ContinueToken {
    /// Returns the token as clients see it.
    pub(crate) fn encode(&self) -> String {
        let start = format!("/{}", self.start_key);
        let encoded = Encoded {
            v: VERSION,
            rv: self.resource_version,
            start: &start,
        };
        let json = serde_json::to_vec(&encoded).expect("numbers and text are JSON");
        BASE64.encode(json)
    }

    /// Reads the token as clients send it.
    pub(crate) fn decode(token: &str) -> Result<Self, Failure> {
        Self::read(token).map_err(|why| {
            let message = format!("invalid continue token: continue key is not valid{why}");
            Failure::bad_request(message)
        })
    }

    /// Reads the token; the error is the end of a sentence.
    fn read(token: &str) -> Result<Self, String> {
        let because = |why: String| format!(": {why}");
        let json = decode_base64(token).map_err(because)?;
        let value = json::parse(&json).map_err(because)?;
        let fields =
            Struct::new(&value, "continueToken", "storage.continueToken").map_err(because)?;
        let version = fields
            .text("v", "string")
            .map_err(because)?
            .unwrap_or_default();
        let resource_version = fields.integer("rv").map_err(because)?.unwrap_or_default();
        let start_key = fields
            .text("start", "string")
            .map_err(because)?
            .unwrap_or_default();

        if version != VERSION {
            return Err(format!(
                ": server does not recognize this encoded version {version}"
            ));
        }
        if resource_version == 0 {
            let what = "incorrect encoded start resourceVersion";
            return Err(format!(": {what} (version {VERSION})"));
        }
        if start_key.is_empty() {
            return Err(format!(": encoded start key empty (version {VERSION})"));
        }
        if !is_clean(start_key) {
            return Err(because(start_key.to_owned()));
        }
        let start_key = start_key.strip_prefix('/').unwrap_or(start_key).to_owned();
        Ok(Self {
            resource_version,
            start_key,
        })
    }
}

/// Decodes the token; line ends in it count for nothing.
fn decode_base64(token: &str) -> Result<Vec<u8>, String> {
    let text: Vec<u8> = token
        .bytes()
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .collect();
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let wrong = token
        .bytes()
        .position(|byte| !is_known(byte) && !matches!(byte, b'\r' | b'\n'));
    let is_cut = text.len() % 4 == 1;
    let wrong = wrong.or_else(|| is_cut.then(|| token.len() - 1));
    let fail = |position| format!("illegal base64 data at input byte {position}");
    match wrong {
        Some(position) => Err(fail(position)),
        None => BASE64.decode(text).map_err(|_| fail(0)),
    }
}

/// Returns whether the key leads nowhere but down: no empty parts, no `.` or `..`, no `/` at the end.
fn is_clean(key: &str) -> bool {
    let key = key.strip_prefix('/').unwrap_or(key);
    key.is_empty() || key.split('/').all(|part| !matches!(part, "" | "." | ".."))
}
