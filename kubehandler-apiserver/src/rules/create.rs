//! What a new object is made of.
//!
//! Source: `k8s.io/apiserver/pkg/registry/rest/create.go`.

use serde_json::Value;

use super::{Body, NamespaceState, Write};
use crate::{
    failure::{Cause, Failure},
    group::GroupResource,
    kinds::{Resource, strategy_of},
    object,
};

/// How often a name is made from `generateName` before the request fails.
pub(crate) const NAME_ATTEMPTS: usize = 8;

/// The longest beginning of a name that is made.
const MAX_GENERATED_BASE: usize = 58;

impl Write<'_> {
    /// Returns the object that a POST makes; `suffix` ends its name if `generateName` begins it.
    ///
    /// If there is one of its name already, the request fails with [`already_exists`], except that
    /// one which [`generates_name`] is made again, [`NAME_ATTEMPTS`] times in all.
    pub(crate) fn create(
        &self,
        body: Body<'_>,
        suffix: &mut dyn FnMut() -> String,
    ) -> Result<Value, Failure> {
        let (object, version) = self.make(body, suffix)?;
        // What is no number is not even looked at.
        if version.parse::<u64>().is_ok_and(|version| version != 0) {
            let why = "resourceVersion should not be set on objects to be created";
            return Err(Failure::unexpected(why));
        }
        Ok(object)
    }

    /// Returns what [`create`](Self::create) would make; nothing is stored, and a version does no harm.
    pub(crate) fn create_dry(
        &self,
        body: Body<'_>,
        suffix: &mut dyn FnMut() -> String,
    ) -> Result<Value, Failure> {
        let (mut object, version) = self.make(body, suffix)?;
        if !version.is_empty() {
            object::set_meta(&mut object, "resourceVersion", Value::from(version));
        }
        Ok(object)
    }

    /// Returns a new object, and the version that the body says it has.
    fn make(
        &self,
        body: Body<'_>,
        suffix: &mut dyn FnMut() -> String,
    ) -> Result<(Value, String), Failure> {
        let mut object = self.decode(body)?;
        self.place(&mut object)?;
        self.admit(&object)?;
        let version = object::resource_version(&object).to_owned();
        wipe(&mut object);
        self.manage(None, &mut object);
        if generates_name(&object) {
            let base = beginning(object::meta_text(&object, "generateName"));
            let name = format!("{base}{}", suffix());
            object::set_meta(&mut object, "name", Value::from(name));
        }
        Ok((self.begin(object)?, version))
    }

    /// Puts the object in the namespace of the URL; fails if it says that it is in another.
    pub(crate) fn place(&self, object: &mut Value) -> Result<(), Failure> {
        let namespace = self.namespace.unwrap_or_default();
        let actual = object::namespace(object);
        if !actual.is_empty() && !namespace.is_empty() && actual != namespace {
            let why = "the namespace of the provided object does not match the namespace sent on \
                       the request";
            return Err(Failure::bad_request(why));
        }
        let namespace = if namespace.is_empty() {
            Value::Null
        } else {
            Value::from(namespace)
        };
        object::set_meta(object, "namespace", namespace);
        Ok(())
    }

    /// Fails if the namespace takes no new objects.
    pub(crate) fn admit(&self, object: &Value) -> Result<(), Failure> {
        let Some(namespace) = self.namespace else {
            return Ok(());
        };
        match self.namespace_state {
            NamespaceState::Active => Ok(()),
            NamespaceState::Missing => Err(Failure::not_found(
                GroupResource::new("", "namespaces"),
                namespace,
            )),
            NamespaceState::Terminating => {
                let names = [
                    object::name(object),
                    object::meta_text(object, "generateName"),
                    "Unknown",
                ];
                let name = names
                    .into_iter()
                    .find(|name| !name.is_empty())
                    .unwrap_or_default();
                let why = format!(
                    "unable to create new content in namespace {namespace} because it is being terminated"
                );
                let resource = self.resource;
                let mut failure = Failure::forbidden(resource.group_resource(), name, &why);
                failure.details.get_or_insert_default().causes.push(Cause {
                    reason: "NamespaceTerminating".to_owned(),
                    message: format!("namespace {namespace} is being terminated"),
                    field: "metadata.namespace".to_owned(),
                });
                Err(failure)
            }
        }
    }

    /// Returns the object as it begins: system fields, status and generation are the server's.
    pub(crate) fn begin(&self, mut object: Value) -> Result<Value, Failure> {
        wipe(&mut object);
        object::set_meta(&mut object, "uid", Value::from(self.new_uid));
        object::set_meta(&mut object, "creationTimestamp", Value::from(self.now));
        self.prepare_new(&mut object);
        self.validate_new(&object)?;
        Ok(object)
    }

    fn prepare_new(&self, object: &mut Value) {
        let strategy = strategy_of(self.resource);
        if self.has_subresource("status") {
            let status = strategy.first_status(object, self.now);
            object::set_field(object, "status", status);
        }
        if self.resource.rules.has_generation {
            object::set_meta(object, "generation", Value::from(1));
        }
        if let Some(finalizer) = strategy
            .finalizer()
            .filter(|name| !object::has_finalizer(object, name))
        {
            let kept = object::finalizers(object).chain([finalizer]);
            let finalizers = kept.map(Value::from).collect();
            object::set_meta(object, "finalizers", finalizers);
        }
        strategy.prepare_new(object);
    }
}

/// Takes out what a new object cannot have.
fn wipe(object: &mut Value) {
    for name in [
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "resourceVersion",
    ] {
        object::set_meta(object, name, Value::Null);
    }
}

/// Returns as much of a text as can begin a name.
fn beginning(base: &str) -> &str {
    let mut end = base.len().min(MAX_GENERATED_BASE);
    while !base.is_char_boundary(end) {
        end -= 1;
    }
    &base[..end]
}

/// Returns whether the server makes the object's name.
pub(crate) fn generates_name(object: &Value) -> bool {
    object::name(object).is_empty() && !object::meta_text(object, "generateName").is_empty()
}

/// Returns what a request gets that would make an object of a name that is taken.
pub(crate) fn already_exists(resource: &Resource, object: &Value, existing: &Value) -> Failure {
    let (of, name) = (resource.group_resource(), object::name(object));
    let mut failure = if object::meta_text(object, "generateName").is_empty() {
        Failure::already_exists(of, name)
    } else {
        Failure::generate_name_exhausted(of, name)
    };
    if object::is_terminating(existing) {
        failure.message = format!("object is being deleted: {}", failure.message);
    }
    failure
}
