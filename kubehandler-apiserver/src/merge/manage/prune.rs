//! What a manager applied before and leaves out now.
//!
//! Source: `prune` in `merge/update.go` of `sigs.k8s.io/structured-merge-diff`.

use std::{borrow::Cow, collections::BTreeMap};

use super::{Managed, Managers, Updater};
use crate::merge::{
    field_set::FieldSet,
    versions::{ConvertError, Versioned},
};

impl<'a> Updater<'a> {
    /// Returns the merged object without the fields that the manager has left out and that have no other manager.
    pub(super) fn pruned<'v>(
        &self,
        merged: Versioned<'v, 'a>,
        managers: &Managers,
        last: Option<&Managed>,
    ) -> Result<Versioned<'v, 'a>, String>
    where
        'a: 'v,
    {
        let Some(last) = last.filter(|last| !last.fields.is_empty()) else {
            return Ok(merged);
        };
        let before = match self.versions.to(&merged, &last.api_version) {
            Err(ConvertError::Gone) => return Ok(merged),
            before => before.map_err(|why| {
                format!("failed to convert merged object to last applied version: {why}")
            })?,
        };
        let applied = last.fields.with_named_fields(Some(before.ty));
        let pruned = without(&before, &applied);
        let pruned = self.add_back_managed(&before, pruned, managers);
        let pruned = pruned.map_err(|why| format!("failed add back owned items: {why}"))?;
        let pruned = match self.versions.turn(pruned, before.version) {
            Err(ConvertError::Gone) => before.clone(),
            pruned => {
                let pruned = pruned.map_err(|why| {
                    format!(
                        "failed add back dangling items: failed to convert pruned object to last applied version: {why}"
                    )
                })?;
                // Only what the manager applied itself may go.
                let gone = before.named_fields().difference(&pruned.named_fields());
                without(&before, &gone.intersection(&applied))
            }
        };
        let pruned = self.versions.turn(pruned, self.version);
        let pruned = pruned.map_err(|why| why.to_string())?;
        Ok(Versioned {
            value: Cow::Owned(pruned.value.into_owned()),
            version: self.version,
            ty: pruned.ty,
        })
    }

    /// Puts back what somebody manages, in every version that has managers.
    fn add_back_managed<'v>(
        &self,
        merged: &'v Versioned<'_, 'a>,
        mut pruned: Versioned<'v, 'a>,
        managers: &'v Managers,
    ) -> Result<Versioned<'v, 'a>, String> {
        let mut by_version = BTreeMap::<&str, FieldSet>::new();
        for managed in managers.values() {
            let fields = by_version.entry(&managed.api_version).or_default();
            *fields = fields.union(&managed.fields);
        }
        // The version at hand comes first: what was pruned may be needed to convert the object.
        let first = by_version.remove_entry(merged.version);
        let mut merged = merged.clone();
        for (version, managed) in first.into_iter().chain(by_version) {
            if !self.versions.has(version) {
                continue;
            }
            merged = self.versions.turn(merged, version).map_err(|why| {
                format!("failed to convert merged object at version {version}: {why}")
            })?;
            pruned = self.versions.turn(pruned, version).map_err(|why| {
                format!("failed to convert pruned object at version {version}: {why}")
            })?;
            let kept = pruned.named_fields();
            let kept = kept.union(&managed.with_named_fields(Some(merged.ty)));
            pruned = without(&merged, &merged.named_fields().difference(&kept));
        }
        Ok(pruned)
    }
}

/// Returns the object without these fields.
fn without<'v, 'a>(object: &Versioned<'v, 'a>, fields: &FieldSet) -> Versioned<'v, 'a> {
    Versioned {
        value: Cow::Owned(object.ty.remove(&object.value, fields)),
        version: object.version,
        ty: object.ty,
    }
}
