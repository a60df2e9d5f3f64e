//! From the server's JSON to what the store keeps, reading no more than `metadata`.

use std::{borrow::Cow, fmt, ops::Range};

use smallvec::SmallVec;

use crate::{
    Printable,
    informer::wire::{
        fields::Fields,
        regular::regular,
        scan::{self, Elements, Malformed, Members, Name},
    },
    object_key::ObjectKey,
};

/// The longest key, uid or resourceVersion, and the longest JSON, that an object may have.
pub(crate) const MAX_TEXT: usize = u16::MAX as usize - 1;
pub(crate) const MAX_JSON: usize = u32::MAX as usize;

/// An object as the server sent it: the few fields that are needed, and its text.
#[derive(Debug)]
pub(crate) struct Item<'a> {
    namespace: Cow<'a, str>,
    name: Cow<'a, str>,
    pub(crate) uid: Cow<'a, str>,
    pub(crate) version: Cow<'a, str>,
    /// It has a deletionTimestamp.
    pub(crate) is_deleting: bool,
    text: Cow<'a, [u8]>,
    /// What is left out of the text when it is stored.
    cuts: Cuts,
    /// Which of the fields above are among the cuts, as they are kept beside the text.
    pub(crate) beside: Beside,
    /// Where the members of `metadata` begin.
    metadata_at: usize,
    lacks_api_version: bool,
    lacks_kind: bool,
}

/// An object whose `metadata` cannot be read; its name perhaps can.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    pub(crate) key: Option<ObjectKey>,
    pub(crate) why: String,
}

/// Which fields of `metadata` are kept beside the text of an object, and not in it: bits.
///
/// What is different in each object is what packs worst, and would be kept twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Beside(u8);

impl Beside {
    pub(crate) const NAME: Self = Self(1);
    pub(crate) const NAMESPACE: Self = Self(2);
    pub(crate) const UID: Self = Self(4);
    pub(crate) const VERSION: Self = Self(8);

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn has(self, field: Self) -> bool {
        self.0 & field.0 != 0
    }
}

/// What every object of a list is, put back where the server leaves it out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TypeMeta {
    pub(crate) api_version: String,
    pub(crate) kind: String,
}

impl<'a> Item<'a> {
    /// Reads the object that `text` is, less the fields that are `dropped`.
    pub(crate) fn read(text: &'a [u8], dropped: &Fields) -> Result<Self, Unreadable> {
        let read = || {
            let mut members = Members::of(text)?;
            let item = Self::walk(&mut members, dropped)?;
            members.ends_the_text().map(|()| item)
        };
        read().map_err(Unreadable::nameless)?
    }

    /// Reads the object whose `members` are to come, within a longer text.
    ///
    /// # Errors
    ///
    /// Fails if the text ends, or is no JSON, where the object should be: then the walk cannot go on.
    pub(crate) fn walk(
        members: &mut Members<'a>,
        dropped: &Fields,
    ) -> Result<Result<Self, Unreadable>, Malformed> {
        let start = members.at() - 1;
        let mut found = Found::default();
        found.walk(Depth::Object, members, Some(dropped))?;
        let text = &members.text()[start..members.at()];
        if found.is_ambiguous {
            let unambiguous = Self::of_regular(text, dropped);
            return Ok(unambiguous.unwrap_or_else(|| found.item(text, start)));
        }
        Ok(found.item(text, start))
    }

    /// Reads an object in which members come twice; `None` if it is not JSON throughout.
    #[cold]
    fn of_regular(text: &[u8], dropped: &Fields) -> Option<Result<Self, Unreadable>> {
        let text = regular(&scan::lossy(text))?;
        let mut members = Members::of(text.as_bytes()).ok()?;
        let mut found = Found::default();
        found
            .walk(Depth::Object, &mut members, Some(dropped))
            .ok()?;
        Some(found.item(text.as_bytes(), 0).map(Item::into_owned))
    }

    fn into_owned(self) -> Item<'static> {
        fn owned<T: ToOwned + ?Sized>(part: Cow<'_, T>) -> Cow<'static, T> {
            Cow::Owned(part.into_owned())
        }
        Item {
            namespace: owned(self.namespace),
            name: owned(self.name),
            uid: owned(self.uid),
            version: owned(self.version),
            is_deleting: self.is_deleting,
            text: owned(self.text),
            cuts: self.cuts,
            beside: self.beside,
            metadata_at: self.metadata_at,
            lacks_api_version: self.lacks_api_version,
            lacks_kind: self.lacks_kind,
        }
    }

    #[cfg(test)]
    pub(crate) fn key(&self) -> ObjectKey {
        ObjectKey::namespaced(&self.namespace, &self.name)
    }

    /// Returns how many bytes of text the object is.
    pub(crate) fn length(&self) -> usize {
        self.text.len()
    }

    /// Writes the text of the object's key into `buffer`: where the key is known, none is made.
    pub(crate) fn write_key(&self, buffer: &mut String) {
        buffer.clear();
        if !self.namespace.is_empty() {
            buffer.push_str(&self.namespace);
            buffer.push('/');
        }
        buffer.push_str(&self.name);
    }

    /// Writes the object's JSON into `buffer`, with its type and without the fields that are dropped
    /// or kept beside it; returns where in it the latter belong.
    pub(crate) fn write(&self, types: &TypeMeta, buffer: &mut Vec<u8>) -> usize {
        buffer.clear();
        let (mut rest, mut metadata_at) = (0, 0);
        if self.lacks_api_version || self.lacks_kind {
            self.write_types(types, buffer);
            rest = 1;
        }
        let end = self.text.len()..self.text.len();
        for cut in self.cuts.iter().chain([&end]) {
            if (rest..=cut.start).contains(&self.metadata_at) {
                metadata_at = buffer.len() + self.metadata_at - rest;
            }
            buffer.extend_from_slice(&self.text[rest..cut.start]);
            rest = cut.end;
        }
        metadata_at
    }

    /// Opens the object with the types that it lacks.
    fn write_types(&self, types: &TypeMeta, buffer: &mut Vec<u8>) {
        buffer.push(b'{');
        for (lacks, name, text) in [
            (self.lacks_api_version, "apiVersion", &types.api_version),
            (self.lacks_kind, "kind", &types.kind),
        ] {
            if lacks {
                let text = serde_json::Value::from(text.as_str());
                // `metadata` follows, so that a comma always belongs here.
                buffer.extend_from_slice(format!("\"{name}\":{text},").as_bytes());
            }
        }
    }
}

/// How deep in the object a walk is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    Object,
    Metadata,
    Deeper,
}

/// What a walk through an object found, still encoded; the last one of a name counts, as in Go.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact about the text"
)]
#[derive(Default)]
struct Found<'a> {
    /// A member that is needed came twice.
    is_ambiguous: bool,
    has_metadata: bool,
    saw_metadata: bool,
    saw_labels: bool,
    saw_annotations: bool,
    has_api_version: bool,
    has_kind: bool,
    name: Option<&'a [u8]>,
    namespace: Option<&'a [u8]>,
    uid: Option<&'a [u8]>,
    version: Option<&'a [u8]>,
    deletion: Option<&'a [u8]>,
    cuts: Cuts,
    beside: Beside,
    metadata_at: usize,
}

/// Which ranges of a text are left out, in their order: two or three, as a rule.
type Cuts = SmallVec<[Range<usize>; 4]>;

impl<'a> Found<'a> {
    /// Walks to the end of an object, of which the fields that are `dropped` are cut.
    fn walk(
        &mut self,
        level: Depth,
        members: &mut Members<'a>,
        dropped: Option<&Fields>,
    ) -> Result<(), Malformed> {
        // Where the last member that stays ends, and where the cut begins that waits for its end.
        let (mut kept, mut pending): (Option<usize>, Option<usize>) = (None, None);
        let mut last = members.at();
        while let Some(Name { name, start }) = members.next()? {
            let inner = dropped.and_then(|dropped| dropped.get(&name));
            let is_cut = if inner.is_some_and(Fields::is_whole) {
                members.value()?;
                true
            } else {
                self.take(level, &name, members, inner)?
            };
            if is_cut {
                // Includes the comma before the member, or the one after it for the first member.
                pending = pending.or(Some(kept.unwrap_or(start)));
            } else {
                if let Some(from) = pending.take() {
                    let to = if kept.is_some() { last } else { start };
                    self.cuts.push(from..to);
                }
                kept = Some(members.at());
            }
            last = members.at();
        }
        if let Some(from) = pending {
            self.cuts.push(from..last);
        }
        Ok(())
    }

    /// Takes the value of a member; returns true if the text can do without it.
    fn take(
        &mut self,
        level: Depth,
        name: &[u8],
        members: &mut Members<'a>,
        inner: Option<&Fields>,
    ) -> Result<bool, Malformed> {
        let is_metadata = level == Depth::Object && name == b"metadata";
        if is_metadata {
            self.is_ambiguous |= self.saw_metadata;
            self.saw_metadata = true;
        }
        let opening = members.first_byte();
        if opening == Some(b'{') && (is_metadata || inner.is_some()) {
            let level = if is_metadata {
                Depth::Metadata
            } else {
                Depth::Deeper
            };
            let mut deeper = members.members()?;
            if is_metadata {
                self.has_metadata = true;
                self.metadata_at = deeper.at();
            }
            self.walk(level, &mut deeper, inner)?;
            members.leave(deeper.at());
            return Ok(false);
        }
        if opening == Some(b'[') && inner.is_some() {
            let mut elements = members.elements()?;
            self.walk_elements(&mut elements, inner)?;
            members.leave(elements.at());
            return Ok(false);
        }
        let value = members.value()?;
        let (known, field) = match (level, name) {
            (Depth::Metadata, b"name") => (&mut self.name, Beside::NAME),
            (Depth::Metadata, b"namespace") => (&mut self.namespace, Beside::NAMESPACE),
            (Depth::Metadata, b"uid") => (&mut self.uid, Beside::UID),
            (Depth::Metadata, b"resourceVersion") => (&mut self.version, Beside::VERSION),
            (Depth::Metadata, b"deletionTimestamp") => {
                self.deletion = Some(value);
                return Ok(false);
            }
            // Two are merged, whatever else reads the last one only.
            (Depth::Metadata, b"labels") => {
                self.is_ambiguous |= std::mem::replace(&mut self.saw_labels, true);
                return Ok(false);
            }
            (Depth::Metadata, b"annotations") => {
                self.is_ambiguous |= std::mem::replace(&mut self.saw_annotations, true);
                return Ok(false);
            }
            (Depth::Object, b"apiVersion") => {
                return Ok(self.take_type(value, |found| &mut found.has_api_version));
            }
            (Depth::Object, b"kind") => {
                return Ok(self.take_type(value, |found| &mut found.has_kind));
            }
            _ => return Ok(false),
        };
        if known.replace(value).is_some() {
            self.is_ambiguous = true;
            return Ok(false);
        }
        let is_beside = is_plain(value);
        if is_beside {
            self.beside.0 |= field.0;
        }
        Ok(is_beside)
    }

    /// Takes an apiVersion or a kind; returns true for an empty one, which is as good as none.
    fn take_type(&mut self, value: &[u8], has: fn(&mut Self) -> &mut bool) -> bool {
        if matches!(value, b"null" | b"\"\"") {
            return true;
        }
        let had = std::mem::replace(has(self), true);
        self.is_ambiguous |= had;
        false
    }

    /// A path goes through an array into each of its elements.
    fn walk_elements(
        &mut self,
        elements: &mut Elements<'a>,
        dropped: Option<&Fields>,
    ) -> Result<(), Malformed> {
        let mut depth = 0;
        while elements.next_flat(&mut depth)? {
            if elements.first_byte() == Some(b'{') {
                let mut members = elements.members()?;
                self.walk(Depth::Deeper, &mut members, dropped)?;
                elements.leave(members.at());
            } else {
                elements.value()?;
            }
        }
        Ok(())
    }

    /// Makes the item of what was found in `text`, which stands at `start` of what was walked.
    fn item(mut self, text: &'a [u8], start: usize) -> Result<Item<'a>, Unreadable> {
        if !self.has_metadata {
            return Err(Unreadable::nameless("it has no `metadata`"));
        }
        let name = text_of("name", self.name).map_err(Unreadable::nameless)?;
        let namespace = text_of("namespace", self.namespace).map_err(Unreadable::nameless)?;
        if name.is_empty() {
            return Err(Unreadable::nameless("it has no `metadata.name`"));
        }
        let named = |why: String| Unreadable {
            key: Some(ObjectKey::namespaced(&namespace, &name)),
            why,
        };
        let uid = text_of("uid", self.uid).map_err(named)?;
        let version = text_of("resourceVersion", self.version).map_err(named)?;
        let longest = uid
            .len()
            .max(version.len())
            .max(namespace.len() + name.len() + 1);
        if longest > MAX_TEXT || text.len() > MAX_JSON {
            return Err(named("it is too large".to_owned()));
        }
        // Those within a member come before the one that ends where the member begins.
        self.cuts.sort_unstable_by_key(|cut| cut.start);
        for cut in &mut self.cuts {
            *cut = cut.start - start..cut.end - start;
        }
        Ok(Item {
            is_deleting: self.deletion.is_some_and(|value| value != b"null"),
            lacks_api_version: !self.has_api_version,
            lacks_kind: !self.has_kind,
            cuts: self.cuts,
            beside: self.beside,
            metadata_at: self.metadata_at - start,
            namespace,
            name,
            uid,
            version,
            text: Cow::Borrowed(text),
        })
    }
}

/// Returns true for a string that is its own JSON, and can be told from its neighbours in a key.
fn is_plain(value: &[u8]) -> bool {
    match value {
        [b'"', text @ .., b'"'] => {
            !text.is_empty() && !text.contains(&b'\\') && !text.contains(&b'/')
        }
        _ => false,
    }
}

/// A string of `metadata`, empty if it is absent or null.
fn text_of<'a>(name: &str, value: Option<&'a [u8]>) -> Result<Cow<'a, str>, String> {
    let Some(value) = value else {
        return Ok(Cow::Borrowed(""));
    };
    scan::text(value).map_err(|error| format!("`metadata.{name}` is {error}"))
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
            Some(key) => {
                let (key, why) = (Printable::new(key), Printable::new(&self.why));
                write!(f, "`{key}`: {why}")
            }
            None => write!(f, "{}", Printable::new(&self.why)),
        }
    }
}

#[cfg(test)]
mod tests;
