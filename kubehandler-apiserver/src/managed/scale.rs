//! The subresource `scale` shows who manages the number of replicas, and writes it down in the object
//! that the number is of.
//!
//! Source: `scalehandler.go` in `k8s.io/apimachinery/pkg/util/managedfields`.

use serde_json::Value;

use super::entries::ManagedEntries;
use crate::merge::{FieldSet, Managed};

const SCALE_VERSION: &str = "autoscaling/v1";
const REPLICAS: [&str; 2] = ["spec", "replicas"];

/// The object that a `Scale` is of.
pub(crate) struct Parent<'a> {
    pub(crate) object: &'a Value,
    /// The version that the request is in.
    pub(crate) api_version: &'a str,
    /// All versions of the kind.
    pub(crate) versions: &'a [String],
    /// Where the number is in the object.
    pub(crate) replicas: &'a [&'a str],
}

impl Parent<'_> {
    /// Returns the entries of the `Scale`: those that have the number.
    pub(crate) fn scale_entries(&self) -> Value {
        let mut entries = ManagedEntries::of(self.object);
        let replicas = self.replicas();
        entries
            .managers
            .retain(|_, managed| self.is_known(managed) && managed.fields.has_all(&replicas));
        for managed in entries.managers.values_mut() {
            managed.fields = number();
            SCALE_VERSION.clone_into(&mut managed.api_version);
        }
        entries.to_value()
    }

    /// Returns the entries of the object, once the `Scale` has those of `scale`.
    pub(crate) fn entries(&self, scale: &Value) -> Value {
        let ManagedEntries {
            managers,
            mut times,
        } = ManagedEntries::of(self.object);
        let mut scale = ManagedEntries::of(scale);
        let replicas = self.replicas();
        let mut kept = ManagedEntries::default();
        for (key, mut managed) in managers {
            if !self.is_known(&managed) {
                continue;
            }
            if managed.fields.has_all(&replicas) && scale.managers.remove(&key).is_none() {
                managed.fields = managed.fields.difference(&replicas);
                if managed.fields.is_empty() {
                    continue;
                }
            }
            kept.managers.insert(key, managed);
        }
        for (key, managed) in scale.managers {
            if managed.fields.has_all(&number()) {
                let managed = Managed {
                    fields: replicas.clone(),
                    api_version: self.api_version.to_owned(),
                    is_applied: managed.is_applied,
                };
                kept.managers.insert(key, managed);
            }
        }
        // The real server takes the times of the object alone: a manager of the number has none.
        times.retain(|key, _| kept.managers.contains_key(key));
        kept.times = times;
        kept.to_value()
    }

    fn is_known(&self, managed: &Managed) -> bool {
        self.versions.contains(&managed.api_version)
    }

    fn replicas(&self) -> FieldSet {
        let mut fields = FieldSet::default();
        fields.insert_fields(self.replicas);
        fields
    }
}

fn number() -> FieldSet {
    let mut fields = FieldSet::default();
    fields.insert_fields(&REPLICAS);
    fields
}
