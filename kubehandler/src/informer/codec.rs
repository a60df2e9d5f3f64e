//! From the server's JSON to what the store keeps, reading no more than `metadata`.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{informer::stored::Stored, object_key::ObjectKey};

/// An object with its name.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) key: ObjectKey,
    pub(crate) object: Stored,
}

/// An object whose `metadata` cannot be read; its name perhaps can.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    pub(crate) key: Option<ObjectKey>,
    pub(crate) why: String,
}

/// What every object of a list is, put back where the server leaves it out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TypeMeta {
    pub(crate) api_version: String,
    pub(crate) kind: String,
}

/// One page of a list, its items still encoded.
#[derive(Debug, Deserialize)]
pub(crate) struct Page<'a> {
    pub(crate) metadata: PageMeta,
    // Required, though it may be null: an answer that is no list must not empty the store.
    #[serde(borrow, deserialize_with = "required")]
    items: Option<Vec<&'a RawValue>>,
}

/// Where a page stands in its list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PageMeta {
    #[serde(default)]
    pub(crate) resource_version: String,
    #[serde(default, rename = "continue")]
    pub(crate) continue_token: String,
}

impl<'a> Page<'a> {
    /// Reads the body of a list.
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(body)
    }

    pub(crate) fn items(&self) -> &[&'a RawValue] {
        self.items.as_deref().unwrap_or_default()
    }
}

/// Without a `deserialize_with`, serde takes a missing `Option` for `None`.
fn required<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer)
}

/// Reads one object: its name, uid and version, and its JSON without `managedFields`.
pub(crate) fn read(raw: &RawValue, types: &TypeMeta) -> Result<Item, Unreadable> {
    let whole = Members::read(raw).map_err(Unreadable::nameless)?;
    let metadata = whole
        .get("metadata")
        .ok_or_else(|| Unreadable::nameless("it has no `metadata`"))?;
    let metadata = Members::read(metadata).map_err(Unreadable::nameless)?;

    let name = metadata.text("name").map_err(Unreadable::nameless)?;
    let namespace = metadata.text("namespace").map_err(Unreadable::nameless)?;
    if name.is_empty() {
        return Err(Unreadable::nameless("it has no `metadata.name`"));
    }
    let key = ObjectKey::namespaced(&namespace, &name);

    let named = |why: String| Unreadable {
        key: Some(key.clone()),
        why,
    };
    let uid = metadata.text("uid").map_err(named)?;
    let version = metadata.text("resourceVersion").map_err(named)?;
    let deleting = metadata
        .get("deletionTimestamp")
        .is_some_and(|raw| raw.get() != "null");

    let object = Stored::new(&uid, &version, deleting, whole.write(&metadata, types));
    Ok(Item { key, object })
}

impl Unreadable {
    fn nameless(why: impl fmt::Display) -> Self {
        Self {
            key: None,
            why: why.to_string(),
        }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "`{key}`: {}", self.why),
            None => f.write_str(&self.why),
        }
    }
}

/// The members of one JSON object in their order, their values still encoded.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    fn read(raw: &'a RawValue) -> Result<Self, serde_json::Error> {
        serde_json::from_str(raw.get())
    }

    /// The last one counts, as in Go.
    fn get(&self, name: &str) -> Option<&'a RawValue> {
        let found = self.0.iter().rev().find(|(member, _)| member == name);
        found.map(|(_, value)| *value)
    }

    /// A string, empty if it is absent or null.
    fn text(&self, name: &str) -> Result<Cow<'a, str>, String> {
        let Some(raw) = self.get(name) else {
            return Ok(Cow::Borrowed(""));
        };
        serde_json::from_str::<Option<Text<'a>>>(raw.get())
            .map(|text| text.map_or(Cow::Borrowed(""), |text| text.0))
            .map_err(|error| format!("`metadata.{name}` is not a string: {error}"))
    }

    /// Encodes the object again, with its type and without `metadata.managedFields`.
    fn write(&self, metadata: &Members<'_>, types: &TypeMeta) -> Vec<u8> {
        let mut json = Writer::default();
        for (name, text) in [("apiVersion", &types.api_version), ("kind", &types.kind)] {
            if self.get(name).is_none() {
                json.member(name, &serde_json::Value::from(text.as_str()).to_string());
            }
        }
        for (name, value) in &self.0 {
            if name == "metadata" {
                let mut inner = Writer::default();
                let kept = |(name, _): &&(Cow<'_, str>, &RawValue)| name != "managedFields";
                for (name, value) in metadata.0.iter().filter(kept) {
                    inner.member(name, value.get());
                }
                json.member(name, &inner.finish());
            } else {
                json.member(name, value.get());
            }
        }
        json.finish().into_bytes()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(8);
                while let Some((Text(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Collect).map(Members)
    }
}

/// A string, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Writes one JSON object.
#[derive(Default)]
struct Writer(String);

impl Writer {
    fn member(&mut self, name: &str, json: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push_str(&serde_json::Value::from(name).to_string());
        self.0.push(':');
        self.0.push_str(json);
    }

    fn finish(mut self) -> String {
        if self.0.is_empty() {
            self.0.push('{');
        }
        self.0.push('}');
        self.0
    }
}

#[cfg(test)]
mod tests;
