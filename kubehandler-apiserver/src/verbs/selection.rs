//! Which objects of a resource a list or a watch is about.

use std::sync::Arc;

use crate::{
    kinds::Resource,
    selector::{FieldSelector, LabelSelector},
    state::storage::Stored,
};

/// Which objects of a resource a list or a watch is about.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    pub(crate) resource: Arc<Resource>,
    /// All namespaces if absent.
    pub(crate) namespace: Option<String>,
    pub(crate) labels: LabelSelector,
    pub(crate) fields: FieldSelector,
}

impl Selection {
    /// Returns true if neither labels nor fields narrow it down.
    pub(crate) fn is_everything(&self) -> bool {
        self.labels.is_everything() && self.fields.is_everything()
    }

    pub(crate) fn contains(&self, object: &Stored) -> bool {
        let in_namespace = self.namespace.as_deref();
        in_namespace.is_none_or(|namespace| namespace == object.namespace())
            && self.labels.matches(|key| object.label(key))
            && self
                .fields
                .matches(|field| object.field(&self.resource, field))
    }
}
