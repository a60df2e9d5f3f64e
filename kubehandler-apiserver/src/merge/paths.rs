//! Paths to the fields of an object.
//!
//! Source: `fieldpath/element.go` and `fieldpath/path.go` of `sigs.k8s.io/structured-merge-diff`.

use std::{
    cmp::Ordering,
    fmt::{self, Display, Formatter},
};

use serde_json::Value;

use super::{
    printed::in_path,
    values::{compare, compare_all},
};

/// One step of a path: a field, or an item of a list.
#[derive(Clone, Debug)]
pub(crate) enum PathElement {
    /// The field of that name.
    Field(Box<str>),
    /// The item that has these values in the fields that are keys, in the order of their names.
    Key(Box<[(Box<str>, Value)]>),
    /// The item of a set that is this value.
    Value(Value),
    /// The item at that place.
    Index(i64),
}

impl PathElement {
    /// Returns the step to a field.
    pub(crate) fn field(name: &str) -> Self {
        Self::Field(name.into())
    }

    /// Returns the place of the variant among the variants.
    fn rank(&self) -> u8 {
        match self {
            Self::Field(_) => 0,
            Self::Key(_) => 1,
            Self::Value(_) => 2,
            Self::Index(_) => 3,
        }
    }
}

impl Ord for PathElement {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Field(lhs), Self::Field(rhs)) => lhs.cmp(rhs),
            (Self::Key(lhs), Self::Key(rhs)) => compare_all(lhs.iter(), rhs.iter(), |lhs, rhs| {
                lhs.0.cmp(&rhs.0).then_with(|| compare(&lhs.1, &rhs.1))
            }),
            (Self::Value(lhs), Self::Value(rhs)) => compare(lhs, rhs),
            (Self::Index(lhs), Self::Index(rhs)) => lhs.cmp(rhs),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for PathElement {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for PathElement {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for PathElement {}

impl Display for PathElement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(fields) => {
                f.write_str("[")?;
                for (i, (name, value)) in fields.iter().enumerate() {
                    f.write_str(if i > 0 { "," } else { "" })?;
                    write!(f, "{name}={}", in_path(value))?;
                }
                f.write_str("]")
            }
            Self::Value(value) => write!(f, "[={}]", in_path(value)),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// The way to a field, printed as `.spec.containers[name="a"].image`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FieldPath(pub(crate) Vec<PathElement>);

impl Display for FieldPath {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|element| element.fmt(f))
    }
}
