//! A label selector as text, as `scale` shows it.
//!
//! Source: `k8s.io/apimachinery/pkg/labels`.

use serde_json::Value;

/// Returns a selector as text: a `LabelSelector`, a map of labels, or text already.
pub(crate) fn selector_text(selector: &Value) -> String {
    let Some(fields) = selector.as_object() else {
        return selector.as_str().unwrap_or_default().to_owned();
    };
    let is_label_selector = fields.get("matchLabels").is_some_and(Value::is_object)
        || fields.contains_key("matchExpressions");
    let mut requirements: Vec<(String, String)> = Vec::new();
    let labels = if is_label_selector {
        fields.get("matchLabels")
    } else {
        Some(selector)
    };
    for (key, value) in labels.and_then(Value::as_object).into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        requirements.push((key.clone(), format!("{key}={value}")));
    }
    let expressions = fields.get("matchExpressions").filter(|_| is_label_selector);
    for expression in expressions.and_then(Value::as_array).into_iter().flatten() {
        let key = expression
            .get("key")
            .and_then(Value::as_str)
            .unwrap_or_default();
        requirements.push((key.to_owned(), requirement(key, expression)));
    }
    requirements.sort_by(|(one, _), (other, _)| one.cmp(other));
    let texts: Vec<_> = requirements.into_iter().map(|(_, text)| text).collect();
    texts.join(",")
}

fn requirement(key: &str, expression: &Value) -> String {
    let mut values: Vec<_> = crate::object::texts(expression.get("values")).collect();
    values.sort_unstable();
    let values = values.join(",");
    match expression.get("operator").and_then(Value::as_str) {
        Some("In") => format!("{key} in ({values})"),
        Some("NotIn") => format!("{key} notin ({values})"),
        Some("DoesNotExist") => format!("!{key}"),
        _ => key.to_owned(),
    }
}
