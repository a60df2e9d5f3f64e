//! Why an object cannot be decoded, without saying what is in it.

mod explain;

use std::{fmt, sync::Arc};

use crate::{
    informer::object::decode_error::explain::{Wrong, explain},
    resource::Resource,
};

/// Why an object could not be decoded into its Rust type.
///
/// It names the type, the field, and what is expected there. What the field holds is left out, as
/// are messages of the type's own `Deserialize`, which may quote it: errors end in logs, and the
/// objects may be secret.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the object is not a valid `{kind}`: {message}")]
pub struct DecodeError {
    kind: &'static str,
    message: Arc<str>,
}

impl DecodeError {
    /// Decodes once more, as slowly as it takes to learn which field it is.
    pub(crate) fn new<K: Resource>(json: &[u8], error: &serde_json::Error) -> Self {
        let message = match explain::<K>(json) {
            Some(wrong) => wrong.to_string(),
            None => Wrong::of_json(error).to_string(),
        };
        Self::because::<K>(&message)
    }

    /// Says why in words that hold nothing of the object.
    pub(crate) fn because<K>(message: &str) -> Self {
        Self {
            kind: short_name::<K>(),
            message: message.into(),
        }
    }

    /// Returns true if decoding into `K` failed so.
    pub(crate) fn is_of<K>(&self) -> bool {
        self.kind == short_name::<K>()
    }
}

/// The type's name without its path.
fn short_name<K>() -> &'static str {
    let name = std::any::type_name::<K>();
    let path = name.split('<').next().unwrap_or(name);
    path.rsplit("::").next().unwrap_or(path)
}

/// What of an error of `serde_json` can be said without quoting what was read.
///
/// The messages of a `Deserialize` quote the value, or are anything at all.
#[derive(Debug)]
pub(crate) struct WithoutValues<'a>(pub(crate) &'a serde_json::Error);

impl fmt::Display for WithoutValues<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use serde_json::error::Category;

        const KINDS: [&str; 7] = [
            "invalid type",
            "invalid value",
            "invalid length",
            "unknown variant",
            "unknown field",
            "missing field",
            "duplicate field",
        ];
        let Self(error) = self;
        let what = match error.classify() {
            Category::Io => "cannot be read",
            Category::Syntax => "not JSON",
            Category::Eof => "not JSON: it ends too early",
            Category::Data => {
                let message = error.to_string();
                let mut kinds = KINDS.into_iter();
                kinds
                    .find(|kind| message.starts_with(kind))
                    .unwrap_or("invalid value")
            }
        };
        f.write_str(what)?;
        if error.line() > 0 {
            write!(f, " at line {} column {}", error.line(), error.column())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
