//! Which requests a fault is for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::wire::asked::{Asked, Verb};

/// Which requests a fault is for: those for which everything that is said holds.
///
/// As JSON: `{"verb": "list", "resource": "pods", "skip": 1, "times": 2}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct When {
    client: Option<String>,
    verb: Option<Verb>,
    group: Option<String>,
    resource: Option<String>,
    subresource: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
    parameters: BTreeMap<String, String>,
    pub(super) skip: u64,
    pub(super) times: Option<u64>,
}

impl When {
    /// Picks every request.
    #[must_use]
    pub fn any() -> Self {
        Self::default()
    }

    /// Picks requests of the client of that name.
    #[must_use]
    pub fn client(mut self, client: impl Into<String>) -> Self {
        self.client = Some(client.into());
        self
    }

    /// Picks requests with that verb.
    #[must_use]
    pub fn verb(mut self, verb: Verb) -> Self {
        self.verb = Some(verb);
        self
    }

    /// Picks requests on that group, empty for the core one.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// Picks requests on that resource, named by its plural, such as `pods`.
    #[must_use]
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resource = Some(resource.into());
        self
    }

    /// Picks requests on that subresource, empty for the object itself.
    #[must_use]
    pub fn subresource(mut self, subresource: impl Into<String>) -> Self {
        self.subresource = Some(subresource.into());
        self
    }

    /// Picks requests on that namespace, empty for those on none or all.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// Picks requests on the object of that name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Picks requests whose query has that parameter, empty also for those that lack it.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.insert(name.into(), value.into());
        self
    }

    /// Spares the first `requests` of those it picks.
    #[must_use]
    pub fn skip(mut self, requests: u64) -> Self {
        self.skip = requests;
        self
    }

    /// Strikes at most `requests`. Without this it strikes for as long as it is there.
    #[must_use]
    pub fn times(mut self, requests: u64) -> Self {
        self.times = Some(requests);
        self
    }

    /// Returns true if everything that is said holds for the request.
    pub(crate) fn picks(&self, asked: &Asked) -> bool {
        let is =
            |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|w| w == value);
        self.verb.is_none_or(|verb| verb == asked.verb)
            && is(&self.client, &asked.client)
            && is(&self.group, &asked.group)
            && is(&self.resource, &asked.resource)
            && is(&self.subresource, &asked.subresource)
            && is(&self.namespace, &asked.namespace)
            && is(&self.name, &asked.name)
            && self
                .parameters
                .iter()
                .all(|(name, value)| asked.parameter(name) == value)
    }
}
