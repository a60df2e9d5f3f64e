//! Reads metadata as the real server does: known fields of the right type, nothing that is empty.

use serde_json::{Map, Number, Value};

use crate::object::{self, wrong_type};

/// What type a field of the metadata has.
#[derive(Clone, Copy)]
enum FieldType {
    Text,
    Integer,
    Time,
    TextMap,
    Texts,
    Owners,
    /// Who manages what: read later, and dropped if it cannot be.
    Entries,
    /// Read by the real server, but of no use to a client.
    Ignored,
}

/// Source: `ObjectMeta` in `k8s.io/apimachinery/pkg/apis/meta/v1`.
const FIELDS: [(&str, FieldType); 15] = [
    ("annotations", FieldType::TextMap),
    ("creationTimestamp", FieldType::Time),
    ("deletionGracePeriodSeconds", FieldType::Integer),
    ("deletionTimestamp", FieldType::Time),
    ("finalizers", FieldType::Texts),
    ("generateName", FieldType::Text),
    ("generation", FieldType::Integer),
    ("labels", FieldType::TextMap),
    ("managedFields", FieldType::Entries),
    ("name", FieldType::Text),
    ("namespace", FieldType::Text),
    ("ownerReferences", FieldType::Owners),
    ("resourceVersion", FieldType::Text),
    ("selfLink", FieldType::Ignored),
    ("uid", FieldType::Text),
];

/// Their names, and what the real server calls their types.
const OWNER_TEXTS: [(&str, &str); 4] = [
    ("apiVersion", "string"),
    ("kind", "string"),
    ("name", "string"),
    ("uid", "types.UID"),
];
const OWNER_FLAGS: [&str; 2] = ["blockOwnerDeletion", "controller"];

/// Returns the metadata without unknown, empty and `null` fields; the error is for people.
///
/// Messages name fields below `path`: `metadata.` in built-in kinds, nothing in custom ones.
pub(crate) fn read(
    metadata: &Map<String, Value>,
    path: &str,
) -> Result<Map<String, Value>, String> {
    let mut known = Map::new();
    for (name, ty) in FIELDS {
        let Some(value) = metadata.get(name).filter(|value| !value.is_null()) else {
            continue;
        };
        let field = format!("ObjectMeta.{path}{name}");
        let value = match ty {
            FieldType::Text => non_empty(text(value, &field)?),
            FieldType::Integer => integer(value, &field, name)?,
            FieldType::Time => time(value, &field)?,
            FieldType::TextMap => text_map(value, &field)?,
            FieldType::Texts => texts(value, &field)?,
            FieldType::Owners => owners(value, path)?,
            FieldType::Entries => value.is_array().then(|| value.clone()),
            FieldType::Ignored => None,
        };
        if let Some(value) = value {
            known.insert(name.to_owned(), value);
        }
    }
    Ok(known)
}

fn non_empty(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| Value::from(text))
}

fn text<'a>(value: &'a Value, field: &str) -> Result<&'a str, String> {
    typed_text(value, field, "string")
}

fn typed_text<'a>(value: &'a Value, field: &str, ty: &str) -> Result<&'a str, String> {
    match value {
        Value::Null => Ok(""),
        Value::String(text) => Ok(text),
        other => Err(wrong_type(other, field, ty)),
    }
}

fn integer(value: &Value, field: &str, name: &str) -> Result<Option<Value>, String> {
    let Value::Number(number) = value else {
        return Err(wrong_type(value, field, "int64"));
    };
    let integer = number.as_i64().ok_or_else(|| out_of_range(number, field))?;
    // A grace period of nothing is one; the generation 0 is none.
    let is_set = integer != 0 || name == "deletionGracePeriodSeconds";
    Ok(is_set.then(|| Value::from(integer)))
}

fn out_of_range(number: &Number, field: &str) -> String {
    format!("json: cannot unmarshal number {number} into Go struct field {field} of type int64")
}

fn time(value: &Value, field: &str) -> Result<Option<Value>, String> {
    let time = text(value, field)?;
    let canonical = object::canonical(time).ok_or_else(|| {
        let layout = "2006-01-02T15:04:05Z07:00";
        format!("parsing time {time:?} as {layout:?}: cannot parse {time:?} as \"2006\"")
    })?;
    Ok(Some(Value::from(canonical)))
}

fn text_map(value: &Value, field: &str) -> Result<Option<Value>, String> {
    let Value::Object(entries) = value else {
        return Err(wrong_type(value, field, "map[string]string"));
    };
    let mut texts = Map::new();
    for (key, value) in entries {
        texts.insert(key.clone(), Value::from(text(value, field)?));
    }
    Ok((!texts.is_empty()).then_some(Value::Object(texts)))
}

fn texts(value: &Value, field: &str) -> Result<Option<Value>, String> {
    let Value::Array(items) = value else {
        return Err(wrong_type(value, field, "[]string"));
    };
    let texts = items.iter().map(|item| Ok(Value::from(text(item, field)?)));
    let texts = texts.collect::<Result<Vec<_>, String>>()?;
    Ok((!texts.is_empty()).then_some(Value::Array(texts)))
}

fn owners(value: &Value, path: &str) -> Result<Option<Value>, String> {
    let field = format!("ObjectMeta.{path}ownerReferences");
    let Value::Array(items) = value else {
        return Err(wrong_type(value, &field, "[]v1.OwnerReference"));
    };
    let mut owners: Vec<Value> = Vec::new();
    for item in items {
        let owner = owner(item, path)?;
        // The real server, too, keeps only the first of equal ones.
        if !owners.contains(&owner) {
            owners.push(owner);
        }
    }
    Ok((!owners.is_empty()).then_some(Value::Array(owners)))
}

fn owner(item: &Value, path: &str) -> Result<Value, String> {
    let empty = Map::new();
    let fields = match item {
        Value::Null => &empty,
        Value::Object(fields) => fields,
        other => {
            let field = format!("ObjectMeta.{path}ownerReferences");
            return Err(wrong_type(other, &field, "v1.OwnerReference"));
        }
    };
    let mut owner = Map::new();
    for (name, ty) in OWNER_TEXTS {
        let field = format!("OwnerReference.{path}ownerReferences.{name}");
        let value = fields
            .get(name)
            .map_or(Ok(""), |value| typed_text(value, &field, ty))?;
        owner.insert(name.to_owned(), Value::from(value));
    }
    for name in OWNER_FLAGS {
        match fields.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::Bool(flag)) => {
                owner.insert(name.to_owned(), Value::from(*flag));
            }
            Some(other) => {
                let field = format!("OwnerReference.{path}ownerReferences.{name}");
                return Err(wrong_type(other, &field, "bool"));
            }
        }
    }
    Ok(Value::Object(owner))
}
