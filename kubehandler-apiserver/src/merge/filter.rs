//! Which fields a write to an endpoint can come to manage.
//!
//! Source: `Filter` in `fieldpath/set.go` of `sigs.k8s.io/structured-merge-diff`.

use std::mem;

use super::{
    field_set::{FieldSet, Node},
    paths::PathElement,
};

/// Which fields count.
#[derive(Clone, Debug)]
pub(crate) enum Filter {
    /// All but these, and what is below them.
    Exclude(FieldSet),
    /// Those of the pattern alone.
    Include(PathPattern),
}

impl Filter {
    /// Returns the fields that count.
    pub(crate) fn filter(&self, set: &FieldSet) -> FieldSet {
        match self {
            Self::Exclude(fields) => set.recursive_difference(fields),
            Self::Include(pattern) => pattern.matching(set),
        }
    }
}

/// Paths to fields, in which a step may be any.
#[derive(Clone, Debug)]
pub(crate) enum PathPattern {
    /// All there is.
    All,
    /// What is at the end of these steps, and around it. The first step that fits counts, so that a
    /// second one of [`Step::Any`] has no effect.
    Steps(Vec<(Step, PathPattern)>),
}

/// A step of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Any,
    To(PathElement),
}

impl PathPattern {
    /// Returns the pattern of all that is at and below the end of these steps.
    pub(crate) fn below(steps: impl DoubleEndedIterator<Item = Step>) -> Self {
        steps.rfold(Self::All, |below, step| Self::Steps(vec![(step, below)]))
    }

    /// Returns the pattern of what either has.
    ///
    /// Steps to one field become one only if there is no other here: that is all that Go finds, as it
    /// searches the steps in the reverse of their order.
    pub(crate) fn or(self, other: Self) -> Self {
        let (Self::Steps(mut steps), Self::Steps(others)) = (self, other) else {
            return Self::All;
        };
        let only = match steps.as_slice() {
            [(step @ Step::To(_), _)] => Some(step.clone()),
            _ => None,
        };
        for (step, below) in others {
            if only.as_ref() == Some(&step) {
                let known = mem::replace(&mut steps[0].1, Self::All);
                steps[0].1 = known.or(below);
            } else {
                steps.push((step, below));
            }
        }
        steps.sort_by(|lhs, rhs| lhs.0.cmp(&rhs.0));
        Self::Steps(steps)
    }

    fn matching(&self, set: &FieldSet) -> FieldSet {
        let Self::Steps(steps) = self else {
            return set.clone();
        };
        let entries = set.entries.iter().filter_map(|entry| {
            let mut steps = steps.iter();
            let (_, below) = steps.find(|(step, _)| match step {
                Step::Any => true,
                Step::To(element) => *element == entry.element,
            })?;
            Node::new(
                &entry.element,
                entry.is_member,
                below.matching(&entry.children),
            )
        });
        FieldSet {
            entries: entries.collect(),
        }
    }
}
