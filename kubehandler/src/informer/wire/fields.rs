//! Which fields of an object are dropped before it is stored.

use std::{fmt, str::FromStr};

/// A set of paths, as a tree: `metadata.managedFields`, `spec.containers.env`.
///
/// A path goes through arrays into each of their elements.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Fields(Vec<Field>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Field {
    name: String,
    /// Empty where the whole field is meant.
    inner: Fields,
}

/// Why a text is no path of fields.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a path of fields: write names joined by `.`, such as `status.conditions`")]
pub(crate) struct InvalidFieldPath(String);

/// The names of one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path(Vec<String>);

impl FromStr for Path {
    type Err = InvalidFieldPath;

    fn from_str(path: &str) -> Result<Self, Self::Err> {
        let names: Vec<String> = path.split('.').map(str::to_owned).collect();
        let is_name = |name: &String| {
            !name.is_empty() && !name.contains(['"', '\\', '[', ']', '*', '/', ' '])
        };
        if names.iter().all(is_name) {
            return Ok(Self(names));
        }
        Err(InvalidFieldPath(path.to_owned()))
    }
}

/// The path as it was written.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

impl Path {
    /// Returns true if an object without this field cannot be kept: it is, or is within, what names it.
    pub(crate) fn names_the_object(&self) -> bool {
        let names: Vec<&str> = self.0.iter().map(String::as_str).collect();
        matches!(
            names[..],
            ["apiVersion" | "kind" | "metadata"]
                | [
                    "metadata",
                    "name" | "namespace" | "uid" | "resourceVersion" | "deletionTimestamp",
                    ..
                ]
        )
    }
}

impl Fields {
    /// Adds a path; what is within a path that is there already adds nothing.
    pub(crate) fn insert(&mut self, path: &Path) {
        self.insert_names(&path.0);
    }

    fn insert_names(&mut self, names: &[String]) {
        let Some((first, rest)) = names.split_first() else {
            return;
        };
        if let Some(field) = self.0.iter_mut().find(|field| field.name == *first) {
            if rest.is_empty() {
                field.inner.0.clear();
            } else if !field.inner.0.is_empty() {
                field.inner.insert_names(rest);
            }
            return;
        }
        let mut inner = Self::default();
        inner.insert_names(rest);
        self.0.push(Field {
            name: first.clone(),
            inner,
        });
    }

    /// Returns what is dropped within the field of this name, or nothing if it stays whole.
    pub(crate) fn get(&self, name: &[u8]) -> Option<&Self> {
        let field = self.0.iter().find(|field| field.name.as_bytes() == name);
        field.map(|field| &field.inner)
    }

    /// Returns true where the whole field is dropped.
    pub(crate) fn is_whole(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(paths: &[&str]) -> Fields {
        let mut fields = Fields::default();
        for path in paths {
            fields.insert(&path.parse().expect("a path"));
        }
        fields
    }

    #[test]
    fn wider_path_takes_the_place_of_what_is_within_it() {
        let both = fields(&["status.conditions", "status"]);

        assert_eq!(both, fields(&["status"]));
        assert_eq!(both, fields(&["status", "status.conditions"]));
    }

    #[test]
    fn text_that_is_no_path_is_refused() {
        for path in ["", ".", "a.", ".a", "a..b", "a[0]", "a b", "a.*"] {
            let refused = path.parse::<Path>();

            assert_eq!(refused, Err(InvalidFieldPath(path.to_owned())));
        }
    }
}
