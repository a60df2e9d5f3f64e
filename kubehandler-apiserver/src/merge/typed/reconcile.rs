//! Sets of fields from before the schema made a list or a map atomic.
//!
//! Source: `typed/reconcile_schema.go` of `sigs.k8s.io/structured-merge-diff`.

use super::TypeErrors;
use crate::merge::{
    field_set::{FieldSet, Node},
    object_type::{Atom, ObjectType},
    paths::PathElement,
};

/// What becomes of the fields at and below a step.
enum Reconciled {
    None,
    /// All is one field now.
    Atomic,
    /// The fields below are these.
    Below(FieldSet),
}

impl ObjectType<'_> {
    /// Returns the set with fields as the type has them now; `None` if it fits already.
    ///
    /// A manager of a part of what became atomic now manages all of it. Fields that were atomic and
    /// are no longer stay as they are.
    pub(crate) fn reconcile(self, set: &FieldSet) -> Result<Option<FieldSet>, String> {
        let change = self.reconcile_below(set, false);
        let change = change.map_err(|why| {
            let mut errors = TypeErrors::default();
            errors.push(why);
            format!("errors reconciling field set with schema: {errors}")
        })?;
        Ok(match change {
            Reconciled::Below(set) => Some(set),
            Reconciled::None | Reconciled::Atomic => None,
        })
    }

    fn reconcile_below(self, set: &FieldSet, is_leaf: bool) -> Result<Reconciled, String> {
        let atom = self.atom(None).ok_or_else(|| self.formless())?;
        match atom {
            Atom::Scalar(_) => Ok(Reconciled::None),
            Atom::List(list) if list.is_atomic() && !is_leaf => Ok(Reconciled::Atomic),
            Atom::List(list) => {
                let ty = |_: &PathElement| Some(list.items);
                reconcile_entries(set, &ty)
            }
            Atom::Map(map) if map.is_deduced() => Ok(Reconciled::None),
            Atom::Map(map) if map.is_atomic && !is_leaf => Ok(if set.is_empty() {
                Reconciled::None
            } else {
                Reconciled::Atomic
            }),
            Atom::Map(map) => {
                let ty = |element: &PathElement| match element {
                    PathElement::Field(name) => map.field(name),
                    _ => map.others(),
                };
                reconcile_entries(set, &ty)
            }
        }
    }
}

fn reconcile_entries<'a>(
    set: &FieldSet,
    ty: &dyn Fn(&PathElement) -> Option<ObjectType<'a>>,
) -> Result<Reconciled, String> {
    let mut changed: Option<FieldSet> = None;
    for (place, entry) in set.entries.iter().enumerate() {
        // Fields that the schema does not know stay as they are.
        let Some(ty) = ty(&entry.element) else {
            continue;
        };
        let is_leaf = entry.is_member && entry.children.is_empty();
        let (is_member, children) = match ty.reconcile_below(&entry.children, is_leaf)? {
            Reconciled::None => continue,
            Reconciled::Atomic => (true, FieldSet::default()),
            Reconciled::Below(children) => (entry.is_member, children),
        };
        let changed = changed.get_or_insert_with(|| set.clone());
        changed.entries[place] = Node {
            element: entry.element.clone(),
            is_member,
            children,
        };
    }
    Ok(changed.map_or(Reconciled::None, Reconciled::Below))
}
