//! Whether a value is one of its type.
//!
//! Source: `typed/validate.go` of `sigs.k8s.io/structured-merge-diff`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::TypeErrors;
use crate::{
    merge::{
        object_type::{Atom, ListType, MapType, ObjectType},
        printed::{as_source, plain, type_of},
    },
    schema::Scalar,
};

/// Whether items of a set or of a list with keys may be there twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duplicates {
    /// As in objects that are stored already.
    Allowed,
    /// As in what is applied.
    Refused,
}

impl ObjectType<'_> {
    /// Checks that the value is of this type.
    pub(crate) fn validate(self, value: &Value, duplicates: Duplicates) -> Result<(), TypeErrors> {
        let mut errors = TypeErrors::default();
        self.check(value, duplicates, &mut errors);
        errors.or(())
    }

    fn check(self, value: &Value, duplicates: Duplicates, errors: &mut TypeErrors) {
        match (self.atom(Some(value)), value) {
            (None, _) => errors.push(self.formless()),
            (Some(Atom::Scalar(scalar)), _) => {
                if let Err(why) = check_scalar(scalar, value) {
                    errors.push(why);
                }
            }
            (Some(_), Value::Null) => {}
            (Some(Atom::List(list)), Value::Array(items)) => {
                check_items(&list, items, duplicates, errors);
            }
            (Some(Atom::List(_)), _) => {
                errors.push(format!("expected list, got {}", shown(value)));
            }
            (Some(Atom::Map(map)), Value::Object(fields)) => {
                check_fields(&map, fields, duplicates, errors);
            }
            (Some(Atom::Map(_)), _) => {
                errors.push(format!("expected map, got {}", shown(value)));
            }
        }
    }
}

fn check_items(
    list: &ListType<'_>,
    items: &[Value],
    duplicates: Duplicates,
    errors: &mut TypeErrors,
) {
    let mut seen = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let check = |errors: &mut TypeErrors| list.items.check(item, duplicates, errors);
        if list.is_atomic() {
            errors.within(&format_args!("[{index}]"), check);
            continue;
        }
        let key = match list.key_of(item) {
            Ok(key) => key,
            Err(why) => {
                errors.push(format!("element {index}: {why}"));
                return;
            }
        };
        if duplicates == Duplicates::Refused && seen.contains(&key) {
            errors.push(format!("duplicate entries for key {key}"));
        }
        errors.within(&key, check);
        seen.insert(key);
    }
}

fn check_fields(
    map: &MapType<'_>,
    fields: &Map<String, Value>,
    duplicates: Duplicates,
    errors: &mut TypeErrors,
) {
    for (name, value) in fields {
        let Some(ty) = map.field(name) else {
            errors.within(&format_args!(".{name}"), |errors| {
                errors.push("field not declared in schema");
            });
            return;
        };
        errors.within(&format_args!(".{name}"), |errors| {
            ty.check(value, duplicates, errors);
        });
    }
}

/// Checks a value without parts; `null` is one of each type.
pub(super) fn check_scalar(scalar: Scalar, value: &Value) -> Result<(), String> {
    let is_scalar = value.is_number() || value.is_string() || value.is_boolean();
    match scalar {
        _ if value.is_null() => Ok(()),
        Scalar::Numeric if !value.is_number() => Err(format!(
            "expected numeric (int or float), got {}",
            type_of(value)
        )),
        Scalar::String if !value.is_string() => Err(format!(
            "expected string, got &value.valueUnstructured{{Value:{}}}",
            as_source(value)
        )),
        Scalar::Boolean if !value.is_boolean() => {
            Err(format!("expected boolean, got {}", shown(value)))
        }
        Scalar::Untyped if !is_scalar => Err(format!("expected any scalar, got {}", shown(value))),
        _ => Ok(()),
    }
}

/// Returns the value as Go prints the struct around it.
fn shown(value: &Value) -> String {
    format!("&{{{}}}", plain(value))
}
