//! What is named together with its group.

use std::fmt;

/// A group and a version of it, printed as an `apiVersion` is: `v1` or `apps/v1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GroupVersion<'a> {
    /// Empty for the core group.
    pub(crate) group: &'a str,
    pub(crate) version: &'a str,
}

impl<'a> GroupVersion<'a> {
    pub(crate) fn new(group: &'a str, version: &'a str) -> Self {
        Self { group, version }
    }

    /// Reads an `apiVersion`; what comes after the last slash is the version.
    pub(crate) fn of(api_version: &'a str) -> Self {
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        Self { group, version }
    }
}

impl fmt::Display for GroupVersion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.group.is_empty() {
            write!(f, "{}/", self.group)?;
        }
        f.write_str(self.version)
    }
}

/// A resource of a group, printed as the server's messages name it: `pods` or `deployments.apps`.
///
/// Where a message names the kind in place of the resource, so does this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GroupResource<'a> {
    /// Empty for the core group.
    pub(crate) group: &'a str,
    pub(crate) resource: &'a str,
}

impl<'a> GroupResource<'a> {
    pub(crate) fn new(group: &'a str, resource: &'a str) -> Self {
        Self { group, resource }
    }

    /// Stands for no resource.
    pub(crate) fn none() -> Self {
        Self::new("", "")
    }
}

impl fmt::Display for GroupResource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.resource)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_printed_as_it_is_read() {
        for text in ["v1", "apps/v1", "a/b/c"] {
            assert_eq!(GroupVersion::of(text).to_string(), text);
        }
        assert_eq!(GroupVersion::of("apps/v1"), GroupVersion::new("apps", "v1"));
        assert_eq!(GroupVersion::of("v1"), GroupVersion::new("", "v1"));
    }

    #[test]
    fn core_group_is_not_named() {
        let shown = [("", "pods"), ("apps", "deployments")]
            .map(|(group, resource)| GroupResource::new(group, resource).to_string());

        assert_eq!(shown, ["pods", "deployments.apps"]);
    }
}
