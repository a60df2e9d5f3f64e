//! `FieldsV1`: a set of fields as JSON, such as `{"f:spec":{"f:replicas":{}}}`.
//!
//! Source: `fieldpath/serialize.go` and `fieldpath/serialize-pe.go` of
//! `sigs.k8s.io/structured-merge-diff`.

use std::fmt::{self, Display, Formatter};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, IgnoredAny, MapAccess, Visitor},
    ser::SerializeMap,
};
use serde_json::{Number, Value};

use super::{
    field_set::{FieldSet, Node},
    paths::PathElement,
    printed::{Json, json_text},
};

/// The name that says that the field itself is in the set, beside those below it.
const SELF: &str = ".";

impl FieldSet {
    /// Reads a set; the error is for people.
    pub(crate) fn from_fields_v1(json: &Value) -> Result<Self, String> {
        Self::deserialize(json).map_err(|error| error.to_string())
    }

    /// Returns the set as JSON.
    pub(crate) fn to_fields_v1(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

impl Serialize for FieldSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Below(self, false).serialize(serializer)
    }
}

/// What is below a field, and whether the field itself is in the set.
struct Below<'a>(&'a FieldSet, bool);

impl Serialize for Below<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(set, is_member) = *self;
        // A field with nothing below it needs no word on itself.
        let says_self = is_member && !set.is_empty();
        let mut map = serializer.serialize_map(None)?;
        if says_self {
            map.serialize_entry(SELF, &NOTHING)?;
        }
        for entry in &set.entries {
            let below = Below(&entry.children, entry.is_member);
            map.serialize_entry(&Named(&entry.element).to_string(), &below)?;
        }
        map.end()
    }
}

const NOTHING: Below<'_> = Below(
    &FieldSet {
        entries: Vec::new(),
    },
    false,
);

/// A step as a name in the JSON, such as `f:spec` or `k:{"name":"a"}`.
struct Named<'a>(&'a PathElement);

impl Display for Named<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            PathElement::Field(name) => write!(f, "f:{name}"),
            PathElement::Key(fields) => {
                f.write_str("k:{")?;
                for (i, (name, value)) in fields.iter().enumerate() {
                    f.write_str(if i > 0 { "," } else { "" })?;
                    json_text(f, name, false)?;
                    write!(f, ":{}", Json(value))?;
                }
                f.write_str("}")
            }
            PathElement::Value(value) => write!(f, "v:{}", Json(value)),
            PathElement::Index(index) => write!(f, "i:{index}"),
        }
    }
}

impl<'de> Deserialize<'de> for FieldSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Read { below, .. } = Read::deserialize(deserializer)?;
        Ok(below)
    }
}

/// What was read of a field.
struct Read {
    is_member: bool,
    below: FieldSet,
}

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReadVisitor)
    }
}

struct ReadVisitor;

impl<'de> Visitor<'de> for ReadVisitor {
    type Value = Read;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("an object or null")
    }

    fn visit_unit<E: Error>(self) -> Result<Read, E> {
        Ok(Read {
            is_member: true,
            below: FieldSet::default(),
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Read, A::Error> {
        let mut is_member = false;
        let mut below = FieldSet::default();
        while let Some(name) = map.next_key::<String>()? {
            if name == SELF {
                is_member = true;
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let Some(element) = parse(&name).map_err(A::Error::custom)? else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let read: Read = map.next_value()?;
            let Node {
                is_member,
                children,
                ..
            } = below.entry(&element);
            *is_member |= read.is_member;
            if !read.below.is_empty() {
                *children = read.below;
            }
        }
        // A field with nothing below it is in the set itself.
        is_member |= below.is_empty();
        Ok(Read { is_member, below })
    }
}

/// Reads a step; `None` if it is of a kind that a later version may know.
fn parse(name: &str) -> Result<Option<PathElement>, String> {
    let (kind, rest) = match name.as_bytes() {
        [kind, b':', ..] => (*kind, &name[2..]),
        [_, _, ..] => return Err(format!("missing colon: {name}")),
        _ => return Err(format!("key must be 2 characters long: {name:?}")),
    };
    let failed = |error: serde_json::Error| format!("{name:?}: {error}");
    Ok(Some(match kind {
        b'f' => PathElement::field(rest),
        b'v' => {
            let value: Value = serde_json::from_str(rest).map_err(failed)?;
            PathElement::Value(with_floats(value))
        }
        b'k' => {
            let Fields(fields) = serde_json::from_str(rest).map_err(failed)?;
            PathElement::Key(fields.into())
        }
        b'i' => {
            let index = rest.parse();
            PathElement::Index(index.map_err(|error| format!("{name:?}: {error}"))?)
        }
        _ => return Ok(None),
    }))
}

/// The fields of a key, in the order of their names; a name may be there twice.
struct Fields(Vec<(Box<str>, Value)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = deserializer.deserialize_any(FieldsVisitor)?;
        fields.sort_by(|lhs, rhs| lhs.0.cmp(&rhs.0));
        Ok(Self(fields))
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Vec<(Box<str>, Value)>;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("an object or null")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some((name, value)) = map.next_entry::<Box<str>, Value>()? {
            fields.push((name, with_floats(value)));
        }
        Ok(fields)
    }
}

/// Returns the value with every number as a float, which is how Go reads numbers here.
///
/// It shows in conflicts, where a float of a million is `1e+06`.
fn with_floats(value: Value) -> Value {
    match value {
        Value::Number(number) => {
            let float = number.as_f64().and_then(Number::from_f64);
            Value::Number(float.unwrap_or(number))
        }
        Value::Array(items) => items.into_iter().map(with_floats).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter();
            fields
                .map(|(name, value)| (name, with_floats(value)))
                .collect()
        }
        other => other,
    }
}
