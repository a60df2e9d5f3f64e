//! The merge patch, as the real server does it: nulls of the patch go wherever they would be put, also those
//! of objects within lists, which RFC 7386 keeps.
//!
//! Source: `gopkg.in/evanphx/json-patch.v4`, `merge.go`.

use serde_json::{Map, Value};

/// Changes the fields of an object as the patch says.
pub(crate) fn apply(fields: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, change) in patch {
        if change.is_null() {
            fields.remove(name);
            continue;
        }
        match (fields.get_mut(name), change) {
            (Some(Value::Object(fields)), Value::Object(patch)) => apply(fields, patch),
            // What takes the place of an object is put there as it is.
            (Some(object @ Value::Object(_)), change) => object.clone_from(change),
            (_, change) => {
                fields.insert(name.clone(), without_nulls(change));
            }
        }
    }
}

/// Returns a value without the fields that are null; items that are null stay.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            let fields = fields.map(|(name, value)| (name.clone(), without_nulls(value)));
            Value::Object(fields.collect())
        }
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(mut object: Value, patch: &Value) -> Value {
        if let (Value::Object(fields), Value::Object(patch)) = (&mut object, patch) {
            apply(fields, patch);
        }
        object
    }

    #[test]
    fn fields_are_merged_and_nulls_remove() {
        let object = json!({ "a": { "b": 1, "c": 2 }, "d": [1] });

        let patched = merged(object, &json!({ "a": { "b": null, "e": 3 }, "d": null }));

        assert_eq!(patched, json!({ "a": { "c": 2, "e": 3 } }));
    }

    #[test]
    fn nulls_of_new_values_go_but_those_of_items_stay() {
        let object = json!({ "list": [7], "text": "x", "null": null });
        let new = json!({ "a": null, "b": { "c": null }, "d": [null, { "e": null }] });

        let patched = merged(
            object,
            &json!({ "list": new["d"], "text": new, "null": new, "more": new }),
        );

        let pruned = json!({ "b": {}, "d": [null, {}] });
        let expected =
            json!({ "list": [null, {}], "text": pruned, "null": pruned, "more": pruned });
        assert_eq!(patched, expected);
    }

    #[test]
    fn list_in_the_place_of_an_object_keeps_its_nulls() {
        let patched = merged(json!({ "a": { "b": 1 } }), &json!({ "a": [{ "c": null }] }));

        assert_eq!(patched, json!({ "a": [{ "c": null }] }));
    }
}
