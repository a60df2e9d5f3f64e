//! Where rules are evaluated, and what was there before an update.
//!
//! Source: `pkg/cel/common/equality.go` of `k8s.io/apiserver`, and KEP-4008.

use serde_json::Value;

use crate::structural::{Old, Structural};

/// Where a value is, and what was there before.
#[derive(Clone, Copy)]
pub(super) struct RulePlace<'a> {
    pub(super) path: &'a str,
    /// The old value, for rules that speak of it.
    pub(super) old: Option<&'a Value>,
    /// The old value, to tell what has changed.
    pub(super) correlated: Option<Old<'a>>,
    /// The innermost value around this one that has an old value, with it.
    pub(super) parent: Option<(&'a Value, Old<'a>)>,
}

impl<'a> RulePlace<'a> {
    pub(super) fn is_unchanged(&self, value: &Value) -> bool {
        match self.correlated {
            Some(old) => is_unchanged(value, old),
            None => self
                .parent
                .is_some_and(|(value, old)| is_unchanged(value, old)),
        }
    }

    pub(super) fn field<'b>(self, path: &'b str, around: &'b Value, name: &str) -> RulePlace<'b>
    where
        'a: 'b,
    {
        let old = self.old.and_then(|old| old.as_object()?.get(name));
        let is_type = self.parent.is_none() && ["apiVersion", "kind"].contains(&name);
        let (correlated, parent) = match self.correlated {
            None => (None, self.parent),
            Some(_) if is_type => (None, None),
            Some(here) => (here.field(name), Some((around, here))),
        };
        RulePlace {
            path,
            old,
            correlated,
            parent,
        }
    }

    pub(super) fn item<'b>(
        self,
        path: &'b str,
        around: &'b Value,
        item: &Value,
        schema: &'b Structural,
    ) -> RulePlace<'b>
    where
        'a: 'b,
    {
        let old = self.old.map(|value| Old { value, schema });
        let (correlated, parent) = match self.correlated {
            None => (None, self.parent),
            Some(here) => (here.item(item), Some((around, here))),
        };
        RulePlace {
            path,
            old: old.and_then(|old| old.item(item)).map(|old| old.value),
            correlated,
            parent,
        }
    }
}

/// Returns true if a value is what it was. The order of a map list does not count.
fn is_unchanged(value: &Value, old: Old<'_>) -> bool {
    match (value, old.value) {
        (Value::Object(new), Value::Object(before)) => {
            new.len() == before.len()
                && new.iter().all(|(name, value)| match old.field(name) {
                    Some(old) => is_unchanged(value, old),
                    None => false, // A field without a schema counts as changed.
                })
        }
        (Value::Array(new), Value::Array(before))
            if old.schema.extensions.list_type.as_deref() == Some("map") =>
        {
            new.len() == before.len()
                && new
                    .iter()
                    .all(|item| old.item(item).is_some_and(|old| is_unchanged(item, old)))
        }
        (new, before) => new == before,
    }
}
