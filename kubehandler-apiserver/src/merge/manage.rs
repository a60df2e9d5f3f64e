//! What a write does to an object and to those who manage its fields.
//!
//! Source: `merge/update.go` of `sigs.k8s.io/structured-merge-diff`, and KEP-555.

mod prune;

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::Value;

use super::{
    conflict::{Conflict, Conflicts},
    field_set::FieldSet,
    filter::Filter,
    object_type::ObjectType,
    typed::{Comparison, Duplicates, TypeErrors},
    values::equal,
    versions::{ConvertError, Versioned, Versions},
};

/// What one manager has of an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Managed {
    pub(crate) fields: FieldSet,
    /// The version that the fields are of.
    pub(crate) api_version: String,
    /// The manager applies objects: what it leaves out is removed.
    pub(crate) is_applied: bool,
}

/// Who manages what, by a text that tells managers apart.
pub(crate) type Managers = BTreeMap<String, Managed>;

/// What an apply leads to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Applied {
    /// The object; `None` if it stays as it is.
    pub(crate) object: Option<Value>,
    pub(crate) managers: Managers,
}

/// Why a write is refused.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum MergeError {
    /// Others manage what the apply would change.
    Conflicts(Conflicts),
    /// The object that is there is not of its type.
    Live(TypeErrors),
    /// The object as it is to be is not of its type.
    New(TypeErrors),
    /// What is applied is not of its type.
    Config(TypeErrors),
    /// For people.
    Failed(String),
}

/// The writes to objects of one kind, in one version.
#[derive(Clone, Copy)]
pub(crate) struct Updater<'a> {
    pub(crate) versions: Versions<'a>,
    /// The version of the objects at hand.
    pub(crate) version: &'a str,
    /// Which fields count, by version; all of them in a version without a filter.
    pub(crate) filters: &'a BTreeMap<String, Filter>,
}

impl<'a> Updater<'a> {
    /// Returns who manages what, once a manager has replaced the live object by a new one.
    ///
    /// The live object is `null` if there is none.
    pub(crate) fn update(
        &self,
        live: &Value,
        new: &Value,
        managers: Managers,
        manager: &str,
    ) -> Result<Managers, MergeError> {
        let live = self.checked(live, Duplicates::Allowed, MergeError::Live)?;
        let new = self.checked(new, Duplicates::Allowed, MergeError::New)?;
        let mut managers = self.reconciled(&live, managers)?;
        let changes = self.change(&live, &new, &mut managers, manager, true)?;
        let previous = managers.remove(manager);
        let previous = previous.map_or_else(FieldSet::default, |managed| managed.fields);
        let fields = previous
            .difference(&changes.removed)
            .union(&changes.modified)
            .union(&changes.added);
        let fields = self.filtered(fields);
        if !fields.is_empty() {
            managers.insert(manager.to_owned(), self.managed(fields, false));
        }
        Ok(managers)
    }

    /// Returns what an apply makes of the live object, which is `null` if there is none.
    ///
    /// What the manager applied before and leaves out now is removed, unless others manage it. A change
    /// of what others manage is a conflict; if the apply is forced, they lose it instead.
    pub(crate) fn apply(
        &self,
        live: &Value,
        config: &Value,
        managers: Managers,
        manager: &str,
        is_forced: bool,
    ) -> Result<Applied, MergeError> {
        let live = self.checked(live, Duplicates::Allowed, MergeError::Live)?;
        let config = self.checked(config, Duplicates::Refused, MergeError::Config)?;
        let mut managers = self.reconciled(&live, managers)?;
        let merged = live.ty.merge(&live.value, &config.value);
        let merged = merged.map_err(failed("failed to merge config"))?;
        let fields = self.filtered(config.ty.field_set(&config.value));
        let last = managers.insert(manager.to_owned(), self.managed(fields, true));
        let merged = self.at_hand(Cow::Owned(merged), live.ty);
        let new = self.pruned(merged, &managers, last.as_ref());
        let new = new.map_err(failed("failed to prune fields"))?;
        self.change(&live, &new, &mut managers, manager, is_forced)?;
        let is_same = equal(&live.value, &new.value);
        Ok(Applied {
            object: (!is_same).then(|| new.value.into_owned()),
            managers,
        })
    }

    /// Returns the fields that `applied` sets and that the live object has as they are there.
    pub(crate) fn unchanged(&self, applied: &Value, live: &Value) -> Result<FieldSet, MergeError> {
        let applied = self.checked(applied, Duplicates::Refused, MergeError::Config)?;
        let live = self.checked(live, Duplicates::Refused, MergeError::Live)?;
        let changes = compare(&applied, &live)?;
        let fields = applied.ty.field_set(&applied.value);
        Ok(fields
            .difference(&changes.modified)
            .difference(&changes.added)
            .difference(&changes.removed))
    }

    fn checked<'v>(
        &self,
        value: &'v Value,
        duplicates: Duplicates,
        refused: fn(TypeErrors) -> MergeError,
    ) -> Result<Versioned<'v, 'a>, MergeError>
    where
        'a: 'v,
    {
        let ty = (self.versions.type_of)(self.version)
            .ok_or_else(|| MergeError::Failed(format!("no version {}", self.version)))?;
        ty.validate(value, duplicates).map_err(refused)?;
        Ok(self.at_hand(Cow::Borrowed(value), ty))
    }

    fn at_hand<'v>(&self, value: Cow<'v, Value>, ty: ObjectType<'a>) -> Versioned<'v, 'a>
    where
        'a: 'v,
    {
        Versioned {
            value,
            version: self.version,
            ty,
        }
    }

    fn managed(&self, fields: FieldSet, is_applied: bool) -> Managed {
        Managed {
            fields,
            api_version: self.version.to_owned(),
            is_applied,
        }
    }

    fn filtered(&self, fields: FieldSet) -> FieldSet {
        match self.filters.get(self.version) {
            Some(filter) => filter.filter(&fields),
            None => fields,
        }
    }

    /// Returns the managers with their fields as the schema has them now, without those of versions
    /// that are gone.
    fn reconciled(
        &self,
        live: &Versioned<'_, 'a>,
        managers: Managers,
    ) -> Result<Managers, MergeError> {
        let mut kept = Managers::new();
        for (manager, mut managed) in managers {
            let object = match self.versions.to(live, &managed.api_version) {
                Err(ConvertError::Gone) => continue,
                object => object.map_err(|why| MergeError::Failed(why.to_string()))?,
            };
            let reconciled = object.ty.reconcile(&managed.fields);
            if let Some(fields) = reconciled.map_err(MergeError::Failed)? {
                managed.fields = fields;
            }
            kept.insert(manager, managed);
        }
        Ok(kept)
    }

    /// Takes what changes from all others who manage it, and returns what changes.
    fn change(
        &self,
        live: &Versioned<'_, 'a>,
        new: &Versioned<'_, 'a>,
        managers: &mut Managers,
        manager: &str,
        is_forced: bool,
    ) -> Result<Comparison, MergeError> {
        let own = self.changes_that_count(live, new)?;
        let mut by_version = BTreeMap::from([(self.version.to_owned(), Some(own))]);
        let mut conflicts = Vec::new();
        let others = managers.iter_mut().filter(|(other, _)| *other != manager);
        for (other, managed) in others {
            let version = &managed.api_version;
            if !by_version.contains_key(version) {
                let changes = self.changes_in(live, new, version)?;
                by_version.insert(version.clone(), changes);
            }
            let Some(changes) = &by_version[version] else {
                // Nobody manages fields of a version that is gone.
                managed.fields = FieldSet::default();
                continue;
            };
            if changes.is_same() {
                continue;
            }
            let written = changes.modified.union(&changes.added);
            let lost = managed.fields.intersection(&written);
            conflicts.extend(lost.paths().into_iter().map(|path| Conflict {
                manager: other.clone(),
                path,
            }));
            let left = managed.fields.difference(&lost);
            managed.fields = left.difference(&changes.removed);
        }
        if !is_forced && !conflicts.is_empty() {
            return Err(MergeError::Conflicts(Conflicts(conflicts)));
        }
        managers.retain(|_, managed| !managed.fields.is_empty());
        let own = by_version.remove(self.version).flatten();
        Ok(own.unwrap_or_default())
    }

    /// Returns what changes in another version; `None` if there is no such version.
    fn changes_in(
        &self,
        live: &Versioned<'_, 'a>,
        new: &Versioned<'_, 'a>,
        version: &str,
    ) -> Result<Option<Comparison>, MergeError> {
        let live = match self.versions.to(live, version) {
            Err(ConvertError::Gone) => return Ok(None),
            live => live.map_err(failed("failed to convert old object"))?,
        };
        let new = match self.versions.to(new, version) {
            Err(ConvertError::Gone) => return Ok(None),
            new => new.map_err(failed("failed to convert new object"))?,
        };
        self.changes_that_count(&live, &new).map(Some)
    }

    fn changes_that_count(
        &self,
        live: &Versioned<'_, '_>,
        new: &Versioned<'_, '_>,
    ) -> Result<Comparison, MergeError> {
        let changes = compare(live, new)?;
        Ok(match self.filters.get(live.version) {
            None => changes,
            Some(filter) => Comparison {
                removed: filter.filter(&changes.removed),
                modified: filter.filter(&changes.modified),
                added: filter.filter(&changes.added),
            },
        })
    }
}

fn compare(live: &Versioned<'_, '_>, new: &Versioned<'_, '_>) -> Result<Comparison, MergeError> {
    let changes = live.ty.compare(&live.value, &new.value);
    changes.map_err(failed("failed to compare objects"))
}

/// Says what failed, before why it did.
fn failed<E: ToString>(what: &'static str) -> impl FnOnce(E) -> MergeError {
    move |why| MergeError::Failed(format!("{what}: {}", why.to_string()))
}
