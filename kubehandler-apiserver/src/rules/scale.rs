//! The subresource `scale`: a number of replicas, whatever the kind.
//!
//! Source: the `ScaleREST`s below `k8s.io/kubernetes/pkg/registry`, and that of custom resources.

use serde_json::{Map, Value, json};

use super::{
    Body, Part, Updated, Write,
    decode::{self, Expected},
    labels,
    patch::{self, Patch},
};
use crate::{
    failure::{Cause, Failure},
    group::{GroupResource, GroupVersion},
    kinds::{self, ScalePaths, strategy::PLAIN},
    managed::{FieldManager, Parent, Types},
    merge::FieldSet,
    object,
    schema::{self, Schema, TypeRef},
};

const API_VERSION: &str = "autoscaling/v1";
const KIND: &str = "Scale";

/// The one type of a `Scale`, whatever it is of.
struct Scales;

impl Types for Scales {
    fn of(&self, api_version: &str) -> Option<(&Schema, TypeRef)> {
        (api_version == API_VERSION)
            .then(|| schema::builtin::of(GroupVersion::new("autoscaling", "v1"), KIND))
            .flatten()
    }

    fn empty(&self, _: &str) -> Value {
        schema::builtin::zero(GroupVersion::new("autoscaling", "v1"), KIND)
    }
}

impl Write<'_> {
    /// Returns the `Scale` of an object.
    pub(crate) fn scale(&self, object: &Value) -> Result<Value, Failure> {
        let paths = self.scale_paths()?;
        let replicas = object::at(object, &paths.spec).and_then(Value::as_i64);
        let replicas = match replicas {
            Some(replicas) => replicas,
            None if self.resource.rules.is_custom => {
                let why = format!(
                    "the spec replicas field {:?} does not exist",
                    format!(".{}", paths.spec)
                );
                return Err(Failure::internal(&why));
            }
            // What the real server fills in.
            None => 1,
        };
        Ok(scale_of(object, paths, replicas))
    }

    /// Returns what a PUT of a `Scale` makes of its object.
    pub(crate) fn replace_scale(
        &self,
        old: Option<&Value>,
        body: Body<'_>,
    ) -> Result<Updated, Failure> {
        let Body { value, bytes } = body;
        let mut scale = decode::decode(value, &self.expected_scale(), &bytes)
            .and_then(|scale| {
                decode::check_integer(&scale, "spec", "replicas", "ScaleSpec").map(|()| scale)
            })
            .map_err(|wrong| wrong.of_body(KIND, &bytes))?;
        self.place(&mut scale)?;
        self.check_name(&scale)?;
        let old = old.ok_or_else(|| self.not_found())?;
        self.check_uid(&scale, object::uid(old))?;
        let live = self.managed_scale(old)?;
        self.with_scale_manager(|it| it.update(Some(&live), &mut scale, self.writer.name));
        self.update_scale(old, &scale)
    }

    /// Returns what a PATCH of a `Scale` makes of its object.
    pub(crate) fn patch_scale(
        &self,
        old: Option<&Value>,
        patch: &Patch,
    ) -> Result<Updated, Failure> {
        let old = old.ok_or_else(|| self.not_found())?;
        let live = self.managed_scale(old)?;
        let mut scale = self.decode_scale(patch.apply(&live)?)?;
        self.check_patched_uid(old, &scale)?;
        self.with_scale_manager(|it| it.update(Some(&live), &mut scale, self.writer.name));
        self.update_scale(old, &scale)
    }

    /// Returns what a server-side apply of a `Scale` makes of its object.
    pub(crate) fn apply_scale(
        &self,
        old: Option<&Value>,
        config: &Value,
        is_forced: bool,
    ) -> Result<Updated, Failure> {
        let old = old.ok_or_else(|| self.not_found())?;
        let live = self.managed_scale(old)?;
        let applied = self.with_scale_manager(|manager| {
            manager.apply(Some(&live), config, self.writer.name, is_forced)
        })?;
        let scale = self.decode_scale(applied)?;
        self.check_patched_uid(old, &scale)?;
        self.update_scale(old, &scale)
    }

    /// Reads what a patch of a `Scale` led to.
    fn decode_scale(&self, patched: Value) -> Result<Value, Failure> {
        let shown = patched.clone();
        let mut scale = patch::decode_patched(patched, &self.expected_scale())?;
        decode::check_integer(&scale, "spec", "replicas", "ScaleSpec")
            .map_err(|wrong| wrong.of_patch(&shown))?;
        self.place(&mut scale)?;
        self.check_name(&scale)?;
        Ok(scale)
    }

    /// Returns the `Scale` of an object, with who manages the number.
    fn managed_scale(&self, object: &Value) -> Result<Value, Failure> {
        let scale = self.scale(object);
        let mut scale = scale.or_else(|failure| self.unset_scale(object).ok_or(failure))?;
        let entries = self.with_parent(object, |parent| parent.scale_entries())?;
        object::set_meta(&mut scale, "managedFields", entries);
        Ok(scale)
    }

    fn with_parent<T>(
        &self,
        object: &Value,
        ask: impl FnOnce(Parent<'_>) -> T,
    ) -> Result<T, Failure> {
        let replicas: Vec<&str> = self.scale_paths()?.spec.split('.').collect();
        let versions = self.resource.versions.iter();
        let versions: Vec<String> = versions
            .map(|version| kinds::api_version(self.resource, version))
            .collect();
        Ok(ask(Parent {
            object,
            api_version: &self.api_version(),
            versions: &versions,
            replicas: &replicas,
        }))
    }

    fn with_scale_manager<T>(&self, act: impl FnOnce(&FieldManager<'_>) -> T) -> T {
        act(&FieldManager {
            types: &Scales,
            api_version: API_VERSION,
            kind: KIND,
            subresource: "scale",
            reset: &FieldSet::default(),
            now: self.now,
            is_tracking: self.writer.is_tracked,
        })
    }

    fn update_scale(&self, old: &Value, scale: &Value) -> Result<Updated, Failure> {
        let paths = self.scale_paths()?;
        let replicas = object::field(scale, &["spec", "replicas"]).and_then(Value::as_i64);
        let replicas = replicas.unwrap_or_default();
        if replicas < 0 && !self.resource.rules.is_custom {
            let detail = "must be greater than or equal to 0";
            let cause = Cause::invalid("spec.replicas", replicas, detail);
            let kind = GroupResource::new("autoscaling", KIND);
            return Err(Failure::invalid(kind, self.name, vec![cause]));
        }
        let mut new = old.clone();
        object::set_at(&mut new, &paths.spec, Value::from(replicas));
        let entries = self.with_parent(old, |parent| parent.entries(scale))?;
        object::set_meta(&mut new, "managedFields", entries);
        if !object::resource_version(scale).is_empty() {
            object::copy_meta(&mut new, "resourceVersion", scale);
        }
        Write {
            part: Part::Main,
            ..*self
        }
        .update(old, new)
    }

    /// A custom object without a number can get one.
    fn unset_scale(&self, object: &Value) -> Option<Value> {
        let mut scale = scale_of(object, self.scale_paths().ok()?, 0);
        object::set_field(&mut scale, "spec", Some(json!({})));
        Some(scale)
    }

    fn check_patched_uid(&self, old: &Value, scale: &Value) -> Result<(), Failure> {
        let (asked, actual) = (object::uid(scale), object::uid(old));
        if self.resource.rules.is_custom || asked.is_empty() || asked == actual {
            return Ok(());
        }
        let resource = format!("{}/scale", self.resource.plural);
        let why = format!(
            "Precondition failed: UID in precondition: {asked}, UID in object meta: {actual}"
        );
        let of = GroupResource::new(&self.resource.group, &resource);
        Err(Failure::conflict(of, self.name, &why))
    }

    fn scale_paths(&self) -> Result<&ScalePaths, Failure> {
        self.resource
            .rules
            .scale
            .as_ref()
            .ok_or_else(Failure::no_such_resource)
    }

    fn expected_scale(&self) -> Expected<'_> {
        Expected {
            api_version: API_VERSION.to_owned(),
            kind: KIND,
            is_custom: false,
            strategy: &PLAIN,
            schema: None,
            is_applied: false,
            is_known: self.is_known,
            checks: self.checks,
        }
    }
}

fn scale_of(object: &Value, paths: &ScalePaths, replicas: i64) -> Value {
    let mut metadata = Map::new();
    for name in [
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "creationTimestamp",
    ] {
        if let Some(value) = object::meta(object, name) {
            metadata.insert(name.to_owned(), value.clone());
        }
    }
    let mut spec = Map::new();
    if replicas != 0 {
        spec.insert("replicas".to_owned(), Value::from(replicas));
    }
    let present = object::at(object, &paths.status)
        .and_then(Value::as_i64)
        .unwrap_or_default();
    let mut status = json!({ "replicas": present });
    let selector = object::at(object, &paths.selector)
        .map(labels::selector_text)
        .unwrap_or_default();
    if !selector.is_empty() {
        status["selector"] = Value::from(selector);
    }
    json!({
        "kind": KIND,
        "apiVersion": API_VERSION,
        "metadata": metadata,
        "spec": spec,
        "status": status,
    })
}
