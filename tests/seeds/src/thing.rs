//! Pods as the handlers read them: no deeper than the metadata, and some of them not at all.

use std::borrow::Cow;

use kube::{Resource, api::ObjectMeta, core::NamespaceResourceScope};
use serde::{Deserialize, Deserializer, de::Error as _};

/// A pod; one with the label `broken` does not decode.
#[derive(Clone, Debug)]
pub(crate) struct Thing {
    metadata: ObjectMeta,
}

impl Thing {
    /// Returns the value of a label, empty without it.
    pub(crate) fn label(&self, name: &str) -> &str {
        let labels = self.metadata.labels.as_ref();
        labels
            .and_then(|labels| labels.get(name))
            .map_or("", String::as_str)
    }

    pub(crate) fn version(&self) -> u64 {
        let version = self.metadata.resource_version.as_deref();
        version
            .and_then(|version| version.parse().ok())
            .expect("every object has a version")
    }
}

impl<'de> Deserialize<'de> for Thing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Object {
            metadata: ObjectMeta,
        }
        let Object { metadata } = Object::deserialize(deserializer)?;
        let thing = Self { metadata };
        if thing.label("broken") == "yes" {
            return Err(D::Error::custom("it is broken"));
        }
        Ok(thing)
    }
}

impl Resource for Thing {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "Pod".into()
    }

    fn group((): &()) -> Cow<'_, str> {
        "".into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "pods".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
