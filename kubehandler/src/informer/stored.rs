//! One object as the store keeps it: encoded, small and whole.

use std::{fmt, sync::Arc};

use crate::{
    informer::{
        codec::{Item, TypeMeta},
        dictionary::{Corrupt, Dictionary},
    },
    object_key::ObjectKey,
};

/// An object in the store: its name, the few fields that are needed without decoding it, and its JSON.
pub(crate) struct Stored {
    key: ObjectKey,
    /// The uid, the resourceVersion, then the JSON, which is packed if there is a dictionary.
    data: Box<[u8]>,
    dictionary: Option<Arc<Dictionary>>,
    /// How long the JSON is when it is not packed.
    length: u32,
    uid_length: u16,
    version_length: u16,
    is_deleting: bool,
}

/// The longest uid or resourceVersion, and the longest JSON, that can be kept.
pub(crate) const MAX_TEXT: usize = u16::MAX as usize;
pub(crate) const MAX_JSON: usize = u32::MAX as usize;

impl Stored {
    /// Keeps `item`, whose JSON without what is dropped is `json`, or `packed` with a dictionary.
    pub(crate) fn new(
        key: ObjectKey,
        item: &Item<'_>,
        json: &[u8],
        packed: Option<(&[u8], &Arc<Dictionary>)>,
    ) -> Self {
        let (kept, dictionary) = match packed {
            Some((packed, dictionary)) => (packed, Some(dictionary.clone())),
            None => (json, None),
        };
        let length = |text: &str| u16::try_from(text.len()).unwrap_or(u16::MAX);
        let (uid, version) = (&*item.uid, &*item.version);
        let mut data = Vec::with_capacity(uid.len() + version.len() + kept.len());
        data.extend_from_slice(uid.as_bytes());
        data.extend_from_slice(version.as_bytes());
        data.extend_from_slice(kept);
        Self {
            key,
            data: data.into_boxed_slice(),
            dictionary,
            length: u32::try_from(json.len()).unwrap_or(u32::MAX),
            uid_length: length(uid),
            version_length: length(version),
            is_deleting: item.is_deleting,
        }
    }

    pub(crate) fn key(&self) -> &ObjectKey {
        &self.key
    }

    pub(crate) fn uid(&self) -> &str {
        self.text(0, self.uid_length)
    }

    pub(crate) fn resource_version(&self) -> &str {
        self.text(self.uid_length.into(), self.version_length)
    }

    /// Returns true if the object has a deletionTimestamp.
    pub(crate) fn is_deleting(&self) -> bool {
        self.is_deleting
    }

    /// Returns how many bytes of JSON the object is.
    pub(crate) fn length(&self) -> usize {
        self.length as usize
    }

    /// Returns how many bytes the object takes as it is kept, without its name.
    pub(crate) fn size(&self) -> usize {
        self.data.len()
    }

    /// Returns true if both are one version of one object; without a version, its content decides.
    pub(crate) fn is_same_version(&self, other: &Self) -> bool {
        let is_same =
            self.uid() == other.uid() && self.resource_version() == other.resource_version();
        is_same && (self.version_length > 0 || self.has_same_json(other))
    }

    /// Returns true if `item` is this version of this object.
    pub(crate) fn is_version_of(&self, item: &Item<'_>, types: &TypeMeta) -> bool {
        if *item.uid != *self.uid() || *item.version != *self.resource_version() {
            return false;
        }
        let is_same_json = || {
            let mut json = Vec::new();
            item.write(types, &mut json);
            self.with_json(|own| own == json).unwrap_or(false)
        };
        self.version_length > 0 || is_same_json()
    }

    fn has_same_json(&self, other: &Self) -> bool {
        let is_same = self.with_json(|own| other.with_json(|other| own == other));
        matches!(is_same, Ok(Ok(true)))
    }

    /// Returns what `read` makes of the object's JSON, which is unpacked for it.
    pub(crate) fn with_json<T>(&self, read: impl FnOnce(&[u8]) -> T) -> Result<T, Corrupt> {
        let kept = &self.data[usize::from(self.uid_length) + usize::from(self.version_length)..];
        match &self.dictionary {
            None => Ok(read(kept)),
            Some(dictionary) => dictionary.unpack(kept, self.length(), read),
        }
    }

    fn text(&self, start: usize, length: u16) -> &str {
        let bytes = &self.data[start..start + usize::from(length)];
        std::str::from_utf8(bytes).unwrap_or_default() // It was text when it was put there.
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored")
            .field("key", &self.key)
            .field("uid", &self.uid())
            .field("resource_version", &self.resource_version())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
impl Stored {
    /// Makes an object of these few fields; the JSON is all that it has.
    pub(crate) fn of(
        key: &str,
        uid: &str,
        version: &str,
        is_deleting: bool,
        json: &str,
    ) -> Arc<Self> {
        let data = format!("{uid}{version}{json}");
        Arc::new(Self {
            key: key.parse().expect("a key"),
            data: data.into_bytes().into(),
            dictionary: None,
            length: u32::try_from(json.len()).expect("short"),
            uid_length: u16::try_from(uid.len()).expect("short"),
            version_length: u16::try_from(version.len()).expect("short"),
            is_deleting,
        })
    }
}
