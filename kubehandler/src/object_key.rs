//! The name of an object within one kind.

use std::{fmt, str::FromStr, sync::Arc};

use crate::Printable;

/// An object's namespace and name, printed `namespace/name`, or `name` for a cluster-scoped one.
///
/// A key is cheap to clone: its text is shared.
///
/// It is printed as it is, so that the text is the key. Names of a few kinds, RBAC's among them,
/// may hold line ends and control characters: where your log does not escape them, as that of
/// `kubehandler::logging` does, print a [`Printable`](crate::Printable) of the key.
///
/// # Examples
///
/// ```
/// use kubehandler::ObjectKey;
///
/// let key: ObjectKey = "default/web".parse()?;
/// assert_eq!(key.namespace(), Some("default"));
/// assert_eq!(key.name(), "web");
/// assert_eq!(key, ObjectKey::namespaced("default", "web"));
/// # Ok::<(), kubehandler::InvalidObjectKey>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    text: Arc<str>,
}

impl ObjectKey {
    /// Makes the key of a namespaced object; an empty namespace means cluster-scoped.
    #[must_use]
    pub fn namespaced(namespace: &str, name: &str) -> Self {
        if namespace.is_empty() {
            return Self::cluster(name);
        }
        Self {
            text: format!("{namespace}/{name}").into(),
        }
    }

    /// Makes the key of a cluster-scoped object.
    #[must_use]
    pub fn cluster(name: &str) -> Self {
        Self { text: name.into() }
    }

    /// Makes the key of `object`, or `None` while it has no name.
    #[must_use]
    pub fn of<K: kube::Resource>(object: &K) -> Option<Self> {
        let meta = object.meta();
        let name = meta.name.as_deref().filter(|name| !name.is_empty())?;
        Some(Self::namespaced(
            meta.namespace.as_deref().unwrap_or_default(),
            name,
        ))
    }

    /// Makes the key that is printed so.
    pub(crate) fn of_text(text: &str) -> Self {
        Self { text: text.into() }
    }

    /// Returns the namespace, or `None` for a cluster-scoped object.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.text.split_once('/').map(|(namespace, _)| namespace)
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text
            .split_once('/')
            .map_or(&*self.text, |(_, name)| name)
    }

    /// Returns the key as it is printed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

/// Why a text is no [`ObjectKey`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is not an object key: write `namespace/name`, or `name` for a cluster-scoped object",
    Printable::new(.0)
)]
pub struct InvalidObjectKey(String);

impl FromStr for ObjectKey {
    type Err = InvalidObjectKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('/').collect();
        if parts.len() > 2 || parts.contains(&"") {
            return Err(InvalidObjectKey(text.to_owned()));
        }
        Ok(Self { text: text.into() })
    }
}

/// Returns true for a DNS label of RFC 1123, as Kubernetes uses it: at most 63 of a-z, 0-9 and `-`, which neither begins nor ends it.
pub(crate) fn is_dns_label(name: &str) -> bool {
    let is_word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = name.as_bytes();
    bytes.len() <= 63
        && bytes.iter().all(|&c| is_word(c) || c == b'-')
        && bytes.first().is_some_and(|&c| is_word(c))
        && bytes.last().is_some_and(|&c| is_word(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_prints_as_it_parses() {
        for text in ["default/web", "node-1"] {
            let key: ObjectKey = text.parse().expect("a key");

            assert_eq!(key.to_string(), text);
        }
    }

    #[test]
    fn text_with_an_empty_or_third_part_is_refused() {
        for text in ["", "/", "a/", "/b", "a/b/c"] {
            assert_eq!(
                text.parse::<ObjectKey>(),
                Err(InvalidObjectKey(text.to_owned()))
            );
        }
    }
}
