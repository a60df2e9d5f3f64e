//! The requests that a controller made.

use std::ops::Deref;

use kubehandler_apiserver::{Asked, Verb};

/// Requests in the order in which they came: a slice, with words to choose from it.
///
/// # Examples
///
/// ```
/// # async fn example(run: &kubehandler_testing::Run) {
/// use kubehandler_apiserver::Verb;
///
/// let requests = run.requests();
/// assert_eq!(requests.clone().of_resource("pods").of_verb(Verb::Patch).len(), 1);
/// assert!(requests.writes().iter().all(|request| request.namespace == "default"));
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Requests(Vec<Asked>);

impl Requests {
    pub(crate) fn new(requests: Vec<Asked>) -> Self {
        Self(requests)
    }

    /// Keeps those on this resource, named by its plural, such as `pods`.
    #[must_use]
    pub fn of_resource(self, resource: &str) -> Self {
        self.only(|request| request.resource == resource)
    }

    /// Keeps those with this verb.
    #[must_use]
    pub fn of_verb(self, verb: Verb) -> Self {
        self.only(|request| request.verb == verb)
    }

    /// Keeps those on the object of this name.
    #[must_use]
    pub fn of_name(self, name: &str) -> Self {
        self.only(|request| request.name == name)
    }

    /// Keeps those that create, change or delete, whether they succeeded or not.
    #[must_use]
    pub fn writes(self) -> Self {
        self.only(|request| {
            !matches!(
                request.verb,
                Verb::Get | Verb::List | Verb::Watch | Verb::Other
            )
        })
    }

    /// Keeps those that the server refused.
    #[must_use]
    pub fn refused(self) -> Self {
        self.only(|request| request.code >= 400)
    }

    fn only(mut self, is_wanted: impl Fn(&Asked) -> bool) -> Self {
        self.0.retain(is_wanted);
        self
    }
}

impl Deref for Requests {
    type Target = [Asked];

    fn deref(&self) -> &[Asked] {
        &self.0
    }
}

impl IntoIterator for Requests {
    type Item = Asked;
    type IntoIter = std::vec::IntoIter<Asked>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
