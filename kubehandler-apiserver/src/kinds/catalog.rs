//! Every resource that is served now: the built-in ones, and those that CRDs define.

use std::{collections::HashMap, sync::Arc};

use super::{
    Resource, Text,
    builtin::{GROUPS, RESOURCES},
};
use crate::group::{GroupResource, GroupVersion};

/// Every resource that is served now.
#[derive(Clone, Debug)]
pub(crate) struct Catalog {
    /// In the order of discovery, the built-in ones first.
    resources: Vec<Arc<Resource>>,
    /// By group and plural: the place in `resources`.
    /// By the name that messages use.
    places: HashMap<String, usize>,
}

/// A group and its versions, the preferred one first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// Empty for the core.
    pub(crate) name: Text,
    pub(crate) versions: Vec<Text>,
}

impl Catalog {
    /// Returns the built-in resources.
    pub(crate) fn builtin() -> Self {
        let mut catalog = Self {
            resources: Vec::new(),
            places: HashMap::new(),
        };
        for resource in RESOURCES {
            catalog.put(resource.clone());
        }
        catalog
    }

    /// Returns true for a kind that every server has.
    pub(crate) fn is_builtin_kind(api_version: &str, kind: &str) -> bool {
        let of = GroupVersion::of(api_version);
        RESOURCES.iter().any(|resource| {
            resource.group == of.group
                && resource
                    .version(of.version)
                    .is_some_and(|version| version.kind == kind)
        })
    }

    /// Returns true for a group that every server has.
    pub(crate) fn has_builtin_group(&self, group: &str) -> bool {
        let mut resources = self.resources.iter();
        resources.any(|resource| resource.group == group && !resource.rules.is_custom)
    }

    /// Adds a resource, or puts it in the place of the one of its group and plural.
    pub(crate) fn put(&mut self, mut resource: Resource) {
        let key = resource.group_resource().to_string();
        if let Some(&place) = self.places.get(&key) {
            resource.keep_schemas(&self.resources[place]);
            self.resources[place] = Arc::new(resource);
        } else {
            self.places.insert(key, self.resources.len());
            self.resources.push(Arc::new(resource));
        }
    }

    /// Removes a resource that a CRD defined.
    pub(crate) fn remove(&mut self, of: GroupResource<'_>) {
        self.resources
            .retain(|resource| resource.group_resource() != of);
        let keys = self.resources.iter().enumerate();
        self.places = keys
            .map(|(place, resource)| (resource.group_resource().to_string(), place))
            .collect();
    }

    /// Returns the resource, if it is served in that version.
    pub(crate) fn get(&self, of: GroupVersion<'_>, plural: &str) -> Option<Arc<Resource>> {
        let resource = self.find(GroupResource::new(of.group, plural))?;
        resource.version(of.version)?;
        Some(Arc::clone(resource))
    }

    /// Returns the resource in whichever versions it is served.
    pub(crate) fn find(&self, of: GroupResource<'_>) -> Option<&Arc<Resource>> {
        let place = self.places.get(&of.to_string())?;
        // A resource of a URL can be any text, also one with the name of a group in it.
        Some(&self.resources[*place]).filter(|resource| resource.group_resource() == of)
    }

    /// Returns the resource whose objects are of that kind.
    pub(crate) fn by_kind(&self, of: GroupVersion<'_>, kind: &str) -> Option<&Arc<Resource>> {
        self.resources.iter().find(|resource| {
            resource.group == of.group
                && resource
                    .version(of.version)
                    .is_some_and(|version| version.kind == kind)
        })
    }

    /// Returns all resources, in the order of discovery.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.resources.iter()
    }

    /// Returns the resources that are served in that version of a group.
    pub(crate) fn of_version(&self, of: GroupVersion<'_>) -> impl Iterator<Item = &Arc<Resource>> {
        self.iter().filter(move |resource| {
            resource.group == of.group && resource.version(of.version).is_some()
        })
    }

    /// Returns the groups in the order of discovery: the core, the built-in ones, those of CRDs.
    pub(crate) fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = GROUPS
            .iter()
            .map(|(name, versions)| Group {
                name: name.clone(),
                versions: versions.to_vec(),
            })
            .collect();
        let built_in = groups.len();
        for resource in self.iter().filter(|resource| resource.rules.is_custom) {
            let found = groups.iter().position(|group| group.name == resource.group);
            let place = found.unwrap_or_else(|| {
                groups.push(Group {
                    name: resource.group.clone(),
                    versions: Vec::new(),
                });
                groups.len() - 1
            });
            for version in resource.versions.iter() {
                if !groups[place].versions.contains(&version.name) {
                    groups[place].versions.push(version.name.clone());
                }
            }
        }
        // The real server has the groups of CRDs by name, with equal priority.
        groups[built_in..].sort_by(|one, other| one.name.cmp(&other.name));
        for group in &mut groups[built_in..] {
            group
                .versions
                .sort_by(|one, other| super::version::compare(one, other));
        }
        groups
    }
}
