//! What follows from a change, done in the same breath: definitions are served, dependents follow
//! their owners, namespaces go with what they hold.
//!
//! On a real cluster the last two are kube-controller-manager's, a moment later. Here each change is
//! noted when it is committed, and [`Cluster::settle`] does what it leads to before the lock is given
//! back, so that nothing depends on the timing of a task.

mod definitions;
mod namespaces;
#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    ops::{Deref, DerefMut},
    sync::Arc,
};

use serde_json::{Value, json};

use crate::{
    group::{GroupResource, GroupVersion},
    kinds::{Catalog, Resource, api_version},
    object,
    rules::{
        Action, Collector, Deletion, FieldChecks, NamespaceState, ObjectId, OwnerKind, Part, Seen,
        Updated, World, Write, Writer,
    },
    state::{
        State,
        storage::{Stored, key},
    },
    wire::options::DeleteOptions,
};

/// The namespaces that every cluster has.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// What was noted, and is still to be done.
#[derive(Debug, Default)]
struct Controllers {
    /// There is no garbage collection, and namespaces do not go by themselves.
    is_off: bool,
    collector: Collector,
    /// The objects that name a uid as an owner's.
    dependents: BTreeMap<String, BTreeSet<ObjectId>>,
    /// Namespaces on their way out, and whether something in them changed.
    terminating: BTreeMap<String, bool>,
    /// Definitions that changed, or whose names may be free now.
    definitions: BTreeSet<String>,
    /// Definitions on their way out.
    ending: BTreeSet<String>,
}

impl Controllers {
    fn new(is_off: bool) -> Self {
        Self {
            is_off,
            ..Self::default()
        }
    }
}

/// The state of the server, and the controllers that follow each of its changes.
#[derive(Debug)]
pub(crate) struct Cluster {
    state: State,
    controllers: Controllers,
}

impl Deref for Cluster {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for Cluster {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

impl Cluster {
    pub(crate) fn new(state: State, has_controllers: bool) -> Self {
        let mut cluster = Self {
            state,
            controllers: Controllers::new(!has_controllers),
        };
        for name in NAMESPACES {
            cluster.add_namespace(name);
        }
        cluster
    }

    fn add_namespace(&mut self, name: &str) {
        let Some(namespaces) = self
            .catalog
            .find(GroupResource::new("", "namespaces"))
            .cloned()
        else {
            return;
        };
        let namespace = json!({
            "metadata": {
                "name": name,
                "uid": self.uid(),
                "creationTimestamp": self.clock.now(),
                "labels": { "kubernetes.io/metadata.name": name },
            },
            "spec": { "finalizers": ["kubernetes"] },
            "status": { "phase": "Active" },
        });
        self.put(&namespaces, None, &namespace);
    }

    /// Creates or replaces an object.
    ///
    /// What follows from it is done by [`settle`](Self::settle).
    pub(crate) fn put(
        &mut self,
        resource: &Arc<Resource>,
        old: Option<&Value>,
        object: &Value,
    ) -> Arc<Stored> {
        let stored = self.state.store(resource, object);
        self.observe(resource, &stored, old, Some(object));
        stored
    }

    /// Removes an object; `last` is its last state.
    ///
    /// What follows from it is done by [`settle`](Self::settle).
    pub(crate) fn remove(&mut self, resource: &Arc<Resource>, last: &Value) -> Arc<Stored> {
        let stored = self.state.erase(resource, last);
        self.observe(resource, &stored, Some(last), None);
        stored
    }

    /// Notes a change that was committed.
    fn observe(
        &mut self,
        resource: &Resource,
        stored: &Stored,
        old: Option<&Value>,
        new: Option<&Value>,
    ) {
        let id = ObjectId {
            group: resource.group.to_string(),
            plural: resource.plural.to_string(),
            namespace: stored.namespace().to_owned(),
            name: stored.name().to_owned(),
        };
        self.observe_definition(resource, &id, new);
        if self.controllers.is_off {
            return;
        }
        self.observe_owners(&id, old, new);
        self.observe_namespace(resource, &id, new);
        let mut collector = std::mem::take(&mut self.controllers.collector);
        collector.observe(Seen { id: &id, old, new }, self);
        self.controllers.collector = collector;
    }

    /// Does what follows from the changes so far, until nothing does.
    pub(crate) fn settle(&mut self) {
        while self.settle_one() {}
    }

    /// Does one thing that follows; false if nothing does.
    ///
    /// It ends because a task is put back only by a change, and each change takes something away: a
    /// finalizer, an owner, an object, a name that was not accepted.
    fn settle_one(&mut self) -> bool {
        self.settle_definition() || self.collect() || self.settle_namespace()
    }

    fn observe_owners(&mut self, id: &ObjectId, old: Option<&Value>, new: Option<&Value>) {
        let dependents = &mut self.controllers.dependents;
        for owner in old.into_iter().flat_map(object::owner_references) {
            if let Some(ids) = dependents.get_mut(owner.uid) {
                ids.remove(id);
                if ids.is_empty() {
                    dependents.remove(owner.uid);
                }
            }
        }
        for owner in new.into_iter().flat_map(object::owner_references) {
            dependents
                .entry(owner.uid.to_owned())
                .or_default()
                .insert(id.clone());
        }
    }

    /// Does one thing that the garbage collector wants done.
    fn collect(&mut self) -> bool {
        let mut collector = std::mem::take(&mut self.controllers.collector);
        let action = collector.next(self);
        self.controllers.collector = collector;
        match action {
            None => return false,
            Some(Action::Delete(id, options)) => self.delete_as_controller(&id, &options),
            Some(Action::Edit(id, edit)) => {
                self.update_as_controller(&id, Part::Main, |old| edit.apply(old));
            }
        }
        true
    }

    /// Deletes an object if it is there and the options still fit.
    pub(crate) fn delete_as_controller(&mut self, id: &ObjectId, options: &DeleteOptions) {
        self.write_as_controller(id, Part::Main, |state, resource, write, old| {
            if let Ok(deletion) = write.delete(old, options) {
                state.commit_deletion(resource, old, deletion);
            }
        });
    }

    /// Changes an object if it is there.
    pub(crate) fn update_as_controller(
        &mut self,
        id: &ObjectId,
        part: Part,
        change: impl FnOnce(&Value) -> Option<Value>,
    ) {
        self.write_as_controller(id, part, |state, resource, write, old| {
            let Some(mut new) = change(old) else {
                return;
            };
            write.manage(Some(old), &mut new);
            if let Ok(updated) = write.update(old, new) {
                state.commit_update(resource, Some(old), updated);
            }
        });
    }

    fn write_as_controller(
        &mut self,
        id: &ObjectId,
        part: Part,
        act: impl FnOnce(&mut Self, &Arc<Resource>, Write<'_>, &Value),
    ) {
        let Some(resource) = self.catalog.find(id.group_resource()).cloned() else {
            return;
        };
        let table = self.table(&resource);
        let Some(stored) = self
            .storage
            .get(table, &key(&id.namespace, &id.name))
            .cloned()
        else {
            return;
        };
        let version = &resource.versions[0];
        let old = stored.to_object(&api_version(&resource, version), &version.kind);
        let now = self.clock.now();
        let checks = FieldChecks::default();
        let write = Write {
            resource: &resource,
            version,
            part,
            namespace: resource.is_namespaced.then_some(id.namespace.as_str()),
            namespace_state: NamespaceState::Active,
            name: &id.name,
            now: &now,
            writer: Writer {
                name: controller_of(&resource),
                is_tracked: false,
            },
            new_uid: "",
            is_known: Catalog::is_builtin_kind,
            checks: &checks,
        };
        act(self, &resource, write, &old);
    }

    /// Commits what a write makes of an object, and returns the object to answer with.
    pub(crate) fn commit_update(
        &mut self,
        resource: &Arc<Resource>,
        old: Option<&Value>,
        updated: Updated,
    ) -> Committed {
        match (updated, old) {
            (Updated::Unchanged, _) => Committed::Unchanged,
            (Updated::Create(object), _) => Committed::Created(self.put(resource, None, &object)),
            (Updated::Put(object), old) => Committed::Updated(self.put(resource, old, &object)),
            (Updated::Remove(object), old) => {
                self.remove(resource, old.unwrap_or(&object));
                Committed::Removed(object)
            }
        }
    }

    /// Commits what a delete makes of an object; returns true if it is gone.
    pub(crate) fn commit_deletion(
        &mut self,
        resource: &Arc<Resource>,
        old: &Value,
        deletion: Deletion,
    ) -> Deleted {
        match deletion {
            Deletion::Unchanged => Deleted::Waits(None),
            Deletion::Put(object) => Deleted::Waits(Some(self.put(resource, Some(old), &object))),
            Deletion::PutAndRemove(object) => {
                self.put(resource, Some(old), &object);
                let last = self.remove(resource, &object);
                Deleted::Gone { last, is_put: true }
            }
            Deletion::Remove => {
                let last = self.remove(resource, old);
                Deleted::Gone {
                    last,
                    is_put: false,
                }
            }
        }
    }
}

/// What became of an object that was written.
pub(crate) enum Committed {
    Unchanged,
    Created(Arc<Stored>),
    Updated(Arc<Stored>),
    /// It is gone, since nothing held it; this was it.
    Removed(Value),
}

/// What became of an object that was deleted.
pub(crate) enum Deleted {
    /// It waits; this is its new state, if that changed.
    Waits(Option<Arc<Stored>>),
    /// It is gone: its last state under the version of the delete, and whether that was marked, and
    /// put for watches to see, before.
    Gone { last: Arc<Stored>, is_put: bool },
}

impl World for Cluster {
    fn owner_kind(&self, api_version: &str, kind: &str) -> Option<OwnerKind> {
        let resource = self.catalog.by_kind(GroupVersion::of(api_version), kind)?;
        Some(OwnerKind {
            group: resource.group.to_string(),
            plural: resource.plural.to_string(),
            is_namespaced: resource.is_namespaced,
        })
    }

    fn get(&self, id: &ObjectId) -> Option<Cow<'_, Value>> {
        let resource = self.catalog.find(id.group_resource())?;
        let table = self.known_table(resource)?;
        let stored = self.storage.get(table, &key(&id.namespace, &id.name))?;
        let version = &resource.versions[0];
        let object = stored.to_object(&api_version(resource, version), &version.kind);
        Some(Cow::Owned(object))
    }

    fn dependents(&self, uid: &str) -> Vec<ObjectId> {
        let ids = self.controllers.dependents.get(uid);
        ids.into_iter().flatten().cloned().collect()
    }
}

/// Returns the name of the program whose controllers write the objects of a resource.
fn controller_of(resource: &Resource) -> &'static str {
    if is(
        resource,
        "apiextensions.k8s.io",
        "customresourcedefinitions",
    ) {
        "kube-apiserver"
    } else {
        "kube-controller-manager"
    }
}

fn is(resource: &Resource, group: &str, plural: &str) -> bool {
    resource.group == group && resource.plural == plural
}
