//! Who manages which fields: written down with every write, and asked by a server-side apply.
//!
//! Source: `k8s.io/apiserver/pkg/endpoints/handlers/{create,update,patch}.go`, and
//! `…/handlers/fieldmanager/equality.go`.

use serde_json::{Map, Value};

use super::{Part, Updated, Write, decode::Expected, patch::decode_patched};
use crate::{
    failure::Failure,
    kinds::{self, Resource, strategy::StatusMetadata, strategy_of},
    managed::{FieldManager, Types},
    merge::FieldSet,
    object,
    schema::{self, Schema, TypeRef},
};

/// Who writes, and whether that is written down.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Writer<'a> {
    /// The name of the manager.
    pub(crate) name: &'a str,
    /// It is written down from the first write on, and not only from the first apply on.
    pub(crate) is_tracked: bool,
}

impl Types for Resource {
    fn of(&self, api_version: &str) -> Option<(&Schema, TypeRef)> {
        let mut versions = self.versions.iter();
        let version = versions.find(|version| kinds::api_version(self, version) == api_version)?;
        if self.rules.is_custom {
            let types = version.types.as_deref();
            return Some(match types {
                Some(types) => types.object(),
                None => schema::deduced(),
            });
        }
        schema::builtin::of(self.group_version(version), &version.kind)
    }

    fn empty(&self, api_version: &str) -> Value {
        let version = api_version.rsplit('/').next().unwrap_or_default();
        match self.version(version) {
            Some(version) if !self.rules.is_custom => {
                schema::builtin::zero(self.group_version(version), &version.kind)
            }
            _ => Value::Object(Map::new()),
        }
    }
}

impl Write<'_> {
    /// Writes down in the new object what changes in it.
    pub(crate) fn manage(&self, live: Option<&Value>, new: &mut Value) {
        self.with_manager(|manager| manager.update(live, new, self.writer.name));
    }

    /// Returns what a server-side apply makes of the object that is there, if there is one.
    pub(crate) fn apply(
        &self,
        old: Option<&Value>,
        config: &Value,
        is_forced: bool,
    ) -> Result<Updated, Failure> {
        if old.is_none() && self.part != Part::Main {
            return Err(self.not_found());
        }
        let applied =
            self.with_manager(|manager| manager.apply(old, config, self.writer.name, is_forced))?;
        let expected = Expected {
            is_applied: true,
            ..self.expected()
        };
        let mut new = decode_patched(applied, &expected)?;
        let uid = object::uid(&new);
        if old.is_none() && !uid.is_empty() {
            let why = format!(
                "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            );
            return Err(Failure::conflict(
                self.resource.group_resource(),
                self.name,
                &why,
            ));
        }
        self.place(&mut new)?;
        self.check_name(&new)?;
        let Some(old) = old else {
            self.admit(&new)?;
            return self.begin(new).map(Updated::Create);
        };
        self.update(old, new)
    }

    fn with_manager<T>(&self, act: impl FnOnce(&FieldManager<'_>) -> T) -> T {
        let api_version = self.api_version();
        act(&FieldManager {
            types: self.resource,
            api_version: &api_version,
            kind: &self.version.kind,
            subresource: match self.part {
                Part::Main => "",
                Part::Status => "status",
                Part::Finalize => "finalize",
            },
            reset: &self.reset(),
            now: self.now,
            is_tracking: self.writer.is_tracked,
        })
    }

    /// Returns the fields that the endpoint ignores in every write.
    fn reset(&self) -> FieldSet {
        let mut reset = FieldSet::default();
        match self.part {
            Part::Main if !self.has_subresource("status") => {}
            Part::Main | Part::Finalize => reset.insert_fields(&["status"]),
            Part::Status => {
                reset.insert_fields(&["spec"]);
                match strategy_of(self.resource).status_metadata() {
                    StatusMetadata::Kept => reset.insert_fields(&["metadata"]),
                    StatusMetadata::Except(fields) => {
                        for field in fields {
                            reset.insert_fields(&["metadata", field]);
                        }
                    }
                }
            }
        }
        reset
    }
}

/// Takes back the new times of managers if nothing else has changed: time alone is no change.
pub(super) fn keep_times(old: &Value, new: &mut Value) {
    let entries = |object: &Value| object::meta(object, "managedFields").map(without_times);
    if entries(old) == entries(new) {
        let mut timed = new.clone();
        object::copy_meta(&mut timed, "managedFields", old);
        if timed == *old {
            *new = timed;
        }
    }
}

fn without_times(entries: &Value) -> Value {
    let mut entries = entries.clone();
    for entry in entries.as_array_mut().into_iter().flatten() {
        object::set_field(entry, "time", None);
    }
    entries
}
