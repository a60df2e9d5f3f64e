//! What is wrong with a kind that makes pods: its selector, its template, its numbers.
//!
//! Source: `k8s.io/kubernetes/pkg/apis/apps/validation/validation.go`.

use serde_json::{Value, json};

use super::pod_spec;
use crate::{failure::Cause, object};

/// Returns what is wrong with the selector of a workload, of which the real server's words say that it
/// is one of `kind`.
pub(super) fn wrong_selector(object: &Value, kind: &str) -> Vec<Cause> {
    const FIELD: &str = "spec.selector";
    let Some(selector) = selector_of(object) else {
        return vec![Cause::required(FIELD, "")];
    };
    let is_empty = ["matchLabels", "matchExpressions"]
        .iter()
        .all(|part| selector.get(part).is_none_or(is_empty));
    let detail = format!("empty selector is invalid for {kind}");
    is_empty
        .then(|| Cause::invalid(FIELD, json!({}), &detail))
        .into_iter()
        .collect()
}

/// Returns the selector, which is not there if it is null.
pub(super) fn selector_of(object: &Value) -> Option<&Value> {
    object::at(object, "spec.selector").filter(|selector| !selector.is_null())
}

/// Returns what is wrong with the template of a workload whose pods run until they are deleted.
pub(super) fn wrong_template(object: &Value, kind: &str) -> Vec<Cause> {
    let mut causes: Vec<Cause> = wrong_labels(object).into_iter().collect();
    causes.extend(wrong_pods(object, kind));
    causes
}

/// Returns what is wrong with the pods of a template that run until they are deleted.
pub(super) fn wrong_pods(object: &Value, kind: &str) -> Vec<Cause> {
    const PATH: &str = "spec.template.spec";
    let mut causes = pod_spec::wrong_spec(object::at(object, PATH), PATH);
    let policy = object::at(object, "spec.template.spec.restartPolicy").and_then(Value::as_str);
    if let Some(policy) = policy.filter(|policy| *policy != "Always") {
        let field = "spec.template.spec.restartPolicy";
        causes.push(Cause::not_supported(field, policy, &["Always"]));
    }
    let deadline = "spec.template.spec.activeDeadlineSeconds";
    if object::at(object, deadline).is_some() {
        let detail = format!("activeDeadlineSeconds in {kind} is not Supported");
        causes.push(Cause::forbidden(deadline, &detail));
    }
    causes
}

/// A selector that does not find its own pods makes more and more of them.
pub(super) fn wrong_labels(object: &Value) -> Option<Cause> {
    const FIELD: &str = "spec.template.metadata.labels";
    let labels = object::at(object, FIELD);
    let selects = selector_of(object).is_some_and(|selector| selects(selector, labels));
    let detail = "`selector` does not match template `labels`";
    (!selects).then(|| Cause::invalid(FIELD, labels.cloned().unwrap_or_default(), detail))
}

/// Returns what is wrong with numbers that may not be negative.
pub(super) fn wrong_numbers(object: &Value, fields: &[&str]) -> Vec<Cause> {
    let negative = fields.iter().filter_map(|field| {
        let number = object::at(object, field)?.as_i64()?;
        let detail = "must be greater than or equal to 0";
        (number < 0).then(|| Cause::invalid(*field, number, detail))
    });
    negative.collect()
}

/// Returns true if a label selector as an object selects what has these labels.
fn selects(selector: &Value, labels: Option<&Value>) -> bool {
    let label = |key: &str| labels?.get(key)?.as_str();
    let matched = selector.get("matchLabels").and_then(Value::as_object);
    let mut matched = matched.into_iter().flatten();
    let mut expressions = object::list_at(selector, "matchExpressions").iter();
    matched.all(|(key, value)| label(key) == value.as_str())
        && expressions.all(|expression| {
            let actual = label(object::text(expression, &["key"]));
            let mut values = object::texts(expression.get("values"));
            match object::text(expression, &["operator"]) {
                "In" => actual.is_some_and(|actual| values.any(|value| value == actual)),
                "NotIn" => actual.is_none_or(|actual| values.all(|value| value != actual)),
                "Exists" => actual.is_some(),
                "DoesNotExist" => actual.is_none(),
                _ => false,
            }
        })
}

fn is_empty(part: &Value) -> bool {
    match part {
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selector_as_an_object_selects() {
        let labels = json!({"a": "b", "c": "d"});
        for (selector, expected) in [
            (json!({}), true),
            (json!({"matchLabels": {"a": "b"}}), true),
            (json!({"matchLabels": {"a": "x"}}), false),
            (json!({"matchLabels": {"x": "b"}}), false),
            (expression("In", &["b", "x"]), true),
            (expression("In", &["x"]), false),
            (expression("NotIn", &["x"]), true),
            (expression("NotIn", &["b"]), false),
            (expression("Exists", &[]), true),
            (expression("DoesNotExist", &[]), false),
        ] {
            assert_eq!(selects(&selector, Some(&labels)), expected, "{selector}");
        }
        assert!(!selects(&json!({"matchLabels": {"a": "b"}}), None));
        assert!(selects(&expression("NotIn", &["b"]), None));
    }

    fn expression(operator: &str, values: &[&str]) -> Value {
        json!({"matchExpressions": [{"key": "a", "operator": operator, "values": values}]})
    }
}
