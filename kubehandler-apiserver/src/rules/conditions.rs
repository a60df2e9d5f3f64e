//! The conditions of a status: one of each type, with the time of its last change.
//!
//! Source: `UpdatePodCondition` in `k8s.io/kubernetes/pkg/api/v1/pod`.

use serde_json::{Map, Value};

use crate::object;

/// Sets a condition of a pod; its time stays if its status does.
pub(super) fn set(object: &mut Value, mut condition: Value, now: &str) {
    let status = object::fields_of(object, "status");
    let list = status
        .entry("conditions")
        .or_insert_with(|| Value::Array(Vec::new()));
    let Some(list) = list.as_array_mut() else {
        return;
    };
    let same = |other: &Value| other["type"] == condition["type"];
    let place = list.iter().position(same);
    let old = place.map(|place| &list[place]);
    let time = match old {
        Some(old) if old["status"] == condition["status"] => old["lastTransitionTime"].clone(),
        _ => Value::from(now),
    };
    let fields: &mut Map<_, _> = object::as_fields(&mut condition);
    fields.insert("lastProbeTime".to_owned(), Value::Null);
    fields.insert("lastTransitionTime".to_owned(), time);
    match place {
        Some(place) => list[place] = condition,
        None => list.push(condition),
    }
}
