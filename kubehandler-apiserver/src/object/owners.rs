//! The objects that an object belongs to.

use serde_json::Value;

use super::meta;

/// One entry of `metadata.ownerReferences`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OwnerReference<'a> {
    pub(crate) api_version: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) name: &'a str,
    pub(crate) uid: &'a str,
    /// The owner is in charge of the object.
    pub(crate) is_controller: bool,
    /// A delete of the owner in the foreground waits for the object.
    pub(crate) blocks_owner_deletion: bool,
}

/// Returns the owners that the object names.
pub(crate) fn owner_references(object: &Value) -> impl Iterator<Item = OwnerReference<'_>> {
    let owners = meta(object, "ownerReferences").and_then(Value::as_array);
    owners.into_iter().flatten().map(|owner| {
        let text = |name| owner.get(name).and_then(Value::as_str).unwrap_or_default();
        let flag = |name| owner.get(name).and_then(Value::as_bool).unwrap_or_default();
        OwnerReference {
            api_version: text("apiVersion"),
            kind: text("kind"),
            name: text("name"),
            uid: text("uid"),
            is_controller: flag("controller"),
            blocks_owner_deletion: flag("blockOwnerDeletion"),
        }
    })
}
