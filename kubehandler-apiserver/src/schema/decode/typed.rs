//! Reads JSON into a Go type, in one pass over the text.
//!
//! The first value that does not fit is told at the end, as Go does it: what follows is read still, since
//! it can be so wrong that nothing else counts.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, value::RawValue};

use super::{
    base64,
    findings::{Finding, FindingKind, Findings},
    literal::{self, Unfit},
};
use crate::schema::builtin::{Definition, GoType, Property, What, definitions, zero_field};

/// What was read so far, and where the reader is.
#[derive(Debug, Default)]
pub(super) struct Reader {
    findings: Findings,
    /// The struct that the reader is in.
    owner: &'static str,
    /// The fields on the way, with the structs that are embedded.
    fields: Vec<&'static str>,
    /// The first value that did not fit.
    unfit: Option<String>,
    /// What ended the reading.
    fatal: Option<String>,
}

/// Where a reader was.
struct Outer {
    path: usize,
    fields: usize,
    owner: &'static str,
}

impl Reader {
    /// Returns what strict decoding has against the value, if it could be read.
    pub(super) fn finish(self) -> Result<Vec<Finding>, String> {
        match self.fatal.or(self.unfit) {
            Some(why) => Err(why),
            None => Ok(self.findings.all()),
        }
    }

    fn enter(&mut self, definition: &Definition, property: &Property) -> Outer {
        let outer = Outer {
            path: self.findings.enter_field(property.name),
            fields: self.fields.len(),
            owner: self.owner,
        };
        self.owner = definition.short_name();
        self.fields.extend(property.embedded_in());
        self.fields.push(property.name);
        outer
    }

    fn leave(&mut self, outer: &Outer) {
        self.findings.leave(outer.path);
        self.fields.truncate(outer.fields);
        self.owner = outer.owner;
    }

    fn mismatch(&self, what: &str, ty: &str) -> String {
        if self.fields.is_empty() {
            return format!("json: cannot unmarshal {what} into Go value of type {ty}");
        }
        let (owner, path) = (self.owner, self.fields.join("."));
        format!("json: cannot unmarshal {what} into Go struct field {owner}.{path} of type {ty}")
    }
}

/// What a value is read into.
#[derive(Clone, Copy)]
enum Wanted {
    Defined(&'static Definition),
    Other(&'static GoType),
}

impl Wanted {
    fn of(ty: &'static GoType) -> Self {
        match ty {
            GoType::Defined(id) => Self::Defined(definitions().get(*id)),
            other => Self::Other(other),
        }
    }

    /// What Go has where nothing was read.
    fn zero(self) -> Value {
        match self {
            Self::Other(GoType::String | GoType::Bytes) => Value::from(""),
            Self::Other(GoType::Bool) => Value::from(false),
            Self::Other(GoType::Int32 | GoType::Int64 | GoType::Double) => Value::from(0),
            Self::Other(_) => Value::Null,
            Self::Defined(definition) => match definition.what {
                What::Struct => Value::Object(Map::new()),
                What::Quantity => Value::from("0"),
                What::IntOrString => Value::from(0),
                _ => Value::Null,
            },
        }
    }
}

/// One value that is to be read.
pub(super) struct Seed<'r> {
    reader: &'r mut Reader,
    wanted: Wanted,
    /// What Go calls the type, if it has a name of its own.
    go_name: Option<&'static str>,
}

impl<'r> Seed<'r> {
    /// Begins with an object.
    pub(super) fn root(reader: &'r mut Reader, definition: &'static Definition) -> Self {
        Self {
            reader,
            wanted: Wanted::Defined(definition),
            go_name: None,
        }
    }

    fn type_name(&self) -> String {
        match (self.go_name, self.wanted) {
            (Some(name), _) => name.to_owned(),
            (None, Wanted::Defined(definition)) => definition.go_name().to_owned(),
            (None, Wanted::Other(ty)) => definitions().go_name(ty),
        }
    }

    /// The value does not fit, and is left out.
    fn unfit(self, what: &str) -> Option<Value> {
        if self.reader.unfit.is_none() {
            self.reader.unfit = Some(self.reader.mismatch(what, &self.type_name()));
        }
        None
    }

    /// The value cannot be read, and is left out.
    fn wrong(self, why: String) -> Option<Value> {
        self.reader.unfit.get_or_insert(why);
        None
    }

    fn read_literal(self, text: &str) -> Result<Option<Value>, ()> {
        let read = match self.wanted {
            Wanted::Other(ty) => literal::number(text, ty),
            Wanted::Defined(definition) => literal::text(text, definition.what),
        };
        match read {
            Ok(value) => Ok(value),
            Err(Unfit::Value(what)) => Ok(self.unfit(&what)),
            Err(Unfit::Inner(what, ty)) => {
                self.reader.fatal = Some(self.reader.mismatch(&what, ty));
                Err(())
            }
            Err(Unfit::Text(why)) => {
                self.reader.fatal = Some(why);
                Err(())
            }
        }
    }

    fn read_fields<'de, A: MapAccess<'de>>(
        self,
        definition: &'static Definition,
        mut map: A,
    ) -> Result<Option<Value>, A::Error> {
        let mut fields = Map::new();
        let mut seen = vec![false; definition.fields.len()];
        while let Some(name) = map.next_key::<String>()? {
            let Some(place) = definition.place(&name) else {
                self.reader.findings.add(FindingKind::Unknown, &name);
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let property = &definition.fields[place];
            if seen[place] {
                let findings = &mut self.reader.findings;
                findings.add(FindingKind::Duplicate, property.name);
            }
            seen[place] = true;
            let outer = self.reader.enter(definition, property);
            let value = map.next_value_seed(Seed {
                reader: self.reader,
                wanted: Wanted::of(&property.ty),
                go_name: property.go_name(),
            })?;
            self.reader.leave(&outer);
            if let Some(value) = value.filter(|value| !(property.omits_empty && is_empty(value))) {
                put(&mut fields, name, value);
            }
        }
        for property in &definition.fields {
            let value = fields.get(property.name);
            if !value.is_some_and(|value| is_kept(definition, value))
                && let Some(zero) = zero_field(property)
            {
                fields.insert(property.name.to_owned(), zero);
            }
        }
        Ok(Some(Value::Object(fields)))
    }

    fn read_entries<'de, A: MapAccess<'de>>(
        self,
        others: &'static GoType,
        mut map: A,
    ) -> Result<Option<Value>, A::Error> {
        let wanted = Wanted::of(others);
        let go_name = self.go_name.and_then(|name| {
            let (_, value) = name.strip_prefix("map[")?.split_once(']')?;
            Some(value)
        });
        let mut entries = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if entries.contains_key(&name) {
                self.reader.findings.add(FindingKind::Duplicate, &name);
            }
            let outer = self.reader.findings.enter_field(&name);
            let value = map.next_value_seed(Seed {
                reader: self.reader,
                wanted,
                go_name,
            })?;
            self.reader.findings.leave(outer);
            entries.insert(name, value.unwrap_or_else(|| wanted.zero()));
        }
        Ok(Some(Value::Object(entries)))
    }

    fn read_items<'de, A: SeqAccess<'de>>(
        self,
        items: &'static GoType,
        mut list: A,
    ) -> Result<Option<Value>, A::Error> {
        let wanted = Wanted::of(items);
        let go_name = self.go_name.and_then(|name| name.strip_prefix("[]"));
        let mut values = Vec::new();
        loop {
            let outer = self.reader.findings.enter_item(values.len());
            let item = list.next_element_seed(Seed {
                reader: self.reader,
                wanted,
                go_name,
            })?;
            self.reader.findings.leave(outer);
            let Some(value) = item else {
                return Ok(Some(Value::Array(values)));
            };
            values.push(value.unwrap_or_else(|| wanted.zero()));
        }
    }
}

/// Returns whether a field that is never left out is stored as it is.
///
/// An empty list becomes none, but for the kinds that are stored as JSON.
fn is_kept(definition: &Definition, value: &Value) -> bool {
    let is_stored_as_json = definition.name.starts_with("io.k8s.apiextensions");
    match value {
        Value::Null => false,
        Value::Array(items) => is_stored_as_json || !items.is_empty(),
        _ => true,
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Option<Value>, D::Error> {
        match self.wanted {
            Wanted::Defined(definition) => match definition.what {
                What::Struct => json.deserialize_any(self),
                What::Any | What::Object | What::RawExtension => {
                    <Option<Value> as serde::Deserialize>::deserialize(json)
                }
                _ => self.deserialize_literal(json),
            },
            Wanted::Other(GoType::Int32 | GoType::Int64 | GoType::Double) => {
                self.deserialize_literal(json)
            }
            Wanted::Other(_) => json.deserialize_any(self),
        }
    }
}

impl Seed<'_> {
    /// Reads what Go reads from the text itself: `1.0` is no integer.
    fn deserialize_literal<'de, D: Deserializer<'de>>(
        self,
        json: D,
    ) -> Result<Option<Value>, D::Error> {
        let text = <&RawValue as serde::Deserialize>::deserialize(json)?.get();
        self.read_literal(text)
            .map_err(|()| D::Error::custom("nothing else counts"))
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Option<Value>, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Option<Value>, E> {
        Ok(match self.wanted {
            Wanted::Other(GoType::Bool) => Some(Value::Bool(flag)),
            _ => self.unfit("bool"),
        })
    }

    fn visit_str<E>(self, text: &str) -> Result<Option<Value>, E> {
        Ok(match self.wanted {
            Wanted::Other(GoType::String) => Some(Value::from(text)),
            Wanted::Other(GoType::Bytes) => match base64::canonical(text) {
                Ok(text) => Some(Value::from(text)),
                Err(why) => self.wrong(why),
            },
            _ => self.unfit("string"),
        })
    }

    fn visit_i64<E>(self, _: i64) -> Result<Option<Value>, E> {
        Ok(self.unfit("number"))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Option<Value>, E> {
        Ok(self.unfit("number"))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Option<Value>, E> {
        Ok(self.unfit("number"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<Value>, A::Error> {
        match self.wanted {
            Wanted::Defined(definition) => self.read_fields(definition, map),
            Wanted::Other(GoType::Map(others)) => self.read_entries(others, map),
            Wanted::Other(_) => {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(self.unfit("object"))
            }
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Option<Value>, A::Error> {
        if let Wanted::Other(GoType::List(items)) = self.wanted {
            return self.read_items(items, list);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self.unfit("array"))
    }
}

/// Sets a field; of an object that is there already, what the new one does not have stays.
fn put(fields: &mut Map<String, Value>, name: String, value: Value) {
    match (fields.get_mut(&name), value) {
        (Some(Value::Object(old)), Value::Object(new)) => {
            for (name, value) in new {
                put(old, name, value);
            }
        }
        (_, value) => {
            fields.insert(name, value);
        }
    }
}

/// Returns whether Go takes the value for one that is not there.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}
