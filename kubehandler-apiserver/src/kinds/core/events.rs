//! Events: one storage, and two groups that call its fields by their own names.
//!
//! Source: `k8s.io/kubernetes/pkg/apis/events/v1/conversion.go`.

use serde_json::{Map, Value, json};

use crate::{
    kinds::{
        defaults,
        strategy::{Dependents, Plain},
    },
    object,
};

/// The newer group of events.
pub(crate) const GROUP: &str = "events.k8s.io";

/// What the core group and the newer one call the same field.
const NAMES: [(&str, &str); 7] = [
    ("count", "deprecatedCount"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("involvedObject", "regarding"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
];

/// Texts that the core group shows where they are empty, too.
const SHOWN_TEXTS: [&str; 2] = ["reportingComponent", "reportingInstance"];

pub(in crate::kinds) static EVENTS: Plain = Plain {
    dependents: Dependents::Impossible,
    defaults: show_empty_fields,
    ..Plain::DEFAULT
};

pub(in crate::kinds) static NEWER_EVENTS: Plain = Plain {
    defaults: |event| {
        to_stored(event);
        to_newer(event);
    },
    ..EVENTS
};

/// The server shows some fields of events even where they are empty.
fn show_empty_fields(event: &mut Value) {
    let fields = object::as_fields(event);
    for (name, empty) in [
        ("eventTime", Value::Null),
        ("firstTimestamp", Value::Null),
        ("involvedObject", json!({})),
        ("lastTimestamp", Value::Null),
        ("reportingComponent", json!("")),
        ("reportingInstance", json!("")),
        ("source", json!({})),
    ] {
        defaults::default(fields, name, empty);
    }
}

/// Gives the fields of an event the names of the core group, as which it is stored.
pub(crate) fn to_stored(event: &mut Value) {
    rename(event, NAMES.map(|(core, newer)| (newer, core)));
    show_empty_fields(event);
}

/// Gives the fields of a stored event the names of the newer group.
pub(crate) fn to_newer(event: &mut Value) {
    let fields = object::as_fields(event);
    for name in SHOWN_TEXTS {
        if defaults::text(fields, name).is_empty() {
            fields.remove(name);
        }
    }
    rename(event, NAMES);
}

fn rename(event: &mut Value, names: [(&str, &str); NAMES.len()]) {
    let fields = object::as_fields(event);
    *fields = std::mem::take(fields)
        .into_iter()
        .map(|(name, value)| {
            let renamed = names.iter().find(|(from, _)| *from == name);
            (renamed.map_or(name, |(_, to)| (*to).to_owned()), value)
        })
        .collect::<Map<_, _>>();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_survives_the_way_through_the_other_group() {
        let newer = json!({
            "deprecatedCount": 3,
            "deprecatedFirstTimestamp": "2026-01-01T00:00:00Z",
            "deprecatedLastTimestamp": null,
            "deprecatedSource": {"component": "c"},
            "eventTime": null,
            "note": "hello",
            "regarding": {"kind": "Pod", "name": "p"},
            "reportingController": "x.y/z",
            "series": {"count": 2},
        });

        let mut event = newer.clone();
        to_stored(&mut event);
        assert_eq!(event["involvedObject"]["name"], "p");
        assert_eq!(event["message"], "hello");
        assert_eq!(event["reportingComponent"], "x.y/z");
        assert_eq!(event["reportingInstance"], "");

        to_newer(&mut event);
        assert_eq!(event, newer);
    }
}
