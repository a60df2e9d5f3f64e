//! The way from `kubectl apply` on the client to that on the server: what the annotation says was
//! applied last belongs to `kubectl`, and the annotation is kept up to date for who goes back.
//!
//! Source: `lastapplied*.go` below `k8s.io/apimachinery/pkg/util/managedfields/internal`.

use serde_json::Value;

use super::FieldManager;
use crate::{
    merge::FieldSet,
    object::{self, ANNOTATIONS_LIMIT},
};

/// The manager for whom this is done.
pub(super) const MANAGER: &str = "kubectl";

const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Returns the fields that were applied last by the client and are still as they were.
pub(super) fn fields(live: &Value, manager: &FieldManager<'_>) -> Option<FieldSet> {
    let text = annotation(live).filter(|text| !text.is_empty())?;
    let applied: Value = serde_json::from_str(text).ok()?;
    if object::text(&applied, &["apiVersion"]) != manager.api_version {
        return None;
    }
    let unchanged = manager.with_updater(|it| it.unchanged(&applied, live));
    unchanged.ok()
}

/// Says in the annotation, if it is there, what was applied.
pub(super) fn renew(object: &mut Value, config: &Value) {
    if annotation(object).is_none_or(str::is_empty) {
        return;
    }
    let mut config = config.clone();
    if let Some(annotations) = annotations_of(&mut config) {
        annotations.remove(ANNOTATION);
    }
    let mut text = config.to_string();
    text.push('\n');
    let Some(annotations) = annotations_of(object) else {
        return;
    };
    annotations.insert(ANNOTATION.to_owned(), Value::from(text));
    if object::annotations_size(object) > ANNOTATIONS_LIMIT
        && let Some(annotations) = annotations_of(object)
    {
        annotations.remove(ANNOTATION);
    }
}

fn annotation(object: &Value) -> Option<&str> {
    object::meta(object, "annotations")?
        .get(ANNOTATION)?
        .as_str()
}

fn annotations_of(object: &mut Value) -> Option<&mut serde_json::Map<String, Value>> {
    object
        .get_mut("metadata")?
        .get_mut("annotations")?
        .as_object_mut()
}
