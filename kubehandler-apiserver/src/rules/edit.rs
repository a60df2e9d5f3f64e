//! The small changes that the garbage collector makes to objects.

use serde_json::Value;

use crate::object;

/// A small change of an object's metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    /// The object no longer belongs to the owners of these uids.
    DropOwners(Vec<String>),
    /// The object's owners need not wait for it.
    UnblockOwners,
    /// This finalizer is done.
    RemoveFinalizer(&'static str),
}

impl Edit {
    /// Returns the changed object, or `None` if there is nothing to change.
    pub(crate) fn apply(&self, object: &Value) -> Option<Value> {
        let (field, list) = match self {
            Self::DropOwners(uids) => ("ownerReferences", kept_owners(object, uids)),
            Self::UnblockOwners => ("ownerReferences", unblocked(object)),
            Self::RemoveFinalizer(name) => {
                let kept = object::finalizers(object).filter(|finalizer| finalizer != name);
                ("finalizers", kept.map(Value::from).collect())
            }
        };
        let mut edited = object.clone();
        object::set_meta(&mut edited, field, Value::Array(list));
        (edited != *object).then_some(edited)
    }
}

fn owners(object: &Value) -> &[Value] {
    let owners = object::meta(object, "ownerReferences").and_then(Value::as_array);
    owners.map(Vec::as_slice).unwrap_or_default()
}

fn kept_owners(object: &Value, uids: &[String]) -> Vec<Value> {
    let is_dropped = |owner: &Value| uids.iter().any(|uid| object::text(owner, &["uid"]) == uid);
    owners(object)
        .iter()
        .filter(|owner| !is_dropped(owner))
        .cloned()
        .collect()
}

fn unblocked(object: &Value) -> Vec<Value> {
    let mut owners = owners(object).to_vec();
    for owner in &mut owners {
        if owner.get("blockOwnerDeletion") == Some(&Value::Bool(true)) {
            object::set_field(owner, "blockOwnerDeletion", Some(Value::Bool(false)));
        }
    }
    owners
}
