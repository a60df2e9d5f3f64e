//! What becomes of an object that is written again.
//!
//! Source: `k8s.io/apiserver/pkg/registry/rest/update.go` and `…/generic/registry/store.go`.

use serde_json::Value;

use super::{Body, Part, Updated, Write, manage::keep_times};
use crate::{
    failure::{Cause, Failure},
    kinds::{strategy::StatusMetadata, strategy_of},
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
        self.manage(Some(old), &mut object);
        self.update(old, object)
    }

    fn create_by_update(&self, mut object: Value) -> Result<Updated, Failure> {
        if !self.resource.rules.creates_on_update || self.part != Part::Main {
            return Err(self.not_found());
        }
        self.check_uid(&object, "")?;
        self.admit(&object)?;
        self.manage(None, &mut object);
        self.begin(object).map(Updated::Create)
    }

    /// Returns what becomes of the object when it is written as `new`, whose kind, namespace and
    /// name are known to be right.
    pub(crate) fn update(&self, old: &Value, mut new: Value) -> Result<Updated, Failure> {
        self.check_resource_version(old, &mut new)?;
        let mut new = self.prepared(old, new);
        keep_system_fields(old, &mut new);
        keep_times(old, &mut new);
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
        Failure::not_found(self.resource.group_resource(), self.name)
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
        let of = self.resource.group_resource();
        Err(Failure::conflict(of, self.name, &why))
    }

    /// Returns where the real server has the object in etcd.
    fn storage_key(&self) -> String {
        let resource = self.resource;
        let place = match strategy_of(resource).storage_path() {
            Some(path) => path.to_owned(),
            None if resource.rules.is_custom => format!("{}/{}", resource.group, resource.plural),
            None => resource.plural.to_string(),
        };
        let namespace = self
            .namespace
            .map(|namespace| format!("{namespace}/"))
            .unwrap_or_default();
        format!("/registry/{place}/{namespace}{}", self.name)
    }

    /// Fails unless the update is of the version that is there; then it has that version.
    fn check_resource_version(&self, old: &Value, new: &mut Value) -> Result<(), Failure> {
        let of = self.resource.group_resource();
        let asked = parse_version(object::resource_version(new))?;
        if asked == 0 {
            if !self.resource.rules.updates_unconditionally {
                let detail = "must be specified for an update";
                let cause = Cause::invalid("metadata.resourceVersion", 0, detail);
                return Err(Failure::invalid(of, self.name, vec![cause]));
            }
        } else if asked != parse_version(object::resource_version(old))? {
            return Err(Failure::modified(of, self.name));
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
        let strategy = strategy_of(self.resource);
        strategy.prepare_always(&mut new);
        object::copy_meta(&mut new, "generation", old);
        if self.part == Part::Main
            && self.resource.rules.has_generation
            && strategy.counts(old, &new)
        {
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
        strategy_of(self.resource).prepare_changed(old, new);
    }

    fn prepared_status(&self, old: &Value, new: &Value) -> Value {
        let strategy = strategy_of(self.resource);
        let mut object = old.clone();
        let taken = if self.resource.rules.is_custom {
            &["status"][..] // What else the request says is not even looked at.
        } else {
            &["apiVersion", "kind", "status"]
        };
        for name in taken {
            object::set_field(&mut object, name, new.get(name).cloned());
        }
        if let StatusMetadata::Except(kept) = strategy.status_metadata() {
            object::set_field(&mut object, "metadata", new.get("metadata").cloned());
            for name in kept.iter().chain(&["generation"]) {
                object::copy_meta(&mut object, name, old);
            }
        }
        object::copy_meta(&mut object, "managedFields", new);
        strategy.prepare_status(old, &mut object);
        object
    }

    /// Returns whether nothing holds the object any longer, whose delete has begun.
    fn is_released(&self, old: &Value, new: &Value) -> bool {
        object::is_terminating(old)
            && object::finalizers(new).next().is_none()
            && object::grace_period(old).unwrap_or_default() == 0
            && !strategy_of(self.resource).is_held(new)
    }

    /// Returns what the kind has against the change.
    fn wrong_change(&self, old: &Value, new: &Value) -> Vec<Cause> {
        if self.part != Part::Main {
            return Vec::new();
        }
        strategy_of(self.resource).wrong_change(old, new)
    }
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
