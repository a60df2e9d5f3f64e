//! What a kind does in its own way when it is written: one trait, and a file for each kind that needs one.
//!
//! Source: the strategies below `k8s.io/kubernetes/pkg/registry`, and what the real server answers.

use std::fmt::Debug;

use serde_json::{Value, json};

use crate::{failure::Cause, object};

/// What a kind does in its own way. The defaults are those of a kind that does nothing so.
pub(crate) trait Strategy: Debug + Sync {
    /// Reads what the kind's own fields mean: a new or changed object, before anything looks at it.
    ///
    /// # Errors
    ///
    /// Fails with a message for people if a field has the wrong type.
    fn read(&self, _object: &mut Value) -> Result<(), String> {
        Ok(())
    }

    /// Fills in the defaults of the kind's own fields, on every write, before anything looks at it.
    fn default(&self, _object: &mut Value) {}

    /// Returns the status that a new object starts with, where the kind has the subresource.
    fn first_status(&self, _object: &Value, _now: &str) -> Option<Value> {
        Some(json!({}))
    }

    /// Fills in what a new object leaves out.
    fn prepare_new(&self, _object: &mut Value) {}

    /// Fills in what a changed object leaves out, and takes back what an update must not change.
    fn prepare_changed(&self, _old: &Value, _new: &mut Value) {}

    /// Does the same for an update of the status.
    fn prepare_status(&self, _old: &Value, _new: &mut Value) {}

    /// Fills in what holds after every write but one of the status.
    fn prepare_always(&self, _object: &mut Value) {}

    /// Returns what is wrong with a new object.
    fn wrong_new(&self, _object: &Value) -> Vec<Cause> {
        Vec::new()
    }

    /// Returns what is wrong with a change.
    fn wrong_change(&self, _old: &Value, _new: &Value) -> Vec<Cause> {
        Vec::new()
    }

    /// Returns true if the generation counts the change.
    fn counts(&self, old: &Value, new: &Value) -> bool {
        old.get("spec") != new.get("spec")
    }

    /// Returns what an update of the status leaves of the metadata.
    fn status_metadata(&self) -> StatusMetadata {
        StatusMetadata::Except(&[])
    }

    /// Returns how an object goes.
    fn deletes(&self) -> Deletes {
        Deletes::AtOnce
    }

    /// Returns true if a delete answers with the object, not with a `Status`.
    fn returns_deleted(&self) -> bool {
        false
    }

    /// Returns what becomes of the dependents of an object that is deleted without a word on them.
    fn dependents(&self) -> Dependents {
        Dependents::Deleted
    }

    /// Returns a finalizer that each new object gets.
    fn finalizer(&self) -> Option<&'static str> {
        None
    }

    /// Returns true if an object whose delete has begun holds more than its finalizers.
    fn is_held(&self, _object: &Value) -> bool {
        false
    }

    /// Returns where etcd has the objects below `/registry/`, if not below the plural.
    fn storage_path(&self) -> Option<&'static str> {
        None
    }
}

/// What an update of the status leaves of the metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatusMetadata {
    /// The request's metadata, except these fields.
    Except(&'static [&'static str]),
    /// Nothing of the request's.
    Kept,
}

/// What becomes of the dependents of an object that is deleted without a word on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dependents {
    Deleted,
    Orphaned,
    /// Whatever the request says, there are none.
    Impossible,
}

/// How an object goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deletes {
    AtOnce,
    /// Its containers have to stop first.
    Gracefully,
    /// Its content goes first.
    Namespace,
    /// The objects of its resource go first.
    Definition,
}

/// A kind whose own way is all data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain {
    /// Fills in the defaults of a written object.
    pub(crate) defaults: fn(&mut Value),
    /// Returns what is wrong with an object, new or changed.
    pub(crate) wrong: fn(&Value) -> Vec<Cause>,
    /// The first status, as JSON.
    pub(crate) status: &'static str,
    /// The fields whose changes the generation counts, as dotted paths.
    pub(crate) counted: &'static [&'static str],
    /// Fields that cannot be changed, as dotted paths.
    pub(crate) immutable: &'static [&'static str],
    pub(crate) status_metadata: StatusMetadata,
    pub(crate) returns_deleted: bool,
    pub(crate) dependents: Dependents,
    pub(crate) finalizer: Option<&'static str>,
    pub(crate) storage_path: Option<&'static str>,
}

pub(crate) static PLAIN: Plain = Plain::DEFAULT;

impl Plain {
    pub(crate) const DEFAULT: Self = Self {
        defaults: |_| {},
        wrong: |_| Vec::new(),
        status: "{}",
        counted: &["spec"],
        immutable: &[],
        status_metadata: StatusMetadata::Except(&[]),
        returns_deleted: false,
        dependents: Dependents::Deleted,
        finalizer: None,
        storage_path: None,
    };
}

impl Strategy for Plain {
    fn default(&self, object: &mut Value) {
        (self.defaults)(object);
    }

    fn first_status(&self, _: &Value, _: &str) -> Option<Value> {
        serde_json::from_str(self.status).ok()
    }

    fn counts(&self, old: &Value, new: &Value) -> bool {
        let mut counted = self.counted.iter();
        counted.any(|path| object::at(old, path) != object::at(new, path))
    }

    fn wrong_change(&self, old: &Value, new: &Value) -> Vec<Cause> {
        let mut causes = (self.wrong)(new);
        let changes = self.immutable.iter();
        causes.extend(changes.filter_map(|path| immutable(old, new, path)));
        causes
    }

    fn wrong_new(&self, object: &Value) -> Vec<Cause> {
        (self.wrong)(object)
    }

    fn status_metadata(&self) -> StatusMetadata {
        self.status_metadata
    }

    fn returns_deleted(&self) -> bool {
        self.returns_deleted
    }

    fn dependents(&self) -> Dependents {
        self.dependents
    }

    fn finalizer(&self) -> Option<&'static str> {
        self.finalizer
    }

    fn storage_path(&self) -> Option<&'static str> {
        self.storage_path
    }
}

/// Returns what is wrong with a change of a field that cannot be changed.
pub(super) fn immutable(old: &Value, new: &Value, path: &str) -> Option<Cause> {
    let (before, after) = (object::at(old, path), object::at(new, path));
    let shown = || after.cloned().unwrap_or_default();
    (before != after).then(|| Cause::invalid(path, shown(), "field is immutable"))
}
