//! The garbage collector: what becomes of objects whose owners go.
//!
//! It decides, and the storage acts: after each change it tells the collector with
//! [`Collector::observe`], then does what [`Collector::next`] says until there is nothing more.
//! What an action changes is observed like any change. The work is linear in the dependents of the
//! objects that change, as long as the storage finds dependents by an index.
//!
//! Source: `k8s.io/kubernetes/pkg/controller/garbagecollector`.

use std::{
    borrow::Cow,
    collections::{HashSet, VecDeque},
};

use serde_json::Value;

use super::Edit;
use crate::{
    group::GroupResource,
    object::{self, OwnerReference},
    wire::options::{DeleteOptions, Preconditions, Propagation},
};

const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";

/// Where an object is, whatever its uid.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ObjectId {
    pub(crate) group: String,
    pub(crate) plural: String,
    /// Empty if the resource is in no namespace.
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl ObjectId {
    /// Returns the resource that it is of.
    pub(crate) fn group_resource(&self) -> GroupResource<'_> {
        GroupResource::new(&self.group, &self.plural)
    }
}

/// The resource that an owner reference means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnerKind {
    pub(crate) group: String,
    pub(crate) plural: String,
    pub(crate) is_namespaced: bool,
}

/// What the collector asks the storage.
pub(crate) trait World {
    /// Returns the resource of a kind; `None` if the server does not know it.
    fn owner_kind(&self, api_version: &str, kind: &str) -> Option<OwnerKind>;

    /// Returns the object as it is now.
    fn get(&self, id: &ObjectId) -> Option<Cow<'_, Value>>;

    /// Returns the objects that name this uid as an owner's, in a fixed order.
    fn dependents(&self, uid: &str) -> Vec<ObjectId>;
}

/// A change that was committed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) id: &'a ObjectId,
    /// The object before; absent if it is new.
    pub(crate) old: Option<&'a Value>,
    /// The object now; absent if it is gone.
    pub(crate) new: Option<&'a Value>,
}

/// What the storage has to do. If the object is gone by then, it is nothing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// Delete the object, with these options.
    Delete(ObjectId, DeleteOptions),
    /// Write the object with this change, as an update of it.
    Edit(ObjectId, Edit),
}

/// What is left to decide, in the order in which it came up.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    tasks: VecDeque<Task>,
    /// Objects that a task in `tasks` looks at, so that none is there twice.
    queued: HashSet<ObjectId>,
}

#[derive(Debug)]
enum Task {
    /// Look whether the object has to go, or to be released.
    Check(ObjectId),
    /// Release the dependents of the object, then the object.
    Orphan(ObjectId),
    /// What was decided already.
    Do(Action),
}

/// What the owners of an object are up to.
#[derive(Default)]
struct Owners {
    /// Owners that are there, and stay.
    solid: usize,
    /// The uids of owners that are not there.
    absent: Vec<String>,
    /// The uids of owners that wait for their dependents to go.
    waiting: Vec<String>,
}

impl Collector {
    /// Takes note of a change.
    pub(crate) fn observe(&mut self, seen: Seen<'_>, world: &impl World) {
        match seen.new {
            Some(new) => self.observe_object(seen.id, seen.old, new, world),
            None => self.observe_removal(seen, world),
        }
        self.check_released_owners(seen, world);
    }

    /// Returns what has to be done next.
    pub(crate) fn next(&mut self, world: &impl World) -> Option<Action> {
        loop {
            let action = match self.tasks.pop_front()? {
                Task::Do(action) => Some(action),
                Task::Orphan(id) => self.orphan(&id, world),
                Task::Check(id) => {
                    self.queued.remove(&id);
                    self.check_object(&id, world)
                }
            };
            if action.is_some() {
                return action;
            }
        }
    }

    fn push_check(&mut self, id: ObjectId) {
        if self.queued.insert(id.clone()) {
            self.tasks.push_back(Task::Check(id));
        }
    }

    fn observe_object(
        &mut self,
        id: &ObjectId,
        old: Option<&Value>,
        new: &Value,
        world: &impl World,
    ) {
        if waits_with(new, ORPHAN) && !old.is_some_and(|old| waits_with(old, ORPHAN)) {
            self.tasks.push_back(Task::Orphan(id.clone()));
        }
        if is_waiting(new) && !old.is_some_and(is_waiting) {
            for dependent in world.dependents(object::uid(new)) {
                self.push_check(dependent);
            }
            self.push_check(id.clone());
        }
        let owners_changed = old.and_then(|old| object::meta(old, "ownerReferences"))
            != object::meta(new, "ownerReferences");
        if owners_changed {
            let owners = Owners::of(id, new, world);
            if owners.is_some_and(|owners| !owners.absent.is_empty() || !owners.waiting.is_empty())
            {
                self.push_check(id.clone());
            }
        }
    }

    fn observe_removal(&mut self, seen: Seen<'_>, world: &impl World) {
        let uid = seen.old.map(object::uid).unwrap_or_default();
        for dependent in world.dependents(uid) {
            self.push_check(dependent);
        }
    }

    /// An owner that waits may go on when a dependent is gone, or blocks it no longer.
    fn check_released_owners(&mut self, seen: Seen<'_>, world: &impl World) {
        let Some(old) = seen.old else {
            return;
        };
        let still_blocks = |owner: &OwnerReference<'_>| {
            let owners = seen.new.into_iter().flat_map(object::owner_references);
            owners
                .into_iter()
                .any(|new| new.uid == owner.uid && new.blocks_owner_deletion)
        };
        let blocked = object::owner_references(old).filter(|owner| owner.blocks_owner_deletion);
        for owner in blocked.filter(|owner| !still_blocks(owner)) {
            let Some(id) = owner_id(seen.id, owner, world) else {
                continue;
            };
            if world.get(&id).is_some_and(|owner| is_waiting(&owner)) {
                self.push_check(id);
            }
        }
    }

    fn orphan(&mut self, id: &ObjectId, world: &impl World) -> Option<Action> {
        let owner = world.get(id).filter(|owner| waits_with(owner, ORPHAN))?;
        let uid = object::uid(&owner);
        let release = Action::Edit(id.clone(), Edit::RemoveFinalizer(ORPHAN));
        self.tasks.push_front(Task::Do(release));
        for dependent in world.dependents(uid).into_iter().rev() {
            let drop = Action::Edit(dependent, Edit::DropOwners(vec![uid.to_owned()]));
            self.tasks.push_front(Task::Do(drop));
        }
        None
    }

    fn check_object(&mut self, id: &ObjectId, world: &impl World) -> Option<Action> {
        let object = world.get(id)?;
        if is_waiting(&object) {
            return self.check_waiting(id, &object, world);
        }
        if object::is_terminating(&object) {
            return None;
        }
        let owners = Owners::of(id, &object, world)?;
        if owners.solid > 0 {
            let gone: Vec<_> = owners.absent.into_iter().chain(owners.waiting).collect();
            return (!gone.is_empty()).then(|| Action::Edit(id.clone(), Edit::DropOwners(gone)));
        }
        if owners.absent.is_empty() && owners.waiting.is_empty() {
            return None;
        }
        let dependents = world.dependents(object::uid(&object));
        if owners.waiting.is_empty() || dependents.is_empty() {
            return Some(delete(id, &object, own_propagation(&object)));
        }
        let action = delete(id, &object, Propagation::Foreground);
        // Owners in a circle would wait for each other.
        let is_circle = dependents
            .iter()
            .any(|id| world.get(id).is_some_and(|object| is_waiting(&object)));
        if is_circle && object::owner_references(&object).any(|owner| owner.blocks_owner_deletion) {
            self.tasks.push_front(Task::Do(action));
            return Some(Action::Edit(id.clone(), Edit::UnblockOwners));
        }
        Some(action)
    }

    /// An object goes when no dependent blocks it; until then, those have to.
    fn check_waiting(
        &mut self,
        id: &ObjectId,
        owner: &Value,
        world: &impl World,
    ) -> Option<Action> {
        let uid = object::uid(owner);
        let mut is_blocked = false;
        for dependent in world.dependents(uid) {
            let Some(object) = world.get(&dependent) else {
                continue;
            };
            let mut owners = object::owner_references(&object);
            if owners.any(|owner| owner.uid == uid && owner.blocks_owner_deletion) {
                is_blocked = true;
                if !object::is_terminating(&object) {
                    self.push_check(dependent);
                }
            }
        }
        (!is_blocked).then(|| Action::Edit(id.clone(), Edit::RemoveFinalizer(FOREGROUND)))
    }
}

impl Owners {
    /// Returns `None` if nothing can be said: an owner's kind is unknown, or in a namespace while the
    /// object is in none.
    fn of(id: &ObjectId, object: &Value, world: &impl World) -> Option<Self> {
        let mut owners = Self::default();
        for reference in object::owner_references(object) {
            let owner = owner_id(id, reference, world)?;
            let uid = reference.uid.to_owned();
            match world
                .get(&owner)
                .filter(|owner| object::uid(owner) == reference.uid)
            {
                None => owners.absent.push(uid),
                Some(owner) if is_waiting(&owner) => owners.waiting.push(uid),
                Some(_) => owners.solid += 1,
            }
        }
        Some(owners)
    }
}

/// Returns where the owner of an object is: in no namespace, or in the object's.
fn owner_id(id: &ObjectId, owner: OwnerReference<'_>, world: &impl World) -> Option<ObjectId> {
    let kind = world.owner_kind(owner.api_version, owner.kind)?;
    if kind.is_namespaced && id.namespace.is_empty() {
        return None;
    }
    Some(ObjectId {
        group: kind.group,
        plural: kind.plural,
        namespace: if kind.is_namespaced {
            id.namespace.clone()
        } else {
            String::new()
        },
        name: owner.name.to_owned(),
    })
}

fn waits_with(object: &Value, finalizer: &str) -> bool {
    object::is_terminating(object) && object::has_finalizer(object, finalizer)
}

/// Returns whether the object waits for its dependents to go.
fn is_waiting(object: &Value) -> bool {
    waits_with(object, FOREGROUND)
}

fn own_propagation(object: &Value) -> Propagation {
    if object::has_finalizer(object, ORPHAN) {
        Propagation::Orphan
    } else if object::has_finalizer(object, FOREGROUND) {
        Propagation::Foreground
    } else {
        Propagation::Background
    }
}

fn delete(id: &ObjectId, object: &Value, propagation: Propagation) -> Action {
    let options = DeleteOptions {
        preconditions: Preconditions {
            uid: Some(object::uid(object).to_owned()),
            resource_version: None,
        },
        propagation: Some(propagation),
        ..DeleteOptions::default()
    };
    Action::Delete(id.clone(), options)
}
