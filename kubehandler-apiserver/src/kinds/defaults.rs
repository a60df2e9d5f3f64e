//! Filling in what an object leaves out: the steps that the defaults of all kinds are made of.

use serde_json::{Map, Value, json};

use crate::{object, schema::quantity};

/// The fields of an object or of a part of it.
pub(super) type Fields = Map<String, Value>;

/// Sets a field that is left out.
pub(super) fn default(fields: &mut Fields, name: &str, value: impl Into<Value>) {
    if !fields.contains_key(name) {
        fields.insert(name.to_owned(), value.into());
    }
}

/// Sets a text that is left out or empty.
pub(super) fn default_text(fields: &mut Fields, name: &str, value: &str) {
    if text(fields, name).is_empty() {
        fields.insert(name.to_owned(), Value::from(value));
    }
}

/// Returns a text; empty if there is none.
pub(super) fn text<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Returns a part that is there.
pub(super) fn part<'a>(fields: &'a mut Fields, name: &str) -> Option<&'a mut Fields> {
    fields.get_mut(name)?.as_object_mut()
}

/// Returns a part, which is made where it is left out; `None` if it is no object.
pub(super) fn made<'a>(fields: &'a mut Fields, name: &str) -> Option<&'a mut Fields> {
    fields
        .entry(name)
        .or_insert_with(|| json!({}))
        .as_object_mut()
}

/// Returns the objects of a list.
pub(super) fn items<'a>(
    fields: &'a mut Fields,
    name: &str,
) -> impl Iterator<Item = &'a mut Fields> {
    let list = fields.get_mut(name).and_then(Value::as_array_mut);
    list.into_iter().flatten().filter_map(Value::as_object_mut)
}

/// Rounds each amount of a list of resources to thousandths; what is no amount stays as it is.
pub(super) fn round_amounts(resources: &mut Value) {
    let amounts = resources.as_object_mut().into_iter().flatten();
    for (_, amount) in amounts {
        if let Some(rounded) = amount.as_str().and_then(quantity::in_thousandths) {
            *amount = Value::from(rounded);
        }
    }
}

/// Fills in how a workload replaces its pods; the parameters are those of a rolling update.
pub(super) fn default_rollout(spec: &mut Fields, field: &str, parameters: [(&str, Value); 2]) {
    const ROLLING: &str = "RollingUpdate";
    let Some(strategy) = made(spec, field) else {
        return;
    };
    default_text(strategy, "type", ROLLING);
    if text(strategy, "type") == ROLLING
        && let Some(update) = made(strategy, "rollingUpdate")
    {
        for (name, value) in parameters {
            default(update, name, value);
        }
    }
}

/// Returns the spec of an object that has one.
pub(super) fn spec(object: &mut Value) -> Option<&mut Fields> {
    part(object.as_object_mut()?, "spec")
}

/// Returns whether metadata has no labels.
pub(super) fn is_unlabelled(object: &Value) -> bool {
    let labels = object::meta(object, "labels").and_then(Value::as_object);
    labels.is_none_or(Map::is_empty)
}

/// An object without labels has those of its pod template.
pub(super) fn label_as_template(object: &mut Value) {
    if !is_unlabelled(object) {
        return;
    }
    let labels = object::field(object, &["spec", "template", "metadata", "labels"]);
    if let Some(labels) = labels.filter(|labels| labels.as_object().is_some_and(|l| !l.is_empty()))
    {
        let labels = labels.clone();
        object::set_meta(object, "labels", labels);
    }
}
