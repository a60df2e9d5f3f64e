//! Persistent volumes.

use serde_json::{Value, json};

use crate::kinds::{
    defaults::{self, default_text, part},
    strategy::Strategy,
};

#[derive(Debug)]
pub(super) struct PersistentVolumes;

impl Strategy for PersistentVolumes {
    fn default(&self, volume: &mut Value) {
        let Some(spec) = defaults::spec(volume) else {
            return;
        };
        default_text(spec, "persistentVolumeReclaimPolicy", "Retain");
        default_text(spec, "volumeMode", "Filesystem");
        if let Some(capacity) = spec.get_mut("capacity") {
            defaults::round_amounts(capacity);
        }
        if let Some(path) = part(spec, "hostPath") {
            defaults::default(path, "type", "");
        }
    }

    fn first_status(&self, _: &Value, now: &str) -> Option<Value> {
        Some(json!({ "phase": "Pending", "lastPhaseTransitionTime": now }))
    }

    fn returns_deleted(&self) -> bool {
        true
    }

    /// A real controller removes it when no pod uses the volume; here its owner has to.
    fn finalizer(&self) -> Option<&'static str> {
        Some("kubernetes.io/pv-protection")
    }
}
