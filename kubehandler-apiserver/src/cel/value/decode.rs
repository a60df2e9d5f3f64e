//! The values of objects, by their schemas.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};

use super::{CelList, CelMap, CelValue, Key, ListKind, times};
use crate::{
    cel::schema::{escaped, is_object},
    structural::{Additional, Structural, ValueType},
};

impl CelValue {
    /// Returns the value of a part of an object. What does not fit its schema is an error once it is
    /// used.
    pub(in crate::cel) fn decode(value: &Value, schema: &Structural) -> Self {
        if value.is_null() {
            return if schema.nullable {
                Self::Null
            } else {
                bad("invalid data, got null for schema with nullable=false")
            };
        }
        if schema.extensions.int_or_string {
            return match value {
                Value::String(text) => Self::string(text),
                value => value.as_i64().map_or_else(
                    || bad("invalid data, expected XIntOrString value to be either a string or integer"),
                    Self::Int,
                ),
            };
        }
        match (schema.value_type, value) {
            (Some(ValueType::Object), Value::Object(fields)) => object(fields, schema),
            (Some(ValueType::Array), Value::Array(items)) => list(items, schema),
            (Some(ValueType::String), Value::String(value)) => {
                text(value, &schema.validation.format)
            }
            (Some(ValueType::Number), value) => value
                .as_f64()
                .map_or_else(|| unfit("float", value), Self::Double),
            (Some(ValueType::Integer), value) => value
                .as_i64()
                .map_or_else(|| unfit("int", value), Self::Int),
            (Some(ValueType::Boolean), Value::Bool(value)) => Self::Bool(*value),
            (Some(ValueType::String), value) => unfit("string", value),
            (Some(ValueType::Boolean), value) => unfit("bool", value),
            _ => bad("invalid data, the value does not fit its schema"),
        }
    }
}

fn bad(text: &str) -> CelValue {
    CelValue::Bad(text.into())
}

/// A value of another type than its schema has, which is named as Go names it.
fn unfit(wanted: &str, value: &Value) -> CelValue {
    let found = match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    };
    bad(&format!("invalid data, expected {wanted}, got {found}"))
}

fn object(fields: &Map<String, Value>, schema: &Structural) -> CelValue {
    let mut map = CelMap::default();
    for (name, value) in fields {
        let known = if is_object(schema) {
            schema.properties.get(name.as_str())
        } else {
            match &schema.additional {
                Some(Additional::Schema(schema)) => Some(&**schema),
                _ => None,
            }
        };
        let Some(known) = known else {
            map.unknown.insert(name.clone(), value.clone());
            continue;
        };
        if !is_object(schema) {
            let key = Key::String(name.as_str().into());
            map.entries.insert(key, CelValue::decode(value, known));
        } else if value.is_null() {
            map.nulls += 1;
        } else if is_typeless(known) {
            map.unknown.insert(name.clone(), value.clone());
        } else {
            let name = escaped(name).unwrap_or_else(|| name.clone());
            let key = Key::String(name.into());
            map.entries.insert(key, CelValue::decode(value, known));
        }
    }
    CelValue::Map(Arc::new(map))
}

/// Without a type a value can only be compared.
fn is_typeless(schema: &Structural) -> bool {
    schema.value_type.is_none() && !schema.extensions.int_or_string
}

fn list(items: &[Value], schema: &Structural) -> CelValue {
    let Some(of) = &schema.items else {
        return bad("invalid array type, expected Items with a non-empty Schema");
    };
    let keys = schema.extensions.list_map_keys.iter();
    let keys = keys.map(|key| escaped(key).map_or_else(|| key.clone(), Into::into));
    let kind = match schema.extensions.list_type.as_deref() {
        Some("set") => ListKind::Set,
        Some("map") => ListKind::Keyed(keys.collect()),
        _ => ListKind::Atomic,
    };
    let items = items.iter().map(|item| CelValue::decode(item, of));
    CelValue::List(Arc::new(CelList {
        items: items.collect(),
        kind,
    }))
}

fn text(value: &str, format: &str) -> CelValue {
    let read = match format {
        "duration" => times::duration(value).map(CelValue::Duration),
        "date" => times::date(value).map(CelValue::Timestamp),
        "date-time" => times::lenient_timestamp(value).map(CelValue::Timestamp),
        "byte" => BASE64_STANDARD
            .decode(value)
            .ok()
            .map(|bytes| CelValue::Bytes(bytes.into())),
        _ => return CelValue::string(value),
    };
    read.unwrap_or_else(|| {
        let what = match format {
            "duration" => "duration",
            "date" => "date formatted string",
            "date-time" => "date-time formatted string",
            _ => "byte formatted string",
        };
        CelValue::Bad(format!("Invalid {what} {value}").into())
    })
}
