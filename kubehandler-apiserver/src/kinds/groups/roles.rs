//! Roles: each rule is of resources, or of URLs.
//!
//! Source: `ValidatePolicyRule` in `k8s.io/kubernetes/pkg/apis/rbac/validation`.

use serde_json::{Value, json};

use crate::{failure::Cause, object};

pub(super) fn wrong(role: &Value) -> Vec<Cause> {
    let is_namespaced = object::text(role, &["kind"]) == "Role";
    let rules = object::list_at(role, "rules").iter().enumerate();
    rules
        .flat_map(|(index, rule)| wrong_rule(&format!("rules[{index}]"), rule, is_namespaced))
        .collect()
}

fn wrong_rule(path: &str, rule: &Value, is_namespaced: bool) -> Vec<Cause> {
    let list = |name: &str| rule.get(name).and_then(Value::as_array);
    let has = |name: &str| list(name).is_some_and(|list| !list.is_empty());
    let mut causes = Vec::new();
    if has("nonResourceURLs") {
        let urls = || json!(list("nonResourceURLs"));
        let field = format!("{path}.nonResourceURLs");
        if is_namespaced {
            let detail = "namespaced rules cannot apply to non-resource URLs";
            causes.push(Cause::invalid(field.clone(), urls(), detail));
        }
        if has("apiGroups") || has("resources") || has("resourceNames") {
            let detail = "rules cannot apply to both regular resources and non-resource URLs";
            causes.push(Cause::invalid(field, urls(), detail));
        }
    } else {
        for (name, what) in [("apiGroups", "api group"), ("resources", "resource")] {
            if !has(name) {
                let detail = format!("resource rules must supply at least one {what}");
                causes.push(Cause::required(format!("{path}.{name}"), &detail));
            }
        }
    }
    if !has("verbs") {
        causes.push(Cause::required(format!("{path}.verbs"), ""));
    }
    causes
}
