//! Finds the objects of a store by what is in them.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::Arc,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use parking_lot::{Mutex, MutexGuard};
use serde::Deserialize;

use crate::{
    Printable,
    contained::contained,
    informer::{
        cache::{delta::Delta, view::View},
        object::{
            decode::decode,
            decoded::{Decoder, Garbage},
            stored::Stored,
        },
        wire::scan::Members,
    },
    log::error,
    object_key::ObjectKey,
    resource::Resource,
};

/// Finds the objects of an [`Informer`](crate::Informer) by values that a function makes of each.
///
/// It is made first, then given to [`InformerOptions::index`](crate::InformerOptions::index),
/// and belongs to that one informer. The handle is cheap to clone. The function runs once for
/// each version of an object, before the version is stored: a callback that hears of a change
/// finds it in the index. An object for which the function panics, or which is not of the shape
/// of its Rust type, has no values.
///
/// # Examples
///
/// ```no_run
/// # async fn example(client: kubehandler::kube::Client) -> kubehandler::Result {
/// use kubehandler::{Filter, Index, Informer, InformerOptions, k8s::Pod};
///
/// let by_node = Index::of_object(|pod: &Pod| pod.spec.as_ref()?.node_name.clone());
/// let options = InformerOptions::default().index(&by_node);
/// let pods = Informer::<Pod>::with_options(client, &(), Filter::default(), options);
/// // Once it runs and has synced:
/// for key in by_node.keys("node-1") {
///     println!("{key}");
/// }
/// # Ok(())
/// # }
/// ```
pub struct Index<K> {
    inner: Arc<Inner<K>>,
}

struct Inner<K> {
    values: Values<K>,
    content: Mutex<Maps>,
}

/// How the values of an object are made.
enum Values<K> {
    OfObject(Box<Function<K>>),
    OfMetadata(Box<Function<ObjectMeta>>),
}

type Function<T> = dyn Fn(&T) -> Vec<String> + Send + Sync;

#[derive(Default)]
struct Maps {
    by_value: HashMap<String, BTreeSet<ObjectKey>>,
    by_key: HashMap<ObjectKey, Vec<String>>,
    /// The values of objects that come next: of one, unless several informers share the index.
    prepared: Vec<(Stored, Vec<String>)>,
}

/// At most this many prepared objects are kept; older ones never came into the store.
const MAX_PREPARED: usize = 8;

impl<K: Resource> Index<K> {
    /// Makes an index by a function of the whole object, which is decoded for it.
    ///
    /// Decoding costs several times as much as storing the object does: where its metadata says
    /// enough, [`of_metadata`](Self::of_metadata) is cheaper.
    #[must_use]
    pub fn of_object<V: IntoIterator<Item = String>>(
        values: impl Fn(&K) -> V + Send + Sync + 'static,
    ) -> Self {
        let values = Box::new(move |object: &K| values(object).into_iter().collect());
        Self::of(Values::OfObject(values))
    }
}

impl<K> Index<K> {
    /// Makes an index by a function of the object's metadata, such as its labels or owners.
    #[must_use]
    pub fn of_metadata<V: IntoIterator<Item = String>>(
        values: impl Fn(&ObjectMeta) -> V + Send + Sync + 'static,
    ) -> Self {
        let values = Box::new(move |metadata: &ObjectMeta| values(metadata).into_iter().collect());
        Self::of(Values::OfMetadata(values))
    }

    fn of(values: Values<K>) -> Self {
        let content = Mutex::default();
        Self {
            inner: Arc::new(Inner { values, content }),
        }
    }

    /// Returns the keys of the objects that have this value, in their order.
    #[must_use]
    pub fn keys(&self, value: &str) -> Vec<ObjectKey> {
        let content = self.inner.content();
        let keys = content.by_value.get(value);
        keys.map_or_else(Vec::new, |keys| keys.iter().cloned().collect())
    }

    /// Returns all values that objects have, in no order.
    #[must_use]
    pub fn values(&self) -> Vec<String> {
        self.inner.content().by_value.keys().cloned().collect()
    }
}

impl<K: Resource> Index<K> {
    pub(crate) fn view(&self) -> Arc<dyn View> {
        self.inner.clone()
    }
}

impl<K: Resource> Inner<K> {
    fn values(&self, object: &Stored) -> Vec<String> {
        let values = || match &self.values {
            Values::OfObject(values) => {
                let object = Decoder::default().peek::<K>(object).ok()?;
                Some(values(&object))
            }
            Values::OfMetadata(values) => {
                let metadata = object.with_json(metadata).ok()??;
                Some(values(&metadata))
            }
        };
        contained(values)
            .inspect_err(|_| error!(object = %Printable::new(object.key()), "the function of an index panicked"))
            .ok()
            .flatten()
            .unwrap_or_default()
    }
}

/// Decodes the metadata of an object, and only finds the end of the rest, which is most of it.
fn metadata(json: &[u8]) -> Option<ObjectMeta> {
    #[derive(Deserialize)]
    struct Partial {
        metadata: ObjectMeta,
    }

    if let Some(metadata) = only_metadata(json) {
        return decode(metadata, |_| ()).ok();
    }
    let Partial { metadata } = decode(json, |_| ()).ok()?;
    Some(metadata)
}

/// Returns the one member `metadata`; `None` if it is not there, or comes twice.
fn only_metadata(json: &[u8]) -> Option<&[u8]> {
    let mut members = Members::of(json).ok()?;
    let mut found = None;
    while let Some(member) = members.next().ok()? {
        let value = members.value().ok()?;
        if *member.name == *b"metadata" && found.replace(value).is_some() {
            return None;
        }
    }
    found
}

impl<K> Inner<K> {
    fn content(&self) -> MutexGuard<'_, Maps> {
        self.content.lock()
    }
}

impl<K: Resource> View for Inner<K> {
    fn prepare(&self, object: &Stored) {
        let values = self.values(object);
        let mut content = self.content();
        if content.prepared.len() == MAX_PREPARED {
            content.prepared.remove(0);
        }
        content.prepared.push((object.clone(), values));
    }

    fn apply(&self, delta: &Delta) -> Option<Garbage> {
        let mut content = self.content();
        match delta {
            Delta::Remove { last } => content.remove(&last.to_key()),
            Delta::Upsert { object, .. } => {
                let mut prepared = content.prepared.iter();
                let at = prepared.rposition(|(known, _)| known.is(object));
                let values = at.map(|at| content.prepared.swap_remove(at).1);
                content.put(&object.to_key(), values.unwrap_or_default());
            }
        }
        None
    }
}

impl Maps {
    fn put(&mut self, key: &ObjectKey, values: Vec<String>) {
        if self.by_key.get(key).is_some_and(|known| *known == values) {
            return;
        }
        self.remove(key);
        if values.is_empty() {
            return;
        }
        for value in &values {
            let keys = self.by_value.entry(value.clone()).or_default();
            keys.insert(key.clone());
        }
        self.by_key.insert(key.clone(), values);
    }

    fn remove(&mut self, key: &ObjectKey) {
        for value in self.by_key.remove(key).unwrap_or_default() {
            if let Some(keys) = self.by_value.get_mut(&value) {
                keys.remove(key);
                if keys.is_empty() {
                    self.by_value.remove(&value);
                }
            }
        }
    }
}

impl<K> Clone for Index<K> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
        }
    }
}

impl<K> fmt::Debug for Index<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index")
            .field("values", &self.inner.content().by_value.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::k8s::Pod;

    fn pod(name: &str, node: &str, labels: &str) -> Stored {
        let json = format!(
            r#"{{"metadata":{{"name":"{name}","labels":{labels}}},"spec":{{"nodeName":{node},"containers":[]}}}}"#
        );
        Stored::of(name, name, "1", false, &json)
    }

    fn by_node() -> Index<Pod> {
        Index::of_object(|pod: &Pod| {
            let node = pod.spec.as_ref()?.node_name.clone()?;
            assert_ne!(node, "bad");
            Some(node)
        })
    }

    fn put<K: Resource>(index: &Index<K>, object: &Stored) {
        index.inner.prepare(object);
        index.inner.apply(&Delta::Upsert {
            object: object.clone(),
            initial: false,
        });
    }

    fn names<K>(index: &Index<K>, value: &str) -> Vec<String> {
        let keys = index.keys(value);
        keys.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn object_is_found_by_its_value_until_it_has_another_or_is_gone() {
        let index = by_node();
        put(&index, &pod("b", r#""n1""#, "{}"));
        put(&index, &pod("a", r#""n1""#, "{}"));
        assert_eq!(names(&index, "n1"), ["a", "b"]);

        put(&index, &pod("a", r#""n2""#, "{}"));
        assert_eq!(names(&index, "n1"), ["b"]);
        assert_eq!(names(&index, "n2"), ["a"]);

        let last = pod("a", r#""n2""#, "{}");
        index.inner.apply(&Delta::Remove { last });
        assert_eq!(names(&index, "n2"), [""; 0]);
        assert_eq!(index.values(), ["n1"]);
    }

    #[test]
    fn object_that_cannot_be_indexed_has_no_values_and_breaks_nothing() {
        let index = by_node();
        put(&index, &pod("a", r#""n1""#, "{}"));

        put(&index, &pod("a", "7", "{}"));
        put(&index, &pod("b", r#""bad""#, "{}"));
        put(&index, &pod("c", r#""n1""#, "{}"));

        assert_eq!(names(&index, "n1"), ["c"]);
        assert_eq!(names(&index, "bad"), [""; 0]);
    }

    #[test]
    fn metadata_that_comes_twice_is_one() {
        let index = Index::<Pod>::of_metadata(|metadata| metadata.labels.clone()?.remove("app"));
        let json = r#"{"metadata":{"name":"a"},"spec":{"containers":[]},"metadata":{"labels":{"app":"web"}}}"#;

        put(&index, &Stored::of("a", "a", "1", false, json));

        assert_eq!(names(&index, "web"), ["a"]);
    }

    #[test]
    fn function_does_not_run_for_an_object_that_was_not_prepared() {
        let index = Index::<Pod>::of_metadata(|_| -> Vec<String> {
            unreachable!("it would run under the informer's lock")
        });
        let object = pod("a", r#""n1""#, "{}");

        let garbage = index.inner.apply(&Delta::Upsert {
            object,
            initial: false,
        });

        assert!(garbage.is_none());
        assert_eq!(index.values(), [""; 0]);
    }

    #[test]
    fn index_of_two_informers_has_the_objects_of_both() {
        let index = by_node();
        let objects = [pod("a", r#""n1""#, "{}"), pod("b", r#""n2""#, "{}")];

        for object in &objects {
            index.inner.prepare(object);
        }
        for object in objects {
            index.inner.apply(&Delta::Upsert {
                object,
                initial: false,
            });
        }

        assert_eq!(names(&index, "n1"), ["a"]);
        assert_eq!(names(&index, "n2"), ["b"]);
    }

    #[test]
    fn values_of_objects_that_never_come_are_few() {
        let index = by_node();

        for _ in 0..2 * MAX_PREPARED {
            index.inner.prepare(&pod("a", r#""n1""#, "{}"));
        }

        assert_eq!(index.inner.content().prepared.len(), MAX_PREPARED);
    }

    #[test]
    fn index_of_metadata_needs_no_valid_spec() {
        let index = Index::<Pod>::of_metadata(|metadata| {
            let labels = metadata.labels.iter().flatten();
            let labels = labels.map(|(name, value)| format!("{name}={value}"));
            labels.collect::<Vec<_>>()
        });

        put(&index, &pod("a", "7", r#"{"app":"web","tier":"front"}"#));

        assert_eq!(names(&index, "app=web"), ["a"]);
        assert_eq!(names(&index, "tier=front"), ["a"]);
    }
}
