//! One object as the store keeps it: encoded, small and whole.

use std::{cell::Cell, fmt, sync::Arc};

use triomphe::ThinArc;
use uuid::{Uuid, fmt::Hyphenated};

use crate::{
    informer::{
        object::dictionary::{Corrupt, Dictionary, MAX_BUFFER},
        wire::item::{Beside, Item, TypeMeta},
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
    /// Where in the JSON the fields belong that are kept beside it.
    metadata_at: u32,
    key_length: u16,
    /// [`UUID`] for a [`Uid::Uuid`].
    uid_length: u16,
    version_length: u16,
    is_deleting: bool,
    beside: Beside,
}

/// An object's uid: a UUID, on every API server, which takes less than half of the room of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Uid<'a> {
    Uuid(Uuid),
    Text(&'a str),
}

/// Room for the text of a UUID.
pub(crate) type UidBuffer = [u8; Hyphenated::LENGTH];

impl<'a> Uid<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        match Uuid::try_parse(text) {
            Ok(uuid) if *uuid.hyphenated().encode_lower(&mut [0; Hyphenated::LENGTH]) == *text => {
                Self::Uuid(uuid)
            }
            _ => Self::Text(text),
        }
    }

    /// Returns it as text, which `buffer` is for.
    pub(crate) fn text<'b>(&'b self, buffer: &'b mut UidBuffer) -> &'b str {
        match self {
            Self::Uuid(uuid) => uuid.hyphenated().encode_lower(buffer),
            Self::Text(text) => text,
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Uuid(uuid) => uuid.as_bytes(),
            Self::Text(text) => text.as_bytes(),
        }
    }
}

impl fmt::Display for Uid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uuid(uuid) => uuid.hyphenated().fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// Stands for the length of a UUID, which no text has.
const UUID: u16 = u16::MAX;

thread_local! {
    /// Where the JSON of an object and the fields beside it are put together.
    static WHOLE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl Stored {
    /// Keeps `item`, whose JSON as the item [writes](Item::write) it is `json`, without the fields
    /// beside it that belong at `metadata_at`, or `packed` with a dictionary.
    ///
    /// `buffer` is for the time of the call.
    pub(crate) fn new(
        key: &str,
        item: &Item<'_>,
        (json, metadata_at): (&[u8], usize),
        packed: Option<(&[u8], &Arc<Dictionary>)>,
        buffer: &mut Vec<u8>,
    ) -> Self {
        let (kept, dictionary) = match packed {
            Some((packed, dictionary)) => (packed, Some(dictionary.clone())),
            None => (json, None),
        };
        let length = |text: &str| u16::try_from(text.len()).unwrap_or(u16::MAX);
        let uid = Uid::of(&item.uid);
        let header = Header {
            dictionary,
            length: u32::try_from(json.len()).unwrap_or(u32::MAX),
            key_length: length(key),
            uid_length: match uid {
                Uid::Uuid(_) => UUID,
                Uid::Text(text) => length(text),
            },
            version_length: length(&item.version),
            is_deleting: item.is_deleting,
            beside: item.beside,
            metadata_at: u32::try_from(metadata_at).unwrap_or(u32::MAX),
        };
        buffer.clear();
        for part in [key.as_bytes(), uid.bytes(), item.version.as_bytes(), kept] {
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
        text(&self.0.slice[..usize::from(self.header().key_length)])
    }

    pub(crate) fn to_key(&self) -> ObjectKey {
        ObjectKey::of_text(self.key())
    }

    pub(crate) fn uid(&self) -> Uid<'_> {
        let start = usize::from(self.header().key_length);
        let bytes = &self.0.slice[start..start + self.uid_size()];
        match <[u8; 16]>::try_from(bytes) {
            Ok(bytes) if self.header().uid_length == UUID => Uid::Uuid(Uuid::from_bytes(bytes)),
            _ => Uid::Text(text(bytes)),
        }
    }

    pub(crate) fn resource_version(&self) -> &str {
        let header = self.header();
        let start = usize::from(header.key_length) + self.uid_size();
        text(&self.0.slice[start..start + usize::from(header.version_length)])
    }

    /// Returns how many bytes the uid takes.
    fn uid_size(&self) -> usize {
        match self.header().uid_length {
            UUID => size_of::<Uuid>(),
            length => length.into(),
        }
    }

    /// Returns true if the object has a deletionTimestamp.
    pub(crate) fn is_deleting(&self) -> bool {
        self.header().is_deleting
    }

    /// Returns how many bytes of JSON the object is, without the fields beside it.
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
        if Uid::of(&item.uid) != self.uid() || *item.version != *self.resource_version() {
            return false;
        }
        let is_same_json = || {
            let mut json = Vec::new();
            item.write(types, &mut json);
            self.with_rest(|own| own == json).unwrap_or(false)
        };
        self.header().version_length > 0 || is_same_json()
    }

    fn has_same_json(&self, other: &Self) -> bool {
        let is_same = self.with_rest(|own| other.with_rest(|other| own == other));
        matches!(is_same, Ok(Ok(true)))
    }

    /// Returns what `read` makes of the object's JSON, which is put together for it.
    pub(crate) fn with_json<T>(&self, read: impl FnOnce(&[u8]) -> T) -> Result<T, Corrupt> {
        let header = self.header();
        if header.beside.is_empty() {
            return self.with_rest(read);
        }
        self.with_rest(|rest| {
            let (before, after) = rest.split_at_checked(header.metadata_at as usize)?;
            // Taken out of its place while it is read, which may come here again.
            let mut whole = WHOLE.take();
            whole.clear();
            whole.extend_from_slice(before);
            self.write_beside(&mut whole);
            if !after.trim_ascii_start().starts_with(b"}") {
                whole.push(b',');
            }
            whole.extend_from_slice(after);
            let answer = read(&whole);
            if whole.capacity() <= MAX_BUFFER {
                WHOLE.set(whole);
            }
            Some(answer)
        })?
        .ok_or(Corrupt)
    }

    /// Writes the fields beside the JSON as members of `metadata`.
    fn write_beside(&self, whole: &mut Vec<u8>) {
        // What is kept beside has no `/` in it.
        let namespace = self.key().split('/').next().unwrap_or_default();
        let name = self.key().rsplit('/').next().unwrap_or_default();
        let (uid, mut buffer) = (self.uid(), [0; Hyphenated::LENGTH]);
        let fields = [
            (Beside::NAME, "name", name),
            (Beside::NAMESPACE, "namespace", namespace),
            (Beside::UID, "uid", uid.text(&mut buffer)),
            (Beside::VERSION, "resourceVersion", self.resource_version()),
        ];
        let beside = self.header().beside;
        let mut separator = "\"";
        for (_, name, value) in fields.into_iter().filter(|(field, ..)| beside.has(*field)) {
            for part in [separator, name, "\":\"", value, "\""] {
                whole.extend_from_slice(part.as_bytes());
            }
            separator = ",\"";
        }
    }

    /// Returns what `read` makes of the object's JSON without the fields beside it.
    pub(crate) fn with_rest<T>(&self, read: impl FnOnce(&[u8]) -> T) -> Result<T, Corrupt> {
        let header = self.header();
        let texts = usize::from(header.key_length) + usize::from(header.version_length);
        let start = texts + self.uid_size();
        let kept = &self.0.slice[start..];
        match &header.dictionary {
            None => Ok(read(kept)),
            Some(dictionary) => dictionary.unpack(kept, self.length(), read),
        }
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default() // It was text when it was put there.
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
            beside: Beside::default(),
            metadata_at: 0,
        };
        let data = format!("{key}{uid}{version}{json}");
        Self(ThinArc::from_header_and_slice(header, data.as_bytes()))
    }
}
