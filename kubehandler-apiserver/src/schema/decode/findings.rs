//! What strict decoding finds: fields that are not known, and fields that are there twice.

use std::fmt::{self, Write as _};

use crate::failure::quoted;

/// How many are told at most.
const MAX: usize = 100;

/// What strict decoding has against a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) kind: FindingKind,
    /// Such as `spec.containers[0].image`.
    pub(crate) path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FindingKind {
    /// The type does not have it.
    Unknown,
    /// It is there twice.
    Duplicate,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            FindingKind::Unknown => "unknown",
            FindingKind::Duplicate => "duplicate",
        };
        write!(f, "{what} field {}", quoted(&self.path))
    }
}

/// What was found so far, and where the reader is.
#[derive(Debug, Default)]
pub(super) struct Findings {
    all: Vec<Finding>,
    path: String,
}

impl Findings {
    /// Notes a field below the place where the reader is.
    pub(super) fn add(&mut self, kind: FindingKind, name: &str) {
        let path = if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        };
        let finding = Finding { kind, path };
        if self.all.len() < MAX && !self.all.contains(&finding) {
            self.all.push(finding);
        }
    }

    /// Goes into a field; [`leave`](Self::leave) takes what is returned.
    pub(super) fn enter_field(&mut self, name: &str) -> usize {
        let outer = self.path.len();
        if outer > 0 {
            self.path.push('.');
        }
        self.path.push_str(name);
        outer
    }

    /// Goes into an item of a list; [`leave`](Self::leave) takes what is returned.
    pub(super) fn enter_item(&mut self, index: usize) -> usize {
        let outer = self.path.len();
        write!(self.path, "[{index}]").expect("a string takes what is written to it");
        outer
    }

    /// Goes back to where the reader was.
    pub(super) fn leave(&mut self, outer: usize) {
        self.path.truncate(outer);
    }

    pub(super) fn all(self) -> Vec<Finding> {
        self.all
    }
}
