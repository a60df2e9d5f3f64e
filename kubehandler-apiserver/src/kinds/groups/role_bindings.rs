//! Bindings of roles.
//!
//! Source: `ValidateRoleBinding` in `k8s.io/kubernetes/pkg/apis/rbac/validation`.

use serde_json::{Value, json};

use crate::{
    failure::Cause,
    kinds::{
        NameRule,
        defaults::{default_text, items, part, text},
        names,
        strategy::Strategy,
    },
    object,
};

const GROUP: &str = "rbac.authorization.k8s.io";

#[derive(Debug)]
pub(super) struct RoleBindings;

impl Strategy for RoleBindings {
    fn default(&self, binding: &mut Value) {
        let fields = object::as_fields(binding);
        if let Some(role) = part(fields, "roleRef") {
            default_text(role, "apiGroup", GROUP);
        }
        for subject in items(fields, "subjects") {
            if ["Group", "User"].contains(&text(subject, "kind")) {
                default_text(subject, "apiGroup", GROUP);
            }
        }
    }

    fn wrong_change(&self, old: &Value, new: &Value) -> Vec<Cause> {
        let mut causes = self.wrong_new(new);
        causes.extend(wrong_role(old, new));
        causes
    }

    fn wrong_new(&self, binding: &Value) -> Vec<Cause> {
        let is_namespaced = object::text(binding, &["kind"]) == "RoleBinding";
        let mut causes = wrong_reference(binding, is_namespaced);
        let subjects = object::list_at(binding, "subjects").iter().enumerate();
        let (mut nameless, mut others) = (Vec::new(), Vec::new());
        for (index, subject) in subjects {
            let path = format!("subjects[{index}]");
            if object::text(subject, &["name"]).is_empty() {
                nameless.push(Cause::required(format!("{path}.name"), ""));
            }
            others.extend(wrong_subject(&path, subject, is_namespaced));
        }
        causes.extend(others);
        causes.extend(nameless); // The real server, too, has these at the end.
        causes
    }
}

/// A binding names a role, which is of the namespace or of the cluster.
fn wrong_reference(binding: &Value, is_namespaced: bool) -> Vec<Cause> {
    let of_role = |name: &str| object::text(binding, &["roleRef", name]);
    let mut causes = Vec::new();
    if ![GROUP, ""].contains(&of_role("apiGroup")) {
        let group = of_role("apiGroup");
        causes.push(Cause::not_supported("roleRef.apiGroup", group, &[GROUP]));
    }
    let kinds: &[&str] = if is_namespaced {
        &["Role", "ClusterRole"]
    } else {
        &["ClusterRole"]
    };
    let kind = of_role("kind");
    if !kinds.contains(&kind) {
        causes.push(Cause::not_supported("roleRef.kind", kind, kinds));
    }
    match of_role("name") {
        "" => causes.push(Cause::required("roleRef.name", "")),
        name => causes.extend(names::wrong_name(
            "roleRef.name",
            NameRule::PathSegment,
            name,
        )),
    }
    causes
}

fn wrong_subject(path: &str, subject: &Value, is_namespaced: bool) -> Vec<Cause> {
    let text = |name: &str| object::text(subject, &[name]);
    let (name, group) = (text("name"), text("apiGroup"));
    let mut causes = Vec::new();
    let expected = match text("kind") {
        "ServiceAccount" => {
            if !name.is_empty() {
                let field = format!("{path}.name");
                causes.extend(names::wrong_name(&field, NameRule::Subdomain, name));
            }
            ""
        }
        "Group" | "User" => GROUP,
        kind => {
            let kinds = ["ServiceAccount", "User", "Group"];
            return vec![Cause::not_supported(format!("{path}.kind"), kind, &kinds)];
        }
    };
    if group != expected {
        let field = format!("{path}.apiGroup");
        causes.push(Cause::not_supported(field, group, &[expected]));
    }
    if expected.is_empty() && !is_namespaced && text("namespace").is_empty() {
        causes.push(Cause::required(format!("{path}.namespace"), ""));
    }
    causes
}

/// A binding is for ever of one role.
fn wrong_role(old: &Value, new: &Value) -> Option<Cause> {
    let (before, after) = (old.get("roleRef"), new.get("roleRef"));
    if before == after {
        return None;
    }
    let text = |name| after.map_or("", |role| object::text(role, &[name]));
    // The real server shows it as its own types have it.
    let shown = json!({ "APIGroup": text("apiGroup"), "Kind": text("kind"), "Name": text("name") });
    Some(Cause::invalid("roleRef", shown, "field is immutable"))
}
