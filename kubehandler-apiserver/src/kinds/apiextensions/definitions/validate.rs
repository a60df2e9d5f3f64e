//! What is wrong with a definition, in the words of the real server.
//!
//! Source: `k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation`.

use serde_json::Value;

use super::{
    is_true, versions,
    versions::{wrong_shared, wrong_version},
};
use crate::{
    failure::Cause,
    kinds::{NameRule, name_errors},
    object,
};

const IMMUTABLE: &str = "field is immutable";
const APPROVAL: &str = "api-approved.kubernetes.io";

/// Returns what is wrong with a new definition.
pub(crate) fn wrong(definition: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let (name, plural) = (
        object::name(definition),
        text(definition, &["names", "plural"]),
    );
    let group = text(definition, &["group"]);
    if !name.is_empty() && name != format!("{plural}.{group}") {
        let detail = "must be spec.names.plural+\".\"+spec.group";
        causes.push(Cause::invalid("metadata.name", name, detail));
    }
    causes.extend(wrong_spec(definition));
    causes.extend(wrong_stored_versions(definition));
    causes.extend(wrong_approval(definition));
    if object::field(definition, &["spec", "preserveUnknownFields"]) == Some(&Value::Bool(true)) {
        let detail = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in \
                      spec.versions[*].schema instead";
        causes.push(Cause::invalid("spec.preserveUnknownFields", true, detail));
    }
    causes
}

/// Returns what is wrong with the change of a definition.
pub(crate) fn wrong_changes(old: &Value, new: &Value) -> Vec<Cause> {
    let mut causes = wrong_spec(new);
    let fixed: &[&[&str]] = if is_true(old, "Established") {
        &[
            &["scope"],
            &["names", "kind"],
            &["group"],
            &["names", "plural"],
        ]
    } else {
        &[&["group"], &["names", "plural"]]
    };
    for path in fixed {
        if text(old, path) != text(new, path) {
            let field = format!("spec.{}", path.join("."));
            causes.push(Cause::invalid(field, text(new, path), IMMUTABLE));
        }
    }
    causes.extend(wrong_stored_versions(new));
    causes
}

fn text<'a>(definition: &'a Value, path: &[&str]) -> &'a str {
    let spec = definition.get("spec").unwrap_or(&Value::Null);
    object::text(spec, path)
}

fn wrong_spec(definition: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    causes.extend(wrong_group(text(definition, &["group"])));
    causes.extend(one_of(
        "spec.scope",
        text(definition, &["scope"]),
        &["Cluster", "Namespaced"],
    ));
    causes.extend(wrong_versions(definition));
    causes.extend(wrong_names(definition));
    causes.extend(wrong_shared(definition));
    causes.extend(one_of(
        "spec.conversion.strategy",
        text(definition, &["conversion", "strategy"]),
        &["None", "Webhook"],
    ));
    causes
}

fn wrong_group(group: &str) -> Option<Cause> {
    const FIELD: &str = "spec.group";
    if group.is_empty() {
        return Some(Cause::required(FIELD, ""));
    }
    let errors = name_errors(NameRule::Subdomain, group, false);
    if !errors.is_empty() {
        return Some(Cause::invalid(FIELD, group, &errors.join(",")));
    }
    let detail = "should be a domain with at least one dot";
    (!group.contains('.')).then(|| Cause::invalid(FIELD, group, detail))
}

fn one_of(field: &str, value: &str, known: &[&str]) -> Option<Cause> {
    if value.is_empty() {
        return Some(Cause::required(field, ""));
    }
    (!known.contains(&value)).then(|| Cause::not_supported(field, value, known))
}

fn wrong_versions(definition: &Value) -> Vec<Cause> {
    const FIELD: &str = "spec.versions";
    let versions = versions(definition);
    let mut causes = Vec::new();
    for (index, version) in versions.iter().enumerate() {
        if !version["schema"]["openAPIV3Schema"].is_object() {
            let field = format!("{FIELD}[{index}].schema.openAPIV3Schema");
            causes.push(Cause::required(field, ""));
        }
    }
    for (index, version) in versions.iter().enumerate() {
        let field = format!("{FIELD}[{index}]");
        let name = object::text(version, &["name"]);
        causes.extend(wrong_label(&format!("{field}.name"), name));
        causes.extend(wrong_version(definition, version, &field));
    }
    let shown = object::field(definition, &["spec", "versions"]).cloned();
    let shown = shown.unwrap_or_default();
    let mut names: Vec<_> = versions
        .iter()
        .map(|version| object::text(version, &["name"]))
        .collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        let detail = "must contain unique version names";
        causes.push(Cause::invalid(FIELD, shown.clone(), detail));
    }
    let stored = versions.iter().filter(|version| version["storage"] == true);
    if stored.count() != 1 {
        let detail = "must have exactly one version marked as storage version";
        causes.push(Cause::invalid(FIELD, shown, detail));
    }
    causes
}

/// Returns what is wrong with the paths of `scale`.
pub(super) fn wrong_scale(subresources: &Value, field: &str) -> Vec<Cause> {
    let Some(scale) = subresources.get("scale") else {
        return Vec::new();
    };
    let mut causes = Vec::new();
    for (name, roots, detail) in [
        (
            "specReplicasPath",
            &[".spec."][..],
            "should be a json path under .spec",
        ),
        (
            "statusReplicasPath",
            &[".status."],
            "should be a json path under .status",
        ),
        (
            "labelSelectorPath",
            &[".spec.", ".status."],
            "should be a json path under either .spec or .status",
        ),
    ] {
        let (path, field) = (
            object::text(scale, &[name]),
            format!("{field}.scale.{name}"),
        );
        if path.is_empty() {
            if name != "labelSelectorPath" {
                causes.push(Cause::required(field, ""));
            }
        } else if !path.starts_with('.') {
            let detail = "must be a simple json path starting with .";
            causes.push(Cause::invalid(field, path, detail));
        } else if !roots.iter().any(|root| path.starts_with(root)) {
            causes.push(Cause::invalid(field, path, detail));
        }
    }
    causes
}

fn wrong_names(definition: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let name = |name| text(definition, &["names", name]);
    let field = |name| format!("spec.names.{name}");
    for required in ["plural", "singular", "kind", "listKind"] {
        if name(required).is_empty() {
            causes.push(Cause::required(field(required), ""));
        }
    }
    for resource in ["plural", "singular"]
        .into_iter()
        .filter(|of| !name(of).is_empty())
    {
        causes.extend(wrong_label(&field(resource), name(resource)));
    }
    for kind in ["kind", "listKind"]
        .into_iter()
        .filter(|of| !name(of).is_empty())
    {
        let errors = name_errors(NameRule::Label1035, &name(kind).to_lowercase(), false);
        if !errors.is_empty() {
            let errors = errors.join(",");
            let detail = format!("may have mixed case, but should otherwise match: {errors}");
            causes.push(Cause::invalid(field(kind), name(kind), &detail));
        }
    }
    causes.extend(wrong_list(definition, "shortNames"));
    if !name("kind").is_empty() && name("kind") == name("listKind") {
        let detail = "kind and listKind may not be the same";
        causes.push(Cause::invalid(field("listKind"), name("listKind"), detail));
    }
    causes.extend(wrong_list(definition, "categories"));
    causes
}

fn wrong_list(definition: &Value, name: &str) -> Vec<Cause> {
    let names = object::texts(object::field(definition, &["spec", "names", name])).enumerate();
    let wrong =
        names.filter_map(|(index, text)| wrong_label(&format!("spec.names.{name}[{index}]"), text));
    wrong.collect()
}

fn wrong_label(field: &str, name: &str) -> Option<Cause> {
    let errors = name_errors(NameRule::Label1035, name, false);
    (!errors.is_empty()).then(|| Cause::invalid(field, name, &errors.join(",")))
}

fn wrong_stored_versions(definition: &Value) -> Vec<Cause> {
    const FIELD: &str = "status.storedVersions";
    let shown = object::field(definition, &["status", "storedVersions"]);
    let stored: Vec<_> = object::texts(shown).collect();
    if stored.is_empty() {
        // The real server's empty list is none.
        let detail = "must have at least one stored version";
        return vec![Cause::invalid(FIELD, Value::Null, detail)];
    }
    let is_there = |name: &str| {
        versions(definition)
            .iter()
            .any(|version| version["name"] == name)
    };
    let missing = stored
        .iter()
        .enumerate()
        .filter(|(_, name)| !is_there(name));
    let causes = missing.map(|(index, name)| {
        let detail = format!(
            "missing from spec.versions; {name} was previously a storage version, and must remain \
             in spec.versions until a storage migration ensures no data remains persisted in {name} \
             and removes {name} from status.storedVersions"
        );
        Cause::invalid(format!("{FIELD}[{index}]"), *name, &detail)
    });
    causes.collect()
}

/// A definition in a group of Kubernetes must name the pull request that approved it.
fn wrong_approval(definition: &Value) -> Option<Cause> {
    let group = text(definition, &["group"]);
    let is_protected = ["k8s.io", "kubernetes.io"].into_iter().any(|domain| {
        group
            .strip_suffix(domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    });
    let is_said =
        object::meta(definition, "annotations").is_some_and(|all| all[APPROVAL].is_string());
    let detail = format!(
        "protected groups must have approval annotation {APPROVAL:?}, see \
         https://github.com/kubernetes/enhancements/pull/1111"
    );
    let field = format!("metadata.annotations[{APPROVAL}]");
    (is_protected && !is_said).then(|| Cause::required(field, &detail))
}
