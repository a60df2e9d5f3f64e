//! One object as the store keeps it: encoded, small and whole.

use std::{fmt, sync::Arc};

use triomphe::ThinArc;

use crate::{
    informer::{
        codec::{Item, TypeMeta},
        dictionary::{Corrupt, Dictionary},
    },
    object_key::ObjectKey,
};

/// An object in the store: its name, the few fields that are needed without decoding it, and its JSON.
///
/// One pointer to one allocation, shared by the store and all lanes; cheap to clone.
#[derive(Clone)]
pub(crate) struct Stored(ThinArc<Header, u8>);

/// What stands before the bytes: the key, the uid, the resourceVersion, then the JSON, which is
/// packed if there is a dictionary.
struct Header {
    dictionary: Option<Arc<Dictionary>>,
    /// How long the JSON is when it is not packed.
    length: u32,
    key_length: u16,
    uid_length: u16,
    version_length: u16,
    is_deleting: bool,
}

/// The longest key, uid or resourceVersion, and the longest JSON, that can be kept.
pub(crate) const MAX_TEXT: usize = u16::MAX as usize;
pub(crate) const MAX_JSON: usize = u32::MAX as usize;

impl Stored {
    /// Keeps `item`, whose JSON without what is dropped is `json`, or `packed` with a dictionary.
    ///
    /// `buffer` is for the time of the call.
    pub(crate) fn new(
        key: &str,
        item: &Item<'_>,
        json: &[u8],
        packed: Option<(&[u8], &Arc<Dictionary>)>,
        buffer: &mut Vec<u8>,
    ) -> Self {
        let (kept, dictionary) = match packed {
            Some((packed, dictionary)) => (packed, Some(dictionary.clone())),
            None => (json, None),
        };
        let length = |text: &str| u16::try_from(text.len()).unwrap_or(u16::MAX);
        let header = Header {
            dictionary,
            length: u32::try_from(json.len()).unwrap_or(u32::MAX),
            key_length: length(key),
            uid_length: length(&item.uid),
            version_length: length(&item.version),
            is_deleting: item.is_deleting,
        };
        buffer.clear();
        for part in [
            key.as_bytes(),
            item.uid.as_bytes(),
            item.version.as_bytes(),
            kept,
        ] {
            buffer.extend_from_slice(part);
        }
        Self(ThinArc::from_header_and_slice(header, buffer))
    }

    fn header(&self) -> &Header {
        &self.0.header.header
    }

    /// Returns true if both are the same object in memory, not only equal.
    pub(crate) fn is(&self, other: &Self) -> bool {
        std::ptr::eq(self.header(), other.header())
    }

    /// Returns the object's key as text.
    pub(crate) fn key(&self) -> &str {
        self.text(0, self.header().key_length)
    }

    pub(crate) fn to_key(&self) -> ObjectKey {
        ObjectKey::of_text(self.key())
    }

    pub(crate) fn uid(&self) -> &str {
        self.text(self.header().key_length.into(), self.header().uid_length)
    }

    pub(crate) fn resource_version(&self) -> &str {
        let header = self.header();
        let start = usize::from(header.key_length) + usize::from(header.uid_length);
        self.text(start, header.version_length)
    }

    /// Returns true if the object has a deletionTimestamp.
    pub(crate) fn is_deleting(&self) -> bool {
        self.header().is_deleting
    }

    /// Returns how many bytes of JSON the object is.
    pub(crate) fn length(&self) -> usize {
        self.header().length as usize
    }

    /// Returns how many bytes the object takes as it is kept.
    pub(crate) fn size(&self) -> usize {
        self.0.slice.len()
    }

    /// Returns true if both are one version of one object; without a version, its content decides.
    pub(crate) fn is_same_version(&self, other: &Self) -> bool {
        let is_same =
            self.uid() == other.uid() && self.resource_version() == other.resource_version();
        is_same && (self.header().version_length > 0 || self.has_same_json(other))
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
        self.header().version_length > 0 || is_same_json()
    }

    fn has_same_json(&self, other: &Self) -> bool {
        let is_same = self.with_json(|own| other.with_json(|other| own == other));
        matches!(is_same, Ok(Ok(true)))
    }

    /// Returns what `read` makes of the object's JSON, which is unpacked for it.
    pub(crate) fn with_json<T>(&self, read: impl FnOnce(&[u8]) -> T) -> Result<T, Corrupt> {
        let header = self.header();
        let lengths = [header.key_length, header.uid_length, header.version_length];
        let start: usize = lengths.into_iter().map(usize::from).sum();
        let kept = &self.0.slice[start..];
        match &header.dictionary {
            None => Ok(read(kept)),
            Some(dictionary) => dictionary.unpack(kept, self.length(), read),
        }
    }

    fn text(&self, start: usize, length: u16) -> &str {
        let bytes = &self.0.slice[start..start + usize::from(length)];
        std::str::from_utf8(bytes).unwrap_or_default() // It was text when it was put there.
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored")
            .field("key", &self.key())
            .field("uid", &self.uid())
            .field("resource_version", &self.resource_version())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
impl Stored {
    /// Makes an object of these few fields; the JSON is all that it has.
    pub(crate) fn of(key: &str, uid: &str, version: &str, is_deleting: bool, json: &str) -> Self {
        let length = |text: &str| u16::try_from(text.len()).expect("short");
        let header = Header {
            dictionary: None,
            length: u32::try_from(json.len()).expect("short"),
            key_length: length(key),
            uid_length: length(uid),
            version_length: length(version),
            is_deleting,
        };
        let data = format!("{key}{uid}{version}{json}");
        Self(ThinArc::from_header_and_slice(header, data.as_bytes()))
    }
}
