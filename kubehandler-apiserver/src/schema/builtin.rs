//! The types of the built-in kinds, from a table that `generate/schemas.py` wrote.
//!
//! The table is read when it is first asked for. Source: the `OpenAPI` documents of Kubernetes, and what
//! `k8s.io/kube-openapi/pkg/schemaconv` makes of them for server-side apply.

mod merge;
mod table;
#[cfg(test)]
mod tests;

use std::{io::Read, sync::LazyLock};

use flate2::read::ZlibDecoder;
use serde_json::{Map, Value};

pub(crate) use self::table::{BuiltinTypes, Definition, GoType, Property, What};
use super::{Schema, TypeId, TypeRef};
use crate::group::GroupVersion;

/// Written by `generate/schemas.py`; not to be edited.
static TABLE: &[u8] = include_bytes!("builtin/table.z");

static TEXT: LazyLock<String> = LazyLock::new(|| {
    let mut text = String::new();
    ZlibDecoder::new(TABLE)
        .read_to_string(&mut text)
        .expect("the table was compressed by its generator");
    text
});

static DEFINITIONS: LazyLock<BuiltinTypes> = LazyLock::new(|| BuiltinTypes::read(&TEXT));

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| merge::schema(&DEFINITIONS, ""));

/// What the names of the types begin with that all kinds share.
const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.";

/// Returns the Go types of the built-in kinds.
pub(crate) fn definitions() -> &'static BuiltinTypes {
    &DEFINITIONS
}

/// Returns how the built-in kinds are merged.
pub(crate) fn schema() -> &'static Schema {
    &SCHEMA
}

/// Returns a schema of its own with the types of metadata, and that of metadata itself.
pub(crate) fn metadata() -> (Schema, TypeRef) {
    let schema = merge::schema(&DEFINITIONS, META);
    let metadata = schema.named(&format!("{META}ObjectMeta"));
    let metadata = metadata.expect("every table has the type of the metadata");
    (schema, metadata.plain())
}

/// Returns the object of a built-in kind that has no fields, as Go writes it: structs within it are
/// there, and so is what is never left out. An object that is no such kind is empty.
pub(crate) fn zero(of: GroupVersion<'_>, kind: &str) -> Value {
    let definition = definitions().of_kind(of, kind);
    definition.map_or_else(
        || Value::Object(Map::new()),
        |definition| zero_of(definition, true),
    )
}

fn zero_of(definition: &Definition, with_times: bool) -> Value {
    let zero = |field: &Property| zero_within(field, with_times);
    let fields = definition.fields.iter();
    let fields = fields.filter_map(|field| Some((field.name.to_owned(), zero(field)?)));
    Value::Object(fields.collect())
}

/// Returns true for a time, which is `null` where it is not set.
fn is_time(field: &Property) -> bool {
    match &field.ty {
        GoType::Defined(id) => {
            matches!(definitions().get(*id).what, What::Time | What::MicroTime)
        }
        _ => false,
    }
}

/// Returns what Go writes of a field that nobody has set; `None` if it writes nothing.
///
/// The table does not tell a time from a pointer to one, which is left out: so are times here.
pub(crate) fn zero_field(field: &Property) -> Option<Value> {
    zero_within(field, false)
}

fn zero_within(field: &Property, with_times: bool) -> Option<Value> {
    if field.omits_empty {
        return None;
    }
    match (field.default(), &field.ty) {
        (Some("{}"), GoType::Defined(id)) => Some(zero_of(definitions().get(*id), with_times)),
        // Other defaults are those of pointers, which are filled in later.
        (Some(zero @ ("\"\"" | "0" | "false")), _) => serde_json::from_str(zero).ok(),
        (None, GoType::List(_) | GoType::Map(_)) => Some(Value::Null),
        (None, _) if field.is_required() => Some(Value::Null),
        _ => (with_times && is_time(field)).then_some(Value::Null),
    }
}

/// Returns the type of a built-in kind and the schema that it is in, if there is such a kind.
pub(crate) fn of(version: GroupVersion<'_>, kind: &str) -> Option<(&'static Schema, TypeRef)> {
    type_of(version, kind).map(|ty| (schema(), ty.plain()))
}

/// Returns the type of a built-in kind in [`schema`], if there is such a kind.
pub(crate) fn type_of(of: GroupVersion<'_>, kind: &str) -> Option<TypeId> {
    let definition = definitions().of_kind(of, kind)?;
    schema().named(definition.name)
}
