//! What is wrong with a value, and where.
//!
//! Source: `typed/helpers.go` of `sigs.k8s.io/structured-merge-diff`.

use std::fmt::{self, Display, Formatter};

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TypeError {
    /// Such as `.spec.replicas`; empty for the whole object.
    path: String,
    message: String,
}

impl Display for TypeError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// Everything that is wrong with a value.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
pub(crate) struct TypeErrors(Vec<TypeError>);

impl TypeErrors {
    /// Adds an error at the place where the walk is.
    pub(super) fn push(&mut self, message: impl Into<String>) {
        self.0.push(TypeError {
            path: String::new(),
            message: message.into(),
        });
    }

    /// Walks through what is at the end of a step, and says so in the errors found there.
    pub(super) fn within<T>(
        &mut self,
        element: &dyn Display,
        walk: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let before = self.0.len();
        let found = walk(self);
        for error in &mut self.0[before..] {
            error.path.insert_str(0, &element.to_string());
        }
        found
    }

    /// Adds errors that were found at the place where the walk is.
    pub(super) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the errors if there are any, or else what was made.
    pub(super) fn or<T>(self, made: T) -> Result<T, Self> {
        if self.is_empty() { Ok(made) } else { Err(self) }
    }
}

impl Display for TypeErrors {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let [error] = self.0.as_slice() {
            return error.fmt(f);
        }
        f.write_str("errors:")?;
        self.0.iter().try_for_each(|error| write!(f, "\n  {error}"))
    }
}
