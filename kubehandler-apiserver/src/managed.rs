//! Who manages which fields of an object: `metadata.managedFields`, kept with every write.
//!
//! The merge itself is [`merge`](crate::merge)'s; here is what surrounds it: entries and their times,
//! the fields without a manager, the limit on managers, and the way from `kubectl apply` to the
//! server's.
//!
//! Source: `k8s.io/apimachinery/pkg/util/managedfields`, and KEP-555.

mod entries;
mod last_applied;
mod scale;
#[cfg(test)]
mod tests;
mod words;

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::Value;

use self::entries::{Identity, ManagedEntries};
pub(crate) use self::scale::Parent;
use crate::{
    failure::Failure,
    merge::{Conflicts, ConvertError, FieldSet, Filter, MergeError, ObjectType, Updater, Versions},
    object,
    schema::{Schema, TypeRef},
};

/// How many managers may have entries for their updates; the oldest share one beyond that.
const MAX_UPDATE_MANAGERS: usize = 10;

/// The manager that has what the oldest updates did.
const ANCIENT: &str = "ancient-changes";

/// The manager that has what was there before anybody applied.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// What the merge knows the update at hand by, until it is known whether it changed anything.
const CURRENT: &str = "current-operation";

/// The fields that never have a manager.
static UNMANAGED: LazyLock<FieldSet> = LazyLock::new(|| {
    let metadata = [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ];
    let mut fields = FieldSet::default();
    for name in ["apiVersion", "kind", "metadata"] {
        fields.insert_fields(&[name]);
    }
    for name in metadata {
        fields.insert_fields(&["metadata", name]);
    }
    fields
});

/// The types of a kind in its versions.
pub(crate) trait Types {
    /// Returns the type of the kind in a version, such as `apps/v1`; `None` if there is no such version.
    fn of(&self, api_version: &str) -> Option<(&Schema, TypeRef)>;

    /// Returns an object of the kind that has nothing yet.
    fn empty(&self, api_version: &str) -> Value;
}

/// How the fields of one endpoint's objects are managed.
#[derive(Clone, Copy)]
pub(crate) struct FieldManager<'a> {
    pub(crate) types: &'a dyn Types,
    /// The version and the kind that the endpoint takes.
    pub(crate) api_version: &'a str,
    pub(crate) kind: &'a str,
    /// Empty for the object itself.
    pub(crate) subresource: &'a str,
    /// Fields that the endpoint ignores in every write.
    pub(crate) reset: &'a FieldSet,
    /// The time as metadata shows it.
    pub(crate) now: &'a str,
    /// Who writes is written down from the first write on, and not only from the first apply on.
    pub(crate) is_tracking: bool,
}

impl FieldManager<'_> {
    /// Writes down what an update, or a create if there is no live object, changes in the new object.
    pub(crate) fn update(&self, live: Option<&Value>, new: &mut Value, manager: &str) {
        let entries = self.entries_of(live, new);
        object::set_meta(new, "managedFields", Value::Null);
        let is_tracked = !entries.is_empty() || (live.is_none() && self.is_tracking);
        if !is_tracked {
            return;
        }
        let empty = self.empty();
        let live = live.map_or(empty, without_entries);
        let identity = Identity::updating(manager, self.api_version, self.subresource);
        // What cannot be compared keeps the entries that it had.
        let updated = self.updated(&live, new, entries.clone(), &identity.key());
        let entries = updated.map_or(entries, capped);
        object::set_meta(new, "managedFields", entries.to_value());
    }

    /// Returns what an apply makes of the object; `live` is absent if there is none.
    ///
    /// The object that is returned has neither the defaults of the kind, nor has anything been checked
    /// but that its fields are those of the kind.
    pub(crate) fn apply(
        &self,
        live: Option<&Value>,
        config: &Value,
        manager: &str,
        is_forced: bool,
    ) -> Result<Value, Failure> {
        self.check_config(config)?;
        let entries = match live.and_then(|live| object::meta(live, "managedFields")) {
            None => ManagedEntries::default(),
            Some(entries) => ManagedEntries::read(entries).map_err(|why| {
                Failure::unexpected(format!("failed to decode managed fields: {why}"))
            })?,
        };
        let live = live.map_or_else(|| self.empty(), without_entries);
        let entries = self.begun(&live, entries)?;
        let mut applied = self.applied(&live, config, &entries, manager, is_forced);
        if manager == last_applied::MANAGER
            && let Err(MergeError::Conflicts(conflicts)) = &applied
        {
            let left = self.not_applied_last(&live, conflicts);
            applied = if left.0.is_empty() {
                self.applied(&live, config, &entries, manager, true)
            } else {
                Err(MergeError::Conflicts(left))
            };
        }
        let applied = applied.map_err(|error| words::refused(&error, config, &live));
        let (mut object, entries) = applied?;
        if manager == last_applied::MANAGER {
            last_applied::renew(&mut object, config);
        }
        object::set_meta(&mut object, "managedFields", entries.to_value());
        Ok(object)
    }

    fn check_config(&self, config: &Value) -> Result<(), Failure> {
        let actual = (
            object::text(config, &["apiVersion"]),
            object::text(config, &["kind"]),
        );
        if actual != (self.api_version, self.kind) {
            let why = format!("invalid object type: {}", words::kind_of(config));
            return Err(Failure::bad_request(why));
        }
        if object::meta(config, "managedFields").is_some_and(|entries| !entries.is_null()) {
            return Err(Failure::bad_request("metadata.managedFields must be nil"));
        }
        Ok(())
    }

    /// Returns an object that has nothing but its kind.
    fn empty(&self) -> Value {
        let mut empty = self.types.empty(self.api_version);
        object::set_field(&mut empty, "apiVersion", Some(self.api_version.into()));
        object::set_field(&mut empty, "kind", Some(self.kind.into()));
        empty
    }

    /// Returns the entries that an update goes on from: those that it brings, or else the live object's.
    fn entries_of(&self, live: Option<&Value>, new: &Value) -> ManagedEntries {
        let lives = || live.map_or_else(ManagedEntries::default, ManagedEntries::of);
        // What is written to a part cannot set them.
        let brought = object::meta(new, "managedFields").filter(|_| self.subresource.is_empty());
        match brought {
            None | Some(Value::Null) => lives(),
            Some(brought) if is_reset(brought) => ManagedEntries::default(),
            Some(brought) => match ManagedEntries::read(brought) {
                Ok(entries) if !entries.is_empty() => entries,
                _ => lives(),
            },
        }
    }

    /// Returns the entries that an apply starts with. If an object has none, one manager gets all its
    /// fields.
    fn begun(&self, live: &Value, entries: ManagedEntries) -> Result<ManagedEntries, Failure> {
        if !entries.is_empty() {
            return Ok(entries);
        }
        let identity = Identity::updating(BEFORE_FIRST_APPLY, self.api_version, self.subresource);
        let begun = self.updated(&self.empty(), live, entries, &identity.key());
        begun.map_err(|why| {
            Failure::unexpected(format!(
                "failed to create manager for existing fields: {why}"
            ))
        })
    }

    /// Returns the entries as an update by a manager leaves them.
    fn updated(
        &self,
        live: &Value,
        new: &Value,
        entries: ManagedEntries,
        manager: &str,
    ) -> Result<ManagedEntries, String> {
        let ManagedEntries {
            managers,
            mut times,
        } = entries;
        let updated = self.with_updater(|it| it.update(live, new, managers, CURRENT));
        let mut managers = updated.map_err(|error| words::of_update(&error))?;
        if let Some(mut current) = managers.remove(CURRENT) {
            current.fields = current.fields.difference(&UNMANAGED);
            if !current.fields.is_empty() {
                if let Some(previous) = managers.get(manager) {
                    current.fields = current.fields.union(&previous.fields);
                }
                managers.insert(manager.to_owned(), current);
                times.insert(manager.to_owned(), self.now.to_owned());
            }
        }
        Ok(ManagedEntries { managers, times })
    }

    fn applied(
        &self,
        live: &Value,
        config: &Value,
        entries: &ManagedEntries,
        manager: &str,
        is_forced: bool,
    ) -> Result<(Value, ManagedEntries), MergeError> {
        let key = Identity::applying(manager, self.subresource).key();
        let managers = entries.managers.clone();
        let merged = self.with_updater(|it| it.apply(live, config, managers, &key, is_forced))?;
        let mut entries = ManagedEntries {
            managers: merged.managers,
            times: entries.times.clone(),
        };
        if let Some(managed) = entries.managers.get_mut(&key) {
            managed.fields = managed.fields.difference(&UNMANAGED);
            if managed.fields.is_empty() {
                entries.managers.remove(&key);
            }
        }
        let object = match merged.object {
            Some(object) => {
                entries.times.insert(key, self.now.to_owned());
                object
            }
            None => live.clone(),
        };
        Ok((object, entries))
    }

    /// Returns the conflicts that are not with what `kubectl apply` wrote itself.
    fn not_applied_last(&self, live: &Value, conflicts: &Conflicts) -> Conflicts {
        let Some(allowed) = last_applied::fields(live, self) else {
            return conflicts.clone();
        };
        let left = conflicts.0.iter().filter(|it| !allowed.has(&it.path));
        Conflicts(left.cloned().collect())
    }

    fn with_updater<T>(&self, act: impl FnOnce(&Updater<'_>) -> T) -> T {
        let type_of = |version: &str| {
            let (schema, ty) = self.types.of(version)?;
            Some(ObjectType::new(schema, ty))
        };
        // Versions differ in their name alone.
        let convert = |object: &Value, version: &str| {
            if self.types.of(version).is_none() {
                return Err(ConvertError::Gone);
            }
            let mut converted = object.clone();
            object::set_field(&mut converted, "apiVersion", Some(Value::from(version)));
            Ok(converted)
        };
        let filter = Filter::Exclude(self.reset.clone());
        let filters = BTreeMap::from([(self.api_version.to_owned(), filter)]);
        act(&Updater {
            versions: Versions {
                type_of: &type_of,
                convert: &convert,
            },
            version: self.api_version,
            filters: &filters,
        })
    }
}

/// Returns the object without its entries, which are no fields that anybody manages.
fn without_entries(object: &Value) -> Value {
    let mut object = object.clone();
    object::set_meta(&mut object, "managedFields", Value::Null);
    object
}

/// Returns true for entries that ask for none.
fn is_reset(entries: &Value) -> bool {
    match entries.as_array().map(Vec::as_slice) {
        Some([]) => true,
        Some([entry]) => entry.as_object().is_some_and(serde_json::Map::is_empty),
        _ => false,
    }
}

/// Returns the entries with the oldest updates in one, if there are too many.
fn capped(mut entries: ManagedEntries) -> ManagedEntries {
    let updates = entries.managers.iter().filter(|(_, it)| !it.is_applied);
    let mut updates: Vec<String> = updates.map(|(key, _)| key.clone()).collect();
    let mut count = updates.len();
    if count <= MAX_UPDATE_MANAGERS {
        return entries;
    }
    // Times have one form, and no time is before any.
    updates.sort_by(|one, other| {
        let at = |key| entries.times.get(key);
        (at(one), one).cmp(&(at(other), other))
    });
    let mut firsts = BTreeMap::<String, String>::new();
    for key in updates {
        if count <= MAX_UPDATE_MANAGERS {
            break;
        }
        let version = entries.managers[&key].api_version.clone();
        let bucket = Identity::updating(ANCIENT, &version, "").key();
        let Some(first) = firsts.get(&version) else {
            firsts.insert(version, key);
            continue;
        };
        if !entries.managers.contains_key(&bucket)
            && let Some(managed) = entries.managers.remove(first)
        {
            entries.managers.insert(bucket.clone(), managed);
        }
        let Some(managed) = entries.managers.remove(&key) else {
            continue;
        };
        if let Some(shared) = entries.managers.get_mut(&bucket) {
            shared.fields = managed.fields.union(&shared.fields);
        }
        count -= 1;
        // It is more recent than what is there.
        match entries.times.get(&key).cloned() {
            Some(time) => entries.times.insert(bucket, time),
            None => entries.times.remove(&bucket),
        };
    }
    entries
}
