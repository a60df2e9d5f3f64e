//! Decoded objects, shared by all who ask for one at about the same time.

use std::{
    any::Any,
    collections::{HashMap, VecDeque},
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;

use crate::{
    contained::{Contained, contained},
    informer::object::{
        decode::{self, Refused},
        decode_error::DecodeError,
        stored::Stored,
    },
    resource::Resource,
};

/// At most this much JSON, and this many objects, are kept decoded: what other handlers, or the next
/// attempt, need of an object that was just handled.
const MAX_JSON: usize = 256 * 1024;
const MAX_OBJECTS: usize = 64;

/// A decoded object of a type that is forgotten.
type Object = Arc<dyn Any + Send + Sync>;

/// Decodes the objects of one informer, each once as long as it is remembered.
#[derive(Default)]
pub(crate) struct Decoder {
    recent: Mutex<Recent>,
    /// How many readers ask for each object.
    readers: AtomicUsize,
    /// Every object of the store, where the informer keeps them decoded.
    pinned: Option<Arc<Pinned>>,
}

/// Objects that stay decoded until they are removed.
#[derive(Default)]
pub(crate) struct Pinned(Mutex<Pins>);

#[derive(Default)]
struct Pins {
    entries: HashMap<String, Remembered>,
    /// The object that comes next.
    prepared: Option<Remembered>,
}

/// An object that is no longer needed. Its `Drop` is the user's code, and runs outside of locks.
pub(crate) type Garbage = Contained<Arc<dyn Any + Send + Sync>>;

#[derive(Default)]
struct Recent {
    /// The oldest first.
    entries: VecDeque<Remembered>,
    /// How much JSON they were.
    json: usize,
}

/// One object and what it was decoded to, once that is done.
#[derive(Clone)]
struct Remembered {
    stored: Stored,
    decoded: Contained<Arc<OnceLock<Result<Object, DecodeError>>>>,
    /// How many readers may still ask for it.
    awaited: usize,
}

impl Decoder {
    /// Makes a decoder that looks among `pinned` first.
    pub(crate) fn with_pinned(pinned: Arc<Pinned>) -> Self {
        Self {
            pinned: Some(pinned),
            ..Self::default()
        }
    }

    /// Returns the decoded object; later callers get the same one.
    pub(crate) fn decode<K: Resource>(&self, stored: &Stored) -> Result<Arc<K>, DecodeError> {
        if let Some(entry) = self.pinned(stored) {
            return entry.decode();
        }
        let readers = self.readers.load(Ordering::Relaxed);
        let (entry, forgotten) = self.recent.lock().entry(stored, readers);
        drop(forgotten);
        entry.decode()
    }

    /// Lets go of an object that one reader has done with: once all have, it is not needed.
    ///
    /// It is then dropped where it was used, while it is still in the processor's cache.
    pub(crate) fn release(&self, stored: &Stored) {
        let forgotten = self.recent.lock().release(stored);
        drop(forgotten);
    }

    /// Notes how many readers ask for each object.
    pub(crate) fn set_readers(&self, readers: usize) {
        self.readers.store(readers, Ordering::Relaxed);
    }

    /// Returns the decoded object, and remembers nothing, for reading the whole store.
    pub(crate) fn peek<K: Resource>(&self, stored: &Stored) -> Result<Arc<K>, DecodeError> {
        match self.pinned(stored) {
            Some(entry) => entry.decode(),
            None => decode::<K>(stored).map(Arc::new),
        }
    }

    fn pinned(&self, stored: &Stored) -> Option<Remembered> {
        self.pinned.as_ref()?.get(stored)
    }
}

impl Pinned {
    /// Decodes an object, which is inserted next; runs the user's code.
    pub(crate) fn prepare<K: Resource>(&self, object: &Stored) {
        let entry = Remembered::of(object);
        // An error is kept as well: it is what each `decode` answers.
        let _ = entry.decode::<K>();
        let last = self.0.lock().prepared.replace(entry);
        drop(last); // Outside the lock.
    }

    /// Inserts an object; returns its last version. One that was not prepared is decoded at first use.
    pub(crate) fn insert(&self, object: &Stored) -> Option<Garbage> {
        let mut pins = self.0.lock();
        let prepared = pins.prepared.take_if(|entry| entry.stored.is(object));
        let entry = prepared.unwrap_or_else(|| Remembered::of(object));
        let last = pins.entries.insert(object.key().to_owned(), entry);
        last.map(Remembered::into_garbage)
    }

    /// Removes the object of this key, and returns it.
    pub(crate) fn remove(&self, key: &str) -> Option<Garbage> {
        let last = self.0.lock().entries.remove(key);
        last.map(Remembered::into_garbage)
    }

    fn get(&self, stored: &Stored) -> Option<Remembered> {
        let pins = self.0.lock();
        let entry = pins.entries.get(stored.key())?;
        entry.stored.is(stored).then(|| entry.clone())
    }
}

impl Recent {
    /// Returns the entry of an object, and those that have to go for it.
    fn entry(&mut self, stored: &Stored, readers: usize) -> (Remembered, Vec<Remembered>) {
        if let Some(at) = self.position(stored) {
            return (self.entries[at].clone(), Vec::new());
        }
        let mut entry = Remembered::of(stored);
        entry.awaited = readers;
        self.entries.push_back(entry.clone());
        self.json += stored.length();
        let mut forgotten = Vec::new();
        while self.entries.len() > MAX_OBJECTS || self.json > MAX_JSON {
            let Some(oldest) = self.entries.pop_front() else {
                break;
            };
            self.json -= oldest.stored.length();
            forgotten.push(oldest);
        }
        (entry, forgotten)
    }

    /// Returns the entry of an object if no reader will ask for it any more.
    fn release(&mut self, stored: &Stored) -> Option<Remembered> {
        let at = self.position(stored)?;
        let entry = &mut self.entries[at];
        entry.awaited = entry.awaited.saturating_sub(1);
        if entry.awaited > 0 {
            return None;
        }
        self.json -= entry.stored.length();
        self.entries.remove(at)
    }

    fn position(&self, stored: &Stored) -> Option<usize> {
        let mut entries = self.entries.iter();
        entries.rposition(|entry| entry.stored.is(stored))
    }
}

impl Remembered {
    fn of(stored: &Stored) -> Self {
        Self {
            stored: stored.clone(),
            decoded: Contained::new(Arc::default()),
            awaited: 0,
        }
    }

    fn into_garbage(self) -> Garbage {
        self.decoded
            .map(|decoded| decoded as Arc<dyn Any + Send + Sync>)
    }

    fn decode<K: Resource>(&self) -> Result<Arc<K>, DecodeError> {
        let Some(decoded) = self.decoded.get() else {
            // Not while others wait for it: it may block, or ask for this object itself. Of those
            // who decode it at the same time, the first is remembered.
            let decoded = decode::<K>(&self.stored).map(Arc::new);
            let _ = self
                .decoded
                .set(decoded.clone().map(|object| object as Object));
            return decoded;
        };
        match decoded {
            Ok(object) => match object.clone().downcast() {
                Ok(object) => Ok(object),
                // Another handler has another Rust type for the same kind.
                Err(_) => decode::<K>(&self.stored).map(Arc::new),
            },
            Err(error) if error.is_of::<K>() => Err(error.clone()),
            Err(_) => decode::<K>(&self.stored).map(Arc::new),
        }
    }
}

fn decode<K: Resource>(stored: &Stored) -> Result<K, DecodeError> {
    let decoded = stored.with_json(|json| {
        let explain = |refused: Refused<'_>| match refused {
            Refused::Shape(json, error) => DecodeError::new::<K>(json.as_bytes(), &error),
            Refused::Unread(unread) => DecodeError::because::<K>(&unread.to_string()),
        };
        contained(|| decode::decode(json, explain))
            .unwrap_or_else(|_| Err(DecodeError::because::<K>("its `Deserialize` panicked")))
    });
    decoded.unwrap_or_else(|corrupt| Err(DecodeError::because::<K>(&corrupt.to_string())))
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{borrow::Cow, cell::Cell, sync::mpsc, thread, time::Duration};

    use k8s_openapi::{NamespaceResourceScope, apimachinery::pkg::apis::meta::v1::ObjectMeta};
    use serde::{Deserialize, Deserializer};

    use super::*;
    use crate::k8s::{ConfigMap, Pod};

    /// The test has failed when this has passed.
    const TEN_SECONDS: Duration = Duration::from_secs(10);

    thread_local! {
        /// What the next [`Touchy`] does when it is decoded.
        static DEED: Cell<Option<Box<dyn FnOnce()>>> = const { Cell::new(None) };
    }

    /// An object that does something when it is decoded.
    struct Touchy {
        metadata: ObjectMeta,
    }

    impl Touchy {
        fn does(deed: impl FnOnce() + 'static) {
            DEED.set(Some(Box::new(deed)));
        }
    }

    impl<'de> Deserialize<'de> for Touchy {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            if let Some(deed) = DEED.take() {
                deed();
            }
            let _ = serde::de::IgnoredAny::deserialize(deserializer)?;
            let metadata = ObjectMeta::default();
            Ok(Self { metadata })
        }
    }

    impl kube::Resource for Touchy {
        type DynamicType = ();
        type Scope = NamespaceResourceScope;

        fn kind((): &()) -> Cow<'_, str> {
            "Touchy".into()
        }

        fn group((): &()) -> Cow<'_, str> {
            "example.com".into()
        }

        fn version((): &()) -> Cow<'_, str> {
            "v1".into()
        }

        fn plural((): &()) -> Cow<'_, str> {
            "touchies".into()
        }

        fn meta(&self) -> &ObjectMeta {
            &self.metadata
        }

        fn meta_mut(&mut self) -> &mut ObjectMeta {
            &mut self.metadata
        }
    }

    fn stored(json: &str) -> Stored {
        Stored::of("a", "u", "1", false, json)
    }

    #[test]
    fn object_is_decoded_once_for_two_handlers_and_two_attempts() {
        let decoder = Decoder::default();
        let object = stored(r#"{"metadata":{"name":"a"}}"#);

        let first = decoder.decode::<Pod>(&object).map(|pod| Arc::as_ptr(&pod));
        let second = decoder.decode::<Pod>(&object).map(|pod| Arc::as_ptr(&pod));

        assert_eq!(first.expect("a pod"), second.expect("a pod"));
    }

    #[test]
    fn panic_is_an_error_of_the_object_and_is_kept() {
        let pinned = Arc::<Pinned>::default();
        let decoder = Decoder::with_pinned(pinned.clone());
        let object = stored(r#"{"metadata":{"name":"a"}}"#);
        Touchy::does(|| panic!("told to panic by hunter2"));

        pinned.prepare::<Touchy>(&object);
        pinned.insert(&object);

        let error = decoder.decode::<Touchy>(&object).map(|_| ());
        let text = error.expect_err("it panicked").to_string();
        assert!(text.contains("panicked"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn object_may_ask_for_itself_while_it_is_decoded() {
        let decoder = Arc::new(Decoder::default());
        let object = stored(r#"{"metadata":{"name":"a"}}"#);
        let (tell, told) = mpsc::channel();

        thread::spawn(move || {
            let (inner, same) = (decoder.clone(), object.clone());
            Touchy::does(move || assert!(inner.decode::<Touchy>(&same).is_ok()));
            let _ = tell.send(decoder.decode::<Touchy>(&object).is_ok());
        });

        assert_eq!(told.recv_timeout(TEN_SECONDS), Ok(true));
    }

    #[test]
    fn nobody_waits_for_another_who_decodes_the_object() {
        let decoder = Arc::new(Decoder::default());
        let object = stored(r#"{"metadata":{"name":"a"}}"#);
        let (tell, told) = mpsc::channel();
        let (other, same) = (decoder.clone(), object.clone());
        Touchy::does(move || {
            thread::spawn(move || tell.send(other.decode::<Touchy>(&same).is_ok()));
            assert_eq!(told.recv_timeout(TEN_SECONDS), Ok(true));
        });

        assert!(decoder.decode::<Touchy>(&object).is_ok());
    }

    #[test]
    fn object_that_every_reader_has_done_with_is_let_go() {
        let decoder = Decoder::default();
        decoder.set_readers(2);
        let object = stored(r#"{"metadata":{"name":"a"}}"#);
        let weak = decoder
            .decode::<Pod>(&object)
            .map(|pod| Arc::downgrade(&pod));
        let weak = weak.expect("a pod");

        decoder.release(&object);
        assert!(
            weak.upgrade().is_some(),
            "the other lane has not handled it"
        );
        decoder.release(&object);

        assert!(weak.upgrade().is_none());
        decoder.release(&object);
    }

    #[test]
    fn other_rust_type_of_the_same_object_is_decoded_as_well() {
        let decoder = Decoder::default();
        let object = stored(r#"{"metadata":{"name":"a"},"data":{"a":"b"}}"#);

        let pod = decoder.decode::<Pod>(&object).expect("a pod");
        let map = decoder.decode::<ConfigMap>(&object).expect("a map");

        assert_eq!(pod.metadata.name, map.metadata.name);
        assert!(map.data.is_some());
    }

    #[test]
    fn few_objects_are_remembered_whatever_is_decoded() {
        let decoder = Decoder::default();
        let object = stored(r#"{"metadata":{"name":"a"}}"#);
        let first = decoder.decode::<Pod>(&object).expect("a pod");
        let gone = Arc::downgrade(&first);
        drop(first);

        for _ in 0..2 * MAX_OBJECTS {
            decoder.decode::<Pod>(&stored("{}")).expect("a pod");
        }
        let large = format!(r#"{{"metadata":{{"name":"{}"}}}}"#, "a".repeat(MAX_JSON));
        decoder.decode::<Pod>(&stored(&large)).expect("a pod");

        assert!(gone.upgrade().is_none());
        assert_eq!(
            decoder.recent.lock().entries.len(),
            0,
            "too large to be kept"
        );
        assert_eq!(decoder.recent.lock().json, 0);
    }

    #[test]
    fn pinned_object_stays_decoded_until_it_leaves_the_store() {
        let pinned = Arc::<Pinned>::default();
        let decoder = Decoder::with_pinned(pinned.clone());
        let object = stored(r#"{"metadata":{"name":"a"}}"#);
        pinned.prepare::<Pod>(&object);
        pinned.insert(&object);

        let first = decoder.peek::<Pod>(&object).expect("a pod");
        let second = decoder.decode::<Pod>(&object).expect("a pod");
        assert!(Arc::ptr_eq(&first, &second));
        drop(second);
        let garbage = pinned.remove(object.key());

        assert_eq!(Arc::strong_count(&first), 2, "dropped by the caller only");
        drop(garbage);
        assert_eq!(Arc::strong_count(&first), 1);
        let again = decoder.peek::<Pod>(&object).expect("a pod");
        assert!(!Arc::ptr_eq(&first, &again));
    }
}
