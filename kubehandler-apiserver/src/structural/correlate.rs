//! Finds the old value of a part of an object, so that what was wrong before is tolerated.
//!
//! Source: `k8s.io/apiserver/pkg/cel/common/equality.go`.

use serde_json::Value;

use super::Structural;

/// What was at the place of a value before an update, and the schema of that place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Old<'a> {
    pub(crate) value: &'a Value,
    pub(crate) schema: &'a Structural,
}

impl Old<'_> {
    /// Returns the old value of a field that has a schema.
    pub(crate) fn field(self, name: &str) -> Option<Self> {
        Some(Self {
            value: self.value.as_object()?.get(name)?,
            schema: self.schema.field(name)?,
        })
    }

    /// Returns the old item with the key of the new one. Only items of map lists have keys.
    pub(crate) fn item(self, new: &Value) -> Option<Self> {
        if self.schema.extensions.list_type.as_deref() != Some("map") {
            return None;
        }
        let key = self.schema.key_of(new);
        let mut items = self.value.as_array()?.iter();
        Some(Self {
            value: items.find(|item| self.schema.key_of(item) == key)?,
            schema: self.schema.items.as_deref()?,
        })
    }
}
