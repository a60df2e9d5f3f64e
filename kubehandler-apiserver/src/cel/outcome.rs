//! What an evaluation comes to: a value, or why there is none.

use std::sync::Arc;

use super::value::CelValue;

/// Why a rule has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EvalError {
    pub(super) text: Arc<str>,
    /// Nothing makes up for it, not even `||`.
    pub(super) is_final: bool,
}

pub(super) type Outcome = Result<CelValue, EvalError>;

impl EvalError {
    pub(super) fn new(text: impl AsRef<str>) -> Self {
        Self {
            text: text.as_ref().into(),
            is_final: false,
        }
    }

    pub(super) fn no_overload() -> Self {
        Self::new("no such overload")
    }

    pub(super) fn too_costly() -> Self {
        Self {
            text: "operation cancelled: actual cost limit exceeded".into(),
            is_final: true,
        }
    }

    pub(super) fn no_key(key: &str) -> Self {
        Self::new(format!("no such key: {key}"))
    }
}
