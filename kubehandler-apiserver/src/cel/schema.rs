//! What rules see of a schema: its types, and the names of its fields.
//!
//! Source: `pkg/cel/common/schemas.go` and `pkg/cel/escaping.go` of `k8s.io/apiserver`, and
//! `pkg/apiserver/schema/cel/model/schemas.go` of `k8s.io/apiextensions-apiserver`.

use std::{collections::BTreeMap, sync::Arc};

use super::types::{CelObject, CelType};
use crate::structural::{Additional, Structural, ValueType};

/// The name of the type of a value that a rule is about.
pub(super) const TYPE_NAME: &str = "selfType";

const RESERVED: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Returns true for a word of the grammar, or one that is kept for it.
pub(super) fn is_reserved(word: &str) -> bool {
    RESERVED.contains(&word)
}

/// Returns the name that rules have for a field; `None` if they cannot name it.
pub(super) fn escaped(name: &str) -> Option<String> {
    let first = name.chars().next()?;
    if first.is_ascii_digit() {
        return None;
    }
    if is_reserved(name) {
        return Some(format!("__{name}__"));
    }
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    name.chars().all(is_allowed).then(|| {
        name.replace("__", "__underscores__")
            .replace('.', "__dot__")
            .replace('-', "__dash__")
            .replace('/', "__slash__")
    })
}

/// Returns true for a schema with listed fields.
pub(super) fn is_object(schema: &Structural) -> bool {
    schema.extensions.embedded_resource || !schema.properties.is_empty()
}

/// Returns a schema whose resources, the root if asked for, have the metadata that rules see.
pub(super) fn with_metadata(schema: &Structural, is_resource: bool) -> Structural {
    let mut schema = schema.clone();
    add_metadata(&mut schema, is_resource);
    schema
}

fn add_metadata(schema: &mut Structural, is_resource: bool) {
    if is_resource {
        let text = || Structural {
            value_type: Some(ValueType::String),
            ..Structural::default()
        };
        let names = ["name", "generateName"].map(|name| (name.into(), text()));
        let metadata = Structural {
            value_type: Some(ValueType::Object),
            properties: names.into(),
            ..Structural::default()
        };
        for name in ["apiVersion", "kind"] {
            schema.properties.insert(name.into(), text());
        }
        schema.properties.insert("metadata".into(), metadata);
    }
    let parts = schema.properties.values_mut();
    let parts = parts.chain(schema.items.as_deref_mut());
    let additional = match &mut schema.additional {
        Some(Additional::Schema(schema)) => Some(&mut **schema),
        _ => None,
    };
    for part in parts.chain(additional) {
        let is_resource = part.extensions.embedded_resource;
        add_metadata(part, is_resource);
    }
}

/// Returns the type that values of a schema have in rules; `None` if rules cannot see them.
pub(super) fn type_of(schema: &Structural, name: &str) -> Option<CelType> {
    if schema.extensions.int_or_string {
        return Some(CelType::Dyn);
    }
    Some(match schema.value_type? {
        ValueType::Array => {
            let items = schema.items.as_deref()?;
            CelType::list(type_of(items, &format!("{name}.@idx"))?)
        }
        ValueType::Object => match &schema.additional {
            Some(Additional::Schema(values)) => {
                let values = type_of(values, &format!("{name}.@elem"))?;
                CelType::map(CelType::String, values)
            }
            _ => CelType::Object(Arc::new(object(schema, name))),
        },
        ValueType::String => match &*schema.validation.format {
            "byte" => CelType::Bytes,
            "duration" => CelType::Duration,
            "date" | "date-time" => CelType::Timestamp,
            _ => CelType::String,
        },
        ValueType::Boolean => CelType::Bool,
        ValueType::Number => CelType::Double,
        ValueType::Integer => CelType::Int,
    })
}

fn object(schema: &Structural, name: &str) -> CelObject {
    let mut fields = BTreeMap::new();
    for (field, property) in &schema.properties {
        let Some(field) = escaped(field) else {
            continue;
        };
        if let Some(ty) = type_of(property, &format!("{name}.{field}")) {
            fields.insert(field, ty);
        }
    }
    let name = name.to_owned();
    CelObject { name, fields }
}
