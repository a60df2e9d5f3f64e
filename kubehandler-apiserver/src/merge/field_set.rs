//! Sets of fields.
//!
//! Source: `fieldpath/set.go` of `sigs.k8s.io/structured-merge-diff`.

use std::cmp::Ordering;

use super::{
    object_type::ObjectType,
    paths::{FieldPath, PathElement},
};

/// Fields of an object, as a tree of the steps to them.
///
/// Each field counts for itself: `.a.b` can be in the set without `.a`, and `.a` without `.a.b`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FieldSet {
    /// In their order, each element once; every entry is a member or has children.
    pub(super) entries: Vec<Node>,
}

/// A step, and the fields below it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) element: PathElement,
    /// The field itself is in the set.
    pub(super) is_member: bool,
    pub(super) children: FieldSet,
}

/// Returns what is left of one step's nodes in two sets.
type Keep = fn(Option<&Node>, Option<&Node>) -> Option<Node>;

impl Node {
    /// Returns the entry unless it says nothing.
    pub(super) fn new(element: &PathElement, is_member: bool, children: FieldSet) -> Option<Self> {
        let is_needed = is_member || !children.is_empty();
        is_needed.then(|| Self {
            element: element.clone(),
            is_member,
            children,
        })
    }
}

impl FieldSet {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds the field at the end of the path. The whole object is no field.
    pub(crate) fn insert(&mut self, path: &[PathElement]) {
        let Some((first, rest)) = path.split_first() else {
            return;
        };
        let entry = self.entry(first);
        if rest.is_empty() {
            entry.is_member = true;
        } else {
            entry.children.insert(rest);
        }
    }

    /// Adds the field at the end of a path of names.
    pub(crate) fn insert_fields(&mut self, names: &[&str]) {
        let path: Vec<_> = names.iter().map(|name| PathElement::field(name)).collect();
        self.insert(&path);
    }

    /// Adds what was found at and below a step.
    pub(super) fn insert_below(&mut self, element: &PathElement, is_member: bool, below: Self) {
        if !is_member && below.is_empty() {
            return;
        }
        let entry = self.entry(element);
        entry.is_member |= is_member;
        if entry.children.is_empty() {
            entry.children = below;
        } else {
            entry.children = entry.children.union(&below);
        }
    }

    /// Returns the entry of a step, which the caller is to make a member or give children.
    pub(super) fn entry(&mut self, element: &PathElement) -> &mut Node {
        // Most sets are built in their order.
        let is_last = self.entries.last().is_none_or(|it| it.element < *element);
        let place = if is_last {
            Err(self.entries.len())
        } else {
            self.find(element)
        };
        let place = place.unwrap_or_else(|place| {
            let entry = Node {
                element: element.clone(),
                is_member: false,
                children: Self::default(),
            };
            self.entries.insert(place, entry);
            place
        });
        &mut self.entries[place]
    }

    fn find(&self, element: &PathElement) -> Result<usize, usize> {
        self.entries.binary_search_by(|it| it.element.cmp(element))
    }

    /// Returns what the set has at and below a step.
    pub(super) fn get(&self, element: &PathElement) -> Option<&Node> {
        self.find(element).ok().map(|place| &self.entries[place])
    }

    /// Returns whether the field at the end of the path is in the set.
    pub(crate) fn has(&self, path: &FieldPath) -> bool {
        self.has_elements(&path.0)
    }

    fn has_elements(&self, path: &[PathElement]) -> bool {
        let Some((first, rest)) = path.split_first() else {
            return false;
        };
        self.get(first).is_some_and(|entry| match rest {
            [] => entry.is_member,
            rest => entry.children.has_elements(rest),
        })
    }

    /// Returns whether all fields of the other are in this set.
    pub(crate) fn has_all(&self, other: &Self) -> bool {
        other.difference(self).is_empty()
    }

    /// Returns the number of fields.
    pub(crate) fn len(&self) -> usize {
        let entries = self.entries.iter();
        entries
            .map(|entry| usize::from(entry.is_member) + entry.children.len())
            .sum()
    }

    /// Returns the fields that are in either.
    pub(crate) fn union(&self, other: &Self) -> Self {
        self.join(other, |lhs, rhs| match (lhs, rhs) {
            (Some(lhs), Some(rhs)) => Node::new(
                &lhs.element,
                lhs.is_member || rhs.is_member,
                lhs.children.union(&rhs.children),
            ),
            (one, other) => one.or(other).cloned(),
        })
    }

    /// Returns the fields that are in both.
    pub(crate) fn intersection(&self, other: &Self) -> Self {
        self.join(other, |lhs, rhs| {
            let (lhs, rhs) = (lhs?, rhs?);
            Node::new(
                &lhs.element,
                lhs.is_member && rhs.is_member,
                lhs.children.intersection(&rhs.children),
            )
        })
    }

    /// Returns the fields that are not in the other, whether or not a field around them is.
    pub(crate) fn difference(&self, other: &Self) -> Self {
        self.join(other, |lhs, rhs| match (lhs?, rhs) {
            (lhs, None) => Some(lhs.clone()),
            (lhs, Some(rhs)) => Node::new(
                &lhs.element,
                lhs.is_member && !rhs.is_member,
                lhs.children.difference(&rhs.children),
            ),
        })
    }

    /// Returns the fields that are not in the other, and neither is a field around them.
    pub(crate) fn recursive_difference(&self, other: &Self) -> Self {
        self.join(other, |lhs, rhs| match (lhs?, rhs) {
            (lhs, None) => Some(lhs.clone()),
            (_, Some(rhs)) if rhs.is_member => None,
            (lhs, Some(rhs)) => Node::new(
                &lhs.element,
                lhs.is_member,
                lhs.children.recursive_difference(&rhs.children),
            ),
        })
    }

    /// Walks through both sets, and keeps what `keep` makes of each step's entries.
    fn join(&self, other: &Self, keep: Keep) -> Self {
        let mut entries = Vec::new();
        let (mut lhs, mut rhs) = (
            self.entries.iter().peekable(),
            other.entries.iter().peekable(),
        );
        loop {
            let order = match (lhs.peek(), rhs.peek()) {
                (None, None) => return Self { entries },
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(lhs), Some(rhs)) => lhs.element.cmp(&rhs.element),
            };
            let left = lhs.next_if(|_| order.is_le());
            let right = rhs.next_if(|_| order.is_ge());
            entries.extend(keep(left, right));
        }
    }

    /// Returns the fields without others below them.
    pub(crate) fn leaves(&self) -> Self {
        let entries = self.entries.iter().map(|entry| Node {
            element: entry.element.clone(),
            is_member: entry.is_member && entry.children.is_empty(),
            children: entry.children.leaves(),
        });
        Self {
            entries: entries.collect(),
        }
    }

    /// Returns the fields, and those around them that the type knows by name.
    ///
    /// With `.a.b.c`, `.a` is added if it is a declared field, and not if it is a key of a map.
    pub(crate) fn with_named_fields(&self, ty: Option<ObjectType<'_>>) -> Self {
        let entries = self.entries.iter().map(|entry| Node {
            element: entry.element.clone(),
            is_member: entry.is_member || ty.is_some_and(|ty| ty.declares(&entry.element)),
            children: if entry.children.is_empty() {
                Self::default()
            } else {
                let below = ty.and_then(|ty| ty.below(&entry.element));
                entry.children.with_named_fields(below)
            },
        });
        Self {
            entries: entries.collect(),
        }
    }

    /// Returns all fields: those of one level, then those below them.
    pub(crate) fn paths(&self) -> Vec<FieldPath> {
        let mut paths = Vec::new();
        self.push_paths(&mut Vec::new(), &mut paths);
        paths
    }

    fn push_paths(&self, prefix: &mut Vec<PathElement>, paths: &mut Vec<FieldPath>) {
        for entry in self.entries.iter().filter(|entry| entry.is_member) {
            let mut path = prefix.clone();
            path.push(entry.element.clone());
            paths.push(FieldPath(path));
        }
        for entry in &self.entries {
            if entry.children.is_empty() {
                continue;
            }
            prefix.push(entry.element.clone());
            entry.children.push_paths(prefix, paths);
            prefix.pop();
        }
    }
}
