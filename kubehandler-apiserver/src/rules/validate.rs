//! What must hold for the metadata of every object.
//!
//! Source: `k8s.io/apimachinery/pkg/api/validation/objectmeta.go`, in the same order.

use serde_json::{Value, json};

use super::Write;
use crate::{
    failure::{Cause, Failure, quoted},
    group::{GroupResource, GroupVersion},
    kinds::{NameRule, names, strategy_of},
    naming,
    object::{self, ANNOTATIONS_LIMIT, OwnerReference},
};

const NOT_EMPTY: &str = "must not be empty";

impl Write<'_> {
    /// Succeeds if a new object keeps the rules.
    pub(crate) fn validate_new(&self, object: &Value) -> Result<(), Failure> {
        let mut causes = self.wrong_kind(object);
        if causes.is_empty() {
            causes = self.wrong_metadata(object, self.resource.rules.names);
            causes.extend(self.wrong_finalizers(object));
            causes.extend(self.wrong_schema(object, None));
            causes.extend(self.wrong_scale(object));
        }
        causes.extend(self.wrong_parts(object, None));
        causes.extend(self.wrong_rules(object, None, &causes));
        causes.extend(strategy_of(self.resource).wrong_new(object));
        self.refuse(object, causes)
    }

    /// Succeeds if a changed object keeps the rules; `more` are those of its kind.
    pub(crate) fn validate_changed(
        &self,
        old: &Value,
        new: &Value,
        more: Vec<Cause>,
    ) -> Result<(), Failure> {
        let mut causes = self.wrong_metadata(new, NameRule::PathSegment);
        causes.extend(wrong_changes(old, new));
        if self.resource.rules.is_custom {
            let generic = causes.len();
            let wrong_kind = self.wrong_kind(new);
            if wrong_kind.is_empty() {
                // Asked twice on the real server too, and not merged there.
                causes.extend(wrong_changes(old, new));
                causes.extend(self.wrong_schema(new, Some(old)));
                causes.extend(self.wrong_scale(new));
            }
            causes.extend(wrong_kind);
            causes.extend(self.wrong_parts(new, Some(old)));
            causes.extend(self.wrong_rules(new, Some(old), &causes[generic..]));
        } else {
            causes.extend(self.wrong_metadata(new, self.resource.rules.names));
            causes.extend(self.wrong_finalizers(new));
            causes.extend(more);
            causes = distinct(causes);
        }
        self.refuse(new, causes)
    }

    fn refuse(&self, object: &Value, causes: Vec<Cause>) -> Result<(), Failure> {
        if causes.is_empty() {
            return Ok(());
        }
        let (group, kind) = if self.resource.rules.is_custom {
            let version = object::text(object, &["apiVersion"]);
            (
                GroupVersion::of(version).group,
                object::text(object, &["kind"]),
            )
        } else {
            (&*self.resource.group, &*self.version.kind)
        };
        Err(Failure::invalid(
            GroupResource::new(group, kind),
            object::name(object),
            causes,
        ))
    }

    /// A custom object is read whatever it says that it is; here it must be what it is.
    fn wrong_kind(&self, object: &Value) -> Vec<Cause> {
        if !self.resource.rules.is_custom {
            return Vec::new();
        }
        let expected = [
            ("kind", self.version.kind.to_string()),
            ("apiVersion", self.api_version()),
        ];
        let wrong = expected.into_iter().filter_map(|(field, expected)| {
            let actual = object::text(object, &[field]);
            let detail = format!("must be {expected}");
            (actual != expected).then(|| Cause::invalid(field, actual, &detail))
        });
        wrong.collect()
    }

    fn wrong_metadata(&self, object: &Value, names: NameRule) -> Vec<Cause> {
        let mut causes = wrong_names(object, names);
        causes.extend(self.wrong_namespace(object));
        if object::generation(object) < 0 {
            let detail = "must be greater than or equal to 0";
            causes.push(Cause::invalid(
                "metadata.generation",
                object::generation(object),
                detail,
            ));
        }
        causes.extend(wrong_labels(object));
        causes.extend(wrong_annotations(object));
        causes.extend(wrong_owners(object));
        causes.extend(wrong_finalizers(object));
        causes
    }

    fn wrong_namespace(&self, object: &Value) -> Vec<Cause> {
        const FIELD: &str = "metadata.namespace";
        let namespace = object::namespace(object);
        match (self.resource.is_namespaced, namespace.is_empty()) {
            (true, true) => vec![Cause::required(FIELD, "")],
            (true, false) => Cause::all_invalid(
                FIELD,
                namespace,
                &names::name(NameRule::Label, namespace, false),
            ),
            (false, true) => Vec::new(),
            (false, false) => vec![Cause::forbidden(FIELD, "not allowed on this type")],
        }
    }

    /// A finalizer without a domain must be one that Kubernetes knows, except where groups are added.
    fn wrong_finalizers(&self, object: &Value) -> Vec<Cause> {
        let is_exempt = self.resource.rules.is_custom
            || ["apiextensions.k8s.io", "apiregistration.k8s.io"].contains(&&*self.resource.group);
        if is_exempt {
            return Vec::new();
        }
        let is_known = |name: &str| ["kubernetes", "orphan", "foregroundDeletion"].contains(&name);
        let unknown = object::finalizers(object).enumerate();
        let unknown = unknown.filter(|(_, name)| !name.contains('/') && !is_known(name));
        let detail = "name is neither a standard finalizer name nor is it fully qualified";
        unknown
            .map(|(index, name)| {
                Cause::invalid(format!("metadata.finalizers[{index}]"), name, detail)
            })
            .collect()
    }

    /// The number that `scale` shows of a custom object must be one.
    fn wrong_scale(&self, object: &Value) -> Option<Cause> {
        let rules = &self.resource.rules;
        let paths = rules.scale.as_ref().filter(|_| rules.is_custom)?;
        let replicas = object::at(object, &paths.spec)?.as_i64()?;
        let detail = "should be a non-negative integer";
        (replicas < 0).then(|| Cause::invalid(format!(".{}", paths.spec), replicas, detail))
    }
}

fn distinct(causes: Vec<Cause>) -> Vec<Cause> {
    let mut distinct: Vec<Cause> = Vec::new();
    for cause in causes {
        if !distinct.contains(&cause) {
            distinct.push(cause);
        }
    }
    distinct
}

/// Returns what an update must not do to the metadata.
fn wrong_changes(old: &Value, new: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if object::is_terminating(old) {
        causes.extend(new_finalizers(old, new));
    }
    for name in [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ] {
        let (before, after) = (object::meta(old, name), object::meta(new, name));
        if before != after {
            let value = after.cloned().unwrap_or_default();
            causes.push(Cause::invalid(
                format!("metadata.{name}"),
                value,
                "field is immutable",
            ));
        }
    }
    causes.extend(wrong_labels(new));
    causes.extend(wrong_annotations(new));
    causes.extend(wrong_owners(new));
    causes
}

fn new_finalizers(old: &Value, new: &Value) -> Option<Cause> {
    let mut added: Vec<_> = object::finalizers(new)
        .filter(|name| !object::has_finalizer(old, name))
        .map(quoted)
        .collect();
    added.sort_unstable();
    added.dedup();
    let detail = format!(
        "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
        added.join(", ")
    );
    (!added.is_empty()).then(|| Cause::forbidden("metadata.finalizers", &detail))
}

fn wrong_names(object: &Value, rule: NameRule) -> Vec<Cause> {
    let prefix = object::meta_text(object, "generateName");
    let mut causes = Vec::new();
    if !prefix.is_empty() {
        causes = Cause::all_invalid(
            "metadata.generateName",
            prefix,
            &names::name(rule, prefix, true),
        );
    }
    let name = object::name(object);
    if name.is_empty() {
        causes.push(Cause::required(
            "metadata.name",
            "name or generateName is required",
        ));
    } else {
        causes.extend(Cause::all_invalid(
            "metadata.name",
            name,
            &names::name(rule, name, false),
        ));
    }
    causes
}

fn wrong_labels(object: &Value) -> Vec<Cause> {
    const FIELD: &str = "metadata.labels";
    let mut causes = Vec::new();
    for (key, value) in text_entries(object, "labels") {
        causes.extend(Cause::all_invalid(FIELD, key, &naming::key_errors(key)));
        causes.extend(Cause::all_invalid(
            FIELD,
            value,
            &naming::value_errors(value),
        ));
    }
    causes
}

fn wrong_annotations(object: &Value) -> Vec<Cause> {
    const FIELD: &str = "metadata.annotations";
    let mut causes = Vec::new();
    for (key, _) in text_entries(object, "annotations") {
        causes.extend(Cause::all_invalid(
            FIELD,
            key,
            &naming::key_errors(&key.to_lowercase()),
        ));
    }
    if object::annotations_size(object) > ANNOTATIONS_LIMIT {
        causes.push(Cause::too_long(FIELD, ANNOTATIONS_LIMIT));
    }
    causes
}

fn wrong_owners(object: &Value) -> Vec<Cause> {
    const FIELD: &str = "metadata.ownerReferences";
    let (mut causes, mut controller) = (Vec::new(), None);
    for (index, owner) in object::owner_references(object).enumerate() {
        causes.extend(wrong_owner(
            &format!("{FIELD}[{index}]"),
            owner,
            object,
            index,
        ));
        if owner.is_controller {
            let found = format!("{}/{}", owner.kind, owner.name);
            if let Some(first) = &controller {
                let detail = format!(
                    "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {found}"
                );
                let owners = object::meta(object, "ownerReferences")
                    .cloned()
                    .unwrap_or_default();
                causes.push(Cause::invalid(FIELD, owners, &detail));
            } else {
                controller = Some(found);
            }
        }
    }
    causes
}

fn wrong_owner(field: &str, owner: OwnerReference<'_>, object: &Value, index: usize) -> Vec<Cause> {
    let mut causes = Vec::new();
    let version = format!("{field}.apiVersion");
    if owner.api_version.is_empty() {
        causes.push(Cause::required(version, NOT_EMPTY));
    } else if owner.api_version.matches('/').count() > 1 || owner.api_version.ends_with('/') {
        let detail = "must be <group>/<version> or <version>";
        causes.push(Cause::invalid(version, owner.api_version, detail));
    }
    for (name, value) in [
        ("kind", owner.kind),
        ("name", owner.name),
        ("uid", owner.uid),
    ] {
        if value.is_empty() {
            causes.push(Cause::required(format!("{field}.{name}"), NOT_EMPTY));
        }
    }
    if (owner.api_version, owner.kind) == ("v1", "Event") {
        let value = object::meta(object, "ownerReferences")
            .map_or(json!({}), |owners| owners[index].clone());
        causes.push(Cause::invalid(
            field,
            value,
            "/v1, Kind=Event is disallowed from being an owner",
        ));
    }
    causes
}

fn wrong_finalizers(object: &Value) -> Vec<Cause> {
    const FIELD: &str = "metadata.finalizers";
    let mut causes = Vec::new();
    for name in object::finalizers(object) {
        causes.extend(Cause::all_invalid(FIELD, name, &naming::key_errors(name)));
    }
    if object::has_finalizer(object, "orphan")
        && object::has_finalizer(object, "foregroundDeletion")
    {
        let all = object::meta(object, "finalizers")
            .cloned()
            .unwrap_or_default();
        let detail = "finalizer orphan and foregroundDeletion cannot be both set";
        causes.push(Cause::invalid(FIELD, all, detail));
    }
    causes
}

fn text_entries<'a>(object: &'a Value, name: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let entries = object::meta(object, name).and_then(Value::as_object);
    let entries = entries.into_iter().flatten();
    entries.map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()))
}
