//! What becomes of an object that is written again.
//!
//! Source: `k8s.io/apiserver/pkg/registry/rest/update.go` and `…/generic/registry/store.go`.

use serde_json::{Value, json};

use super::{
    Body, Part, Updated, Write, create, pods,
    strategy::{self, StatusMetadata},
};
use crate::{
    definitions,
    failure::{Cause, Failure},
    object,
};

impl Write<'_> {
    /// Returns what a PUT makes of the object that is there, if there is one.
    pub(crate) fn replace(&self, old: Option<&Value>, body: Body<'_>) -> Result<Updated, Failure> {
        let mut object = self.decode(body)?;
        self.place(&mut object)?;
        self.check_name(&object)?;
        let Some(old) = old else {
            return self.create_by_update(object);
        };
        self.check_uid(&object, object::uid(old))?;
        self.update(old, object)
    }

    fn create_by_update(&self, object: Value) -> Result<Updated, Failure> {
        if !self.resource.rules.creates_on_update || self.part != Part::Main {
            return Err(self.not_found());
        }
        self.check_uid(&object, "")?;
        self.admit(&object)?;
        self.begin(object).map(Updated::Create)
    }

    /// Returns what becomes of the object when it is written as `new`, whose kind, namespace and
    /// name are known to be right.
    pub(crate) fn update(&self, old: &Value, mut new: Value) -> Result<Updated, Failure> {
        self.check_resource_version(old, &mut new)?;
        let mut new = self.prepared(old, new);
        keep_system_fields(old, &mut new);
        self.validate_changed(old, &new, self.wrong_change(old, &new))?;
        if self.is_released(old, &new) {
            Ok(Updated::Remove(new))
        } else if is_same(old, &new) {
            Ok(Updated::Unchanged)
        } else {
            Ok(Updated::Put(new))
        }
    }

    pub(crate) fn not_found(&self) -> Failure {
        Failure::not_found(&self.resource.group, &self.resource.plural, self.name)
    }

    /// Fails unless the object has the name of the URL.
    pub(crate) fn check_name(&self, object: &Value) -> Result<(), Failure> {
        let (actual, expected) = (object::name(object), self.name);
        if actual.is_empty() {
            let why = "was undeterminable: name must be provided";
            let message = format!("the name of the object ({expected} based on URL) {why}");
            return Err(Failure::bad_request(message));
        }
        if actual != expected {
            return Err(Failure::bad_request(format!(
                "the name of the object ({actual}) does not match the name on the URL ({expected})"
            )));
        }
        Ok(())
    }

    /// The uid that a PUT names is a precondition.
    pub(crate) fn check_uid(&self, object: &Value, actual: &str) -> Result<(), Failure> {
        let asked = object::uid(object);
        if asked.is_empty() || asked == actual {
            return Ok(());
        }
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: {}, ResourceVersion: 0, AdditionalErrorMsg: \
             Precondition failed: UID in precondition: {asked}, UID in object meta: {actual}",
            self.storage_key()
        );
        Err(Failure::conflict(
            &self.resource.group,
            &self.resource.plural,
            self.name,
            &why,
        ))
    }

    /// Returns where the real server has the object in etcd.
    fn storage_key(&self) -> String {
        let resource = self.resource;
        let place = match (&*resource.group, &*resource.plural) {
            ("", "endpoints") => "services/endpoints".to_owned(),
            ("", "nodes") => "minions".to_owned(),
            ("", "replicationcontrollers") => "controllers".to_owned(),
            ("", "services") => "services/specs".to_owned(),
            ("networking.k8s.io", "ingresses") => "ingress".to_owned(),
            (group @ ("apiextensions.k8s.io" | "apiregistration.k8s.io"), plural) => {
                format!("{group}/{plural}")
            }
            (group, plural) if resource.rules.is_custom => format!("{group}/{plural}"),
            (_, plural) => plural.to_owned(),
        };
        let namespace = self
            .namespace
            .map(|namespace| format!("{namespace}/"))
            .unwrap_or_default();
        format!("/registry/{place}/{namespace}{}", self.name)
    }

    /// Fails unless the update is of the version that is there; then it has that version.
    fn check_resource_version(&self, old: &Value, new: &mut Value) -> Result<(), Failure> {
        let (group, plural) = (&self.resource.group, &self.resource.plural);
        let asked = parse_version(object::resource_version(new))?;
        if asked == 0 {
            if !self.resource.rules.updates_unconditionally {
                let detail = "must be specified for an update";
                let cause = Cause::invalid("metadata.resourceVersion", 0, detail);
                return Err(Failure::invalid(group, plural, self.name, vec![cause]));
            }
        } else if asked != parse_version(object::resource_version(old))? {
            return Err(Failure::modified(group, plural, self.name));
        }
        object::copy_meta(new, "resourceVersion", old);
        Ok(())
    }

    /// Returns the new object with what this write must not change as it was.
    fn prepared(&self, old: &Value, mut new: Value) -> Value {
        if !self.resource.rules.is_custom {
            object::set_field(
                &mut new,
                "apiVersion",
                Some(Value::from(self.api_version())),
            );
            object::set_field(&mut new, "kind", Some(Value::from(&*self.version.kind)));
        }
        match self.part {
            Part::Status => return self.prepared_status(old, &new),
            Part::Finalize => object::set_field(&mut new, "status", old.get("status").cloned()),
            Part::Main => self.prepare_main(old, &mut new),
        }
        if self.is_namespaces() {
            create::label_with_name(&mut new);
        }
        object::copy_meta(&mut new, "generation", old);
        if self.part == Part::Main && self.resource.rules.has_generation && self.counts(old, &new) {
            object::set_meta(
                &mut new,
                "generation",
                Value::from(object::generation(old).saturating_add(1)),
            );
        }
        new
    }

    fn prepare_main(&self, old: &Value, new: &mut Value) {
        if self.has_subresource("status") {
            object::set_field(new, "status", old.get("status").cloned());
        }
        if definitions::are(self.resource) {
            definitions::complete(new);
            definitions::remember_stored(new);
        }
        if self.is_namespaces() {
            let finalizers = object::field(old, &["spec", "finalizers"]).cloned();
            let spec = object::fields_of(new, "spec");
            match finalizers {
                Some(finalizers) => spec.insert("finalizers".to_owned(), finalizers),
                None => spec.remove("finalizers"),
            };
        }
        let is_secret = self.resource.group.is_empty() && self.resource.plural == "secrets";
        if is_secret && object::text(new, &["type"]).is_empty() {
            object::set_field(new, "type", old.get("type").cloned());
        }
    }

    fn prepared_status(&self, old: &Value, new: &Value) -> Value {
        let mut object = old.clone();
        let taken = if self.resource.rules.is_custom {
            &["status"][..] // What else the request says is not even looked at.
        } else {
            &["apiVersion", "kind", "status"]
        };
        for name in taken {
            object::set_field(&mut object, name, new.get(name).cloned());
        }
        if let StatusMetadata::Except(kept) = strategy::of(self.resource).status_metadata {
            object::set_field(&mut object, "metadata", new.get("metadata").cloned());
            for name in kept.iter().chain(&["generation"]) {
                object::copy_meta(&mut object, name, old);
            }
        }
        if self.is_pods() {
            object::set_meta(&mut object, "deletionTimestamp", Value::Null);
            if object::text(&object, &["status", "qosClass"]).is_empty() {
                let class = object::field(old, &["status", "qosClass"]).cloned();
                if let Some(class) = class {
                    object::fields_of(&mut object, "status").insert("qosClass".to_owned(), class);
                }
            }
        }
        object
    }

    fn is_pods(&self) -> bool {
        self.resource.group.is_empty() && self.resource.plural == "pods"
    }

    /// Returns whether the generation counts the change.
    fn counts(&self, old: &Value, new: &Value) -> bool {
        if self.resource.rules.is_custom {
            return !is_same_but(old, new, &["apiVersion", "kind", "metadata"]);
        }
        let counted = strategy::of(self.resource).counted;
        counted
            .iter()
            .any(|path| object::at(old, path) != object::at(new, path))
    }

    /// Returns whether nothing holds the object any longer, whose delete has begun.
    fn is_released(&self, old: &Value, new: &Value) -> bool {
        let holds_content = self.is_namespaces()
            && object::texts(object::field(new, &["spec", "finalizers"]))
                .next()
                .is_some();
        object::is_terminating(old)
            && object::finalizers(new).next().is_none()
            && object::grace_period(old).unwrap_or_default() == 0
            && !holds_content
    }

    /// Returns what the kind has against the change.
    fn wrong_change(&self, old: &Value, new: &Value) -> Vec<Cause> {
        if self.part != Part::Main {
            return Vec::new();
        }
        if definitions::are(self.resource) {
            return definitions::wrong_changes(old, new);
        }
        match (&*self.resource.group, &*self.resource.plural) {
            ("", "pods") => pods::wrong_change(old, new).into_iter().collect(),
            ("", "configmaps") => frozen(old, new, &["data", "binaryData"]),
            ("", "secrets") => {
                let mut causes = immutable(old, new, "type");
                causes.extend(frozen(old, new, &["data"]));
                causes
            }
            ("apps", "daemonsets" | "deployments" | "replicasets" | "statefulsets") => {
                immutable(old, new, "spec.selector")
            }
            ("rbac.authorization.k8s.io", "clusterrolebindings" | "rolebindings") => {
                wrong_role(old, new).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }
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

/// Sets what an update can neither change nor remove.
fn keep_system_fields(old: &Value, new: &mut Value) {
    if object::uid(new).is_empty() {
        object::copy_meta(new, "uid", old);
    }
    object::copy_meta(new, "creationTimestamp", old);
    if object::is_terminating(old) {
        object::copy_meta(new, "deletionTimestamp", old);
    }
    if object::grace_period(old).is_some() && object::grace_period(new).is_none() {
        object::copy_meta(new, "deletionGracePeriodSeconds", old);
    }
}

/// A resourceVersion that is empty or `0` asks for no version.
pub(crate) fn parse_version(version: &str) -> Result<u64, Failure> {
    if version.is_empty() {
        return Ok(0);
    }
    let is_number = version.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = version.parse().ok().filter(|_| is_number);
    parsed.ok_or_else(|| {
        let why = if is_number {
            "value out of range"
        } else {
            "invalid syntax"
        };
        Failure::unexpected(format!("strconv.ParseUint: parsing {version:?}: {why}"))
    })
}

fn immutable(old: &Value, new: &Value, path: &str) -> Vec<Cause> {
    let (before, after) = (object::at(old, path), object::at(new, path));
    if before == after {
        return Vec::new();
    }
    vec![Cause::invalid(
        path,
        after.cloned().unwrap_or_default(),
        "field is immutable",
    )]
}

/// A config map or secret can say that it will not change any more.
fn frozen(old: &Value, new: &Value, data: &[&str]) -> Vec<Cause> {
    let is_frozen = |object: &Value| object.get("immutable") == Some(&json!(true));
    if !is_frozen(old) {
        return Vec::new();
    }
    let thawed = (!is_frozen(new)).then_some("immutable");
    let changed = data
        .iter()
        .copied()
        .filter(|name| old.get(name) != new.get(name));
    let detail = "field is immutable when `immutable` is set";
    thawed
        .into_iter()
        .chain(changed)
        .map(|name| Cause::forbidden(name, detail))
        .collect()
}

/// Returns whether an update changes nothing; the version that the object was read in does not count.
fn is_same(old: &Value, new: &Value) -> bool {
    is_same_but(old, new, &["apiVersion", "kind"])
}

fn is_same_but(old: &Value, new: &Value, ignored: &[&str]) -> bool {
    let fields = |object: &Value| {
        let fields = object.as_object().into_iter().flatten();
        let counted = fields.filter(|(name, _)| !ignored.contains(&name.as_str()));
        counted
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect::<Vec<_>>()
    };
    fields(old) == fields(new)
}
