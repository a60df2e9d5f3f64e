//! What a DELETE makes of an object.
//!
//! Source: `k8s.io/apiserver/pkg/registry/rest/delete.go`, `…/generic/registry/store.go` and the
//! storage of namespaces.

use serde_json::{Value, json};

use super::Write;
use crate::{
    failure::Failure,
    group::GroupResource,
    kinds::{
        Resource,
        apiextensions::definitions,
        strategy::{Deletes, Dependents},
        strategy_of,
    },
    object,
    wire::options::{DeleteOptions, Preconditions, Propagation},
};

const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";

/// Namespaces that never go.
const IMMORTAL: [&str; 3] = ["default", "kube-public", "kube-system"];

/// What a DELETE makes of an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Deletion {
    /// It goes.
    Remove,
    /// This takes its place for watches to see, and then it goes.
    PutAndRemove(Value),
    /// This takes its place, and waits for something.
    Put(Value),
    /// It waits for something already.
    Unchanged,
}

/// How far a delete that takes time has come.
enum Grace {
    /// It takes none.
    None,
    /// It has begun, and goes on as it is.
    Pending,
    /// It begins, or is shortened; this many seconds are left.
    Seconds(i64, Value),
}

/// Returns the body of the answer to a DELETE of an object that is gone; one that waits is shown.
pub(crate) fn deleted_answer(resource: &Resource, object: &Value) -> Value {
    if strategy_of(resource).returns_deleted() {
        return object.clone();
    }
    let mut details = json!({ "name": object::name(object) });
    if !resource.group.is_empty() {
        details["group"] = Value::from(&*resource.group);
    }
    details["kind"] = Value::from(&*resource.plural);
    details["uid"] = Value::from(object::uid(object));
    json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    })
}

impl Write<'_> {
    /// Returns what a DELETE makes of an object.
    pub(crate) fn delete(&self, old: &Value, options: &DeleteOptions) -> Result<Deletion, Failure> {
        match strategy_of(self.resource).deletes() {
            Deletes::Namespace => self.delete_namespace(old, options),
            Deletes::Definition => self.delete_definition(old, options),
            Deletes::AtOnce | Deletes::Gracefully => {
                self.check_preconditions(old, options)?;
                Ok(self.delete_generic(old, options))
            }
        }
    }

    fn delete_generic(&self, old: &Value, options: &DeleteOptions) -> Deletion {
        let (mut object, seconds) = match self.grace(old, options) {
            Grace::Pending => return Deletion::Unchanged,
            Grace::None => (old.clone(), None),
            Grace::Seconds(seconds, object) => (object, Some(seconds)),
        };
        self.set_dependents_finalizer(&mut object, options);
        let is_held = object::finalizers(&object).next().is_some();
        match seconds {
            None if !is_held => return Deletion::Remove,
            None => self.mark(&mut object),
            Some(0) if !is_held => return Deletion::PutAndRemove(object),
            Some(_) => {}
        }
        if object == *old {
            Deletion::Unchanged
        } else {
            Deletion::Put(object)
        }
    }

    fn check_preconditions(&self, old: &Value, options: &DeleteOptions) -> Result<(), Failure> {
        let kind = GroupResource::new(&self.resource.group, &self.version.kind);
        let name = object::name(old);
        let asked = &options.preconditions;
        if let Some(uid) = asked.uid.as_deref().filter(|uid| *uid != object::uid(old)) {
            return Err(Failure::uid_differs(kind, name, uid, object::uid(old)));
        }
        let actual = object::resource_version(old);
        if let Some(version) = asked
            .resource_version
            .as_deref()
            .filter(|version| *version != actual)
        {
            return Err(Failure::version_differs(kind, name, version, actual));
        }
        Ok(())
    }

    /// Only pods take time to go: their containers have to stop.
    fn grace(&self, old: &Value, options: &DeleteOptions) -> Grace {
        if strategy_of(self.resource).deletes() != Deletes::Gracefully {
            return Grace::None;
        }
        let at_least_one = |seconds: i64| if seconds < 0 { 1 } else { seconds };
        let asked = options.grace_period_seconds.map(at_least_one);
        if object::is_terminating(old) {
            return match object::grace_period(old).map(at_least_one) {
                None | Some(0) => Grace::None,
                Some(left) => match asked.filter(|asked| *asked < left) {
                    None => Grace::Pending,
                    Some(asked) => self.shortened(old, left, asked),
                },
            };
        }
        let own =
            object::field(old, &["spec", "terminationGracePeriodSeconds"]).and_then(Value::as_i64);
        // The real server fills in 30 seconds where a pod does not say.
        let wanted = asked.unwrap_or_else(|| at_least_one(own.unwrap_or(30)));
        let has_ended = matches!(
            object::text(old, &["status", "phase"]),
            "Failed" | "Succeeded"
        );
        let is_scheduled = !object::text(old, &["spec", "nodeName"]).is_empty();
        let seconds = if is_scheduled && !has_ended {
            wanted
        } else {
            0
        };
        let mut object = old.clone();
        set_deletion(&mut object, &object::shifted(self.now, seconds), seconds);
        raise_generation(&mut object);
        Grace::Seconds(seconds, object)
    }

    fn shortened(&self, old: &Value, left: i64, asked: i64) -> Grace {
        let mut seconds = asked;
        let mut time = object::shifted(object::meta_text(old, "deletionTimestamp"), asked - left);
        if object::is_after(self.now, &time) {
            self.now.clone_into(&mut time);
            seconds = seconds.min(1);
        }
        let mut object = old.clone();
        set_deletion(&mut object, &time, seconds);
        Grace::Seconds(asked, object)
    }

    /// Marks an object as one that goes as soon as nothing holds it.
    fn mark(&self, object: &mut Value) {
        let time = object::meta_text(object, "deletionTimestamp").to_owned();
        if time.is_empty() {
            raise_generation(object);
        }
        let is_due = !time.is_empty() && !object::is_after(&time, self.now);
        set_deletion(object, if is_due { &time } else { self.now }, 0);
    }

    /// Sets the finalizer that the garbage collector acts on, and removes the other.
    fn set_dependents_finalizer(&self, object: &mut Value, options: &DeleteOptions) {
        let wanted = self.dependents_finalizer(object, options);
        let has = [ORPHAN, FOREGROUND].map(|name| object::has_finalizer(object, name));
        if has == [ORPHAN, FOREGROUND].map(|name| wanted == Some(name)) {
            return;
        }
        let kept = object::finalizers(object).filter(|name| ![ORPHAN, FOREGROUND].contains(name));
        let finalizers: Value = kept.chain(wanted).map(Value::from).collect();
        object::set_meta(object, "finalizers", finalizers);
    }

    fn dependents_finalizer(
        &self,
        object: &Value,
        options: &DeleteOptions,
    ) -> Option<&'static str> {
        let dependents = strategy_of(self.resource).dependents();
        if dependents == Dependents::Impossible {
            return None;
        }
        match options.wanted_propagation() {
            Some(Propagation::Orphan) => return Some(ORPHAN),
            Some(Propagation::Foreground) => return Some(FOREGROUND),
            Some(Propagation::Background) => return None,
            None => {}
        }
        let mut own = [ORPHAN, FOREGROUND].into_iter();
        let own = own.find(|name| object::has_finalizer(object, name));
        own.or((dependents == Dependents::Orphaned).then_some(ORPHAN))
    }

    /// A definition goes when the objects of its resource are gone.
    fn delete_definition(&self, old: &Value, options: &DeleteOptions) -> Result<Deletion, Failure> {
        self.check_early_preconditions(old, &options.preconditions, "precondition failed")?;
        if object::is_terminating(old) {
            return Ok(self.delete_generic(old, options));
        }
        Ok(Deletion::Put(definitions::end(old, self.now)))
    }

    /// Kinds that look before the store does have other words for it.
    pub(super) fn check_early_preconditions(
        &self,
        old: &Value,
        asked: &Preconditions,
        failed: &str,
    ) -> Result<(), Failure> {
        let checks = [
            ("UID", asked.uid.as_deref(), object::uid(old)),
            (
                "ResourceVersion",
                asked.resource_version.as_deref(),
                object::resource_version(old),
            ),
        ];
        for (what, asked, actual) in checks {
            if let Some(asked) = asked.filter(|asked| *asked != actual) {
                let why = format!(
                    "{failed}: {what} in precondition: {asked}, {what} in object meta: {actual}"
                );
                let of = self.resource.group_resource();
                return Err(Failure::conflict(of, object::name(old), &why));
            }
        }
        Ok(())
    }

    /// A namespace goes when its content is gone and `spec.finalizers` is empty.
    fn delete_namespace(&self, old: &Value, options: &DeleteOptions) -> Result<Deletion, Failure> {
        self.check_early_preconditions(old, &options.preconditions, "Precondition failed")?;
        let name = object::name(old);
        if IMMORTAL.contains(&name) {
            let why = "this namespace may not be deleted";
            return Err(Failure::forbidden(
                GroupResource::new("", "namespaces"),
                name,
                why,
            ));
        }
        if object::is_terminating(old) {
            return Ok(if strategy_of(self.resource).is_held(old) {
                Deletion::Unchanged
            } else {
                self.delete_generic(old, options)
            });
        }
        let mut namespace = old.clone();
        object::set_meta(&mut namespace, "deletionTimestamp", Value::from(self.now));
        object::set_at(&mut namespace, "status.phase", Value::from("Terminating"));
        self.set_dependents_finalizer(&mut namespace, options);
        Ok(Deletion::Put(namespace))
    }
}

fn set_deletion(object: &mut Value, time: &str, seconds: i64) {
    object::set_meta(object, "deletionTimestamp", Value::from(time));
    object::set_meta(object, "deletionGracePeriodSeconds", Value::from(seconds));
}

/// The beginning of a delete is a change of what is wanted.
fn raise_generation(object: &mut Value) {
    let generation = object::generation(object);
    if generation > 0 {
        object::set_meta(
            object,
            "generation",
            Value::from(generation.saturating_add(1)),
        );
    }
}
