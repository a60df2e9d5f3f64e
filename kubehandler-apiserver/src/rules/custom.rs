//! Custom objects against their schemas: what a written object becomes, and what is wrong with it.
//!
//! Source: `k8s.io/apiextensions-apiserver/pkg/registry/customresource` and the decoder of
//! `pkg/apiserver/customresource_handler.go`.

use serde_json::Value;

use super::{
    Part, Write,
    decode::{Expected, Undecodable},
    embedded,
};
use crate::{failure::Cause, kinds::CustomTypes, object, structural::Old};

/// Prunes an object that was just read, and fills in its defaults; returns what strict decoding has
/// against it.
pub(super) fn fit(object: &mut Value, expected: &Expected<'_>) -> Result<Vec<String>, Undecodable> {
    let is_expected = object::text(object, &["apiVersion"]) == expected.api_version
        && object::text(object, &["kind"]) == expected.kind;
    let Some(schema) = expected.schema.filter(|_| is_expected) else {
        return Ok(Vec::new());
    };
    let pruned = schema.prune(object);
    if !expected.is_applied {
        schema.drop_nulls(object);
    }
    embedded::coerce(object, schema).map_err(Undecodable::new)?;
    schema.fill_defaults(object);
    let found = pruned.iter().map(|path| format!("unknown field {path:?}"));
    Ok(found.collect())
}

impl Write<'_> {
    /// Returns what is wrong with an object by its schema. A part of an update that has not changed
    /// may be wrong.
    pub(super) fn wrong_schema(&self, object: &Value, old: Option<&Value>) -> Vec<Cause> {
        let Some(schema) = self.version.schema.as_deref() else {
            return Vec::new();
        };
        let old = old.map(|value| Old { value, schema });
        if self.part != Part::Status {
            return schema.wrong_value("", object, old);
        }
        let (status, schema) = (object.get("status"), schema.properties.get("status"));
        let Some((status, schema)) = status.zip(schema) else {
            return Vec::new();
        };
        let old = old.and_then(|old| old.field("status"));
        schema.wrong_value("status", status, old)
    }

    /// Returns what is wrong with the embedded resources, sets and map lists of an object.
    ///
    /// Lists are tolerated if they were wrong before.
    pub(super) fn wrong_parts(&self, object: &Value, old: Option<&Value>) -> Vec<Cause> {
        let Some(schema) = self.version.schema.as_deref() else {
            return Vec::new();
        };
        let mut causes = Vec::new();
        if self.part != Part::Status {
            causes.extend(embedded::wrong(object, schema));
        }
        let was_right = |old: &Value| schema.wrong_lists(old).is_empty();
        if old.is_none_or(was_right) {
            causes.extend(schema.wrong_lists(object));
        }
        causes
    }
    /// Returns which rules of its schema an object breaks; `causes` is what else is wrong with it.
    pub(super) fn wrong_rules(
        &self,
        object: &Value,
        old: Option<&Value>,
        causes: &[Cause],
    ) -> Vec<Cause> {
        let types = self.version.types.as_deref();
        let Some(rules) = types.and_then(CustomTypes::rules) else {
            return Vec::new();
        };
        if causes.iter().any(blocks_rules) {
            let detail = "some validation rules were not checked because the object was invalid; \
                          correct the existing errors to complete validation";
            return vec![Cause::invalid("<nil>", Value::Null, detail)];
        }
        rules.wrong(object, old)
    }
}

/// Returns true if an object is so wrong that its rules are not evaluated.
fn blocks_rules(cause: &Cause) -> bool {
    [
        "FieldValueNotSupported",
        "FieldValueRequired",
        "FieldValueTooLong",
        "FieldValueTooMany",
        "FieldValueTypeInvalid",
    ]
    .contains(&&*cause.reason)
}
